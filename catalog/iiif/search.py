"""IIIF Content Search 2.0 over titles and descriptions within a collection.

An answer is an annotation page: each hit is a text of a photograph's record, with the words around the match
beside it where whole words match (https://iiif.io/api/search/2.0/).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from catalog.iiif.addresses import Addresses, path_token
from catalog.iiif.documents import serialize

CONTEXT = "http://iiif.io/api/search/2/context.json"
PAGE = 50
"""Photographs on one page of hits."""
LONGEST_QUERY = 200
"""Characters."""

_SURROUNDINGS = 60
_IGNORED = ("motivation", "date", "user")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Hit:
    """A photograph that was found, and its texts by field, what it is best known by first."""

    accession: str
    texts: Mapping[str, str]


@dataclass(frozen=True)
class SearchRequest:
    """What is asked: words, page from 0, and which parameters of the API were given but are not supported."""

    words: str
    page: int = 0
    ignored: tuple[str, ...] = ()


def ignored_parameters(given: Mapping[str, str]) -> tuple[str, ...]:
    """Return the API's parameters in `given` that this service does not support."""
    return tuple(name for name in _IGNORED if given.get(name))


def build_answer(
    slug: str, request: SearchRequest, hits: Sequence[Hit], total: int, addresses: Addresses
) -> bytes:
    """Return the annotation page that answers `request` with the photographs `hits` of `total`."""
    pages = max(1, -(-total // PAGE))
    address = _address(slug, request, request.page, addresses)
    document: dict[str, Any] = {"@context": CONTEXT, "id": address, "type": "AnnotationPage"}
    if request.ignored:
        document["ignored"] = list(request.ignored)
    if pages > 1:
        document["partOf"] = {
            "id": _address(slug, request, None, addresses),
            "type": "AnnotationCollection",
            "total": total,
            "first": _page(slug, request, 0, addresses),
            "last": _page(slug, request, pages - 1, addresses),
        }
        document["startIndex"] = request.page * PAGE
        if request.page:
            document["prev"] = _page(slug, request, request.page - 1, addresses)
        if request.page + 1 < pages:
            document["next"] = _page(slug, request, request.page + 1, addresses)
    words = _folded_words(request.words)
    found = [match for hit in hits for match in _found(hit, words)]
    document["items"] = [_annotation(match, addresses) for match in found]
    contexts = [_context(address, match, span, addresses) for match in found for span in match.spans]
    if contexts:
        document["annotations"] = [{"id": f"{address}#matches", "type": "AnnotationPage", "items": contexts}]
    return serialize(document)


def _address(slug: str, request: SearchRequest, page: int | None, addresses: Addresses) -> str:
    query: dict[str, str | int] = {"q": request.words}
    if page:
        query["page"] = page
    return f"{addresses.search(slug)}?{urlencode(query)}"


def _page(slug: str, request: SearchRequest, page: int, addresses: Addresses) -> dict[str, str]:
    return {"id": _address(slug, request, page, addresses), "type": "AnnotationPage"}


@dataclass(frozen=True)
class _Match:
    hit: Hit
    field: str
    text: str
    spans: list[tuple[int, int]]

    def annotation_id(self, addresses: Addresses) -> str:
        return f"{addresses.manifest(self.hit.accession)}#{self.field}"


def _found(hit: Hit, words: set[str]) -> list[_Match]:
    every = [_Match(hit, field, text, _matches(text, words)) for field, text in hit.texts.items()]
    # What was found by a piece of a word or by likeness holds no such word, and is told all the same.
    return [match for match in every if match.spans] or every[:1]


def _annotation(match: _Match, addresses: Addresses) -> dict[str, Any]:
    return {
        "id": match.annotation_id(addresses),
        "type": "Annotation",
        "motivation": "describing",
        "body": {"type": "TextualBody", "value": match.text, "format": "text/plain"},
        "target": {
            "id": addresses.canvas(match.hit.accession, 1),
            "type": "Canvas",
            "partOf": [{"id": addresses.manifest(match.hit.accession), "type": "Manifest"}],
        },
    }


def _context(address: str, match: _Match, span: tuple[int, int], addresses: Addresses) -> dict[str, Any]:
    start, end = span
    return {
        "id": f"{address}#{match.field}-{start}-of-{path_token(match.hit.accession)}",
        "type": "Annotation",
        "motivation": "contextualizing",
        "target": {
            "type": "SpecificResource",
            "source": match.annotation_id(addresses),
            "selector": [
                {
                    "type": "TextQuoteSelector",
                    "prefix": match.text[max(0, start - _SURROUNDINGS) : start],
                    "exact": match.text[start:end],
                    "suffix": match.text[end : end + _SURROUNDINGS],
                }
            ],
        },
    }


def _folded_words(text: str) -> set[str]:
    return {_fold(match[0]) for match in _WORD.finditer(text)}


def _matches(text: str, words: set[str]) -> list[tuple[int, int]]:
    return [match.span() for match in _WORD.finditer(text) if _fold(match[0]) in words]


def _fold(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
