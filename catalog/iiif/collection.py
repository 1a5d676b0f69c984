"""IIIF Presentation 3.0 collections: nested, and cut into parts where they are large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import iiif_prezi3 as prezi

from catalog.iiif.addresses import Addresses
from catalog.iiif.jsonld import to_json
from catalog.iiif.language import text
from catalog.iiif.manifest import provider
from catalog.iiif.records import Institution

PART = 500
"""Manifests in one document; a larger collection is a collection of parts."""


@dataclass(frozen=True)
class Member:
    """A photograph in a collection."""

    accession: str
    title: str


@dataclass(frozen=True)
class Nested:
    """A collection inside a collection."""

    slug: str
    title: str


@dataclass(frozen=True)
class CollectionRecord:
    """What the catalog says of a collection: slug, title, description, and the one it is inside of."""

    slug: str
    title: str
    description: str = ""
    parent: Nested | None = None


def build_collection(
    record: CollectionRecord,
    nested: Sequence[Nested],
    members: Sequence[Member],
    size: int,
    addresses: Addresses,
    *,
    institution: Institution | None = None,
    searchable: bool = True,
) -> bytes:
    """Return a collection's document as UTF-8 JSON.

    Parameters
    ----------
    nested
        The collections right inside.
    members
        The photographs right inside; needed only when there are at most `PART`.
    size
        How many photographs there are.
    searchable
        Whether a search service answers.
    """
    inner = [_reference(addresses.collection(one.slug), one.title or one.slug) for one in nested]
    if size <= PART:
        inner += [_manifest(member, addresses) for member in members]
    else:
        inner += [
            _reference(addresses.collection(record.slug, number), _part_label(record, number, size))
            for number in range(1, -(-size // PART) + 1)
        ]
    within = addresses.collection(record.parent.slug) if record.parent else addresses.top()
    collection = prezi.Collection(
        id=addresses.collection(record.slug),
        label=text(record.title or record.slug),
        summary=text(record.description) if record.description else None,
        provider=[provider(institution)] if institution else None,
        partOf=[
            prezi.Class(
                id=within,
                type="Collection",
                label=text(record.parent.title) if record.parent else None,
            )
        ],
        service=[_search_service(record, addresses)] if searchable else None,
        items=inner,
    )
    return to_json(collection)


def build_part(
    record: CollectionRecord, number: int, members: Sequence[Member], size: int, addresses: Addresses
) -> bytes:
    """Return part `number` (from 1) of a large collection: the `PART` photographs `members`."""
    collection = prezi.Collection(
        id=addresses.collection(record.slug, number),
        label=text(_part_label(record, number, size)),
        partOf=[
            prezi.Class(
                id=addresses.collection(record.slug),
                type="Collection",
                label=text(record.title or record.slug),
            )
        ],
        items=[_manifest(member, addresses) for member in members],
    )
    return to_json(collection)


def build_top(
    nested: Sequence[Nested], addresses: Addresses, *, institution: Institution | None = None
) -> bytes:
    """Return the collection of all collections that are inside none."""
    collection = prezi.Collection(
        id=addresses.top(),
        label=text(institution.name) if institution else text("Collections", "en"),
        provider=[provider(institution)] if institution else None,
        seeAlso=[
            prezi.LinkedResource(
                id=addresses.activities(),
                type="OrderedCollection",
                label=text("What changed (IIIF Change Discovery)", "en"),
                format="application/ld+json",
                profile="http://iiif.io/api/discovery/1/context.json",
            )
        ],
        items=[_reference(addresses.collection(one.slug), one.title or one.slug) for one in nested],
    )
    return to_json(collection)


def _search_service(record: CollectionRecord, addresses: Addresses) -> prezi.ServiceV3:
    return prezi.ServiceV3(
        id=addresses.search(record.slug), type="SearchService2", label=text("Search", "en")
    )


def _reference(address: str, title: str) -> prezi.CollectionRef:
    return prezi.CollectionRef(id=address, type="Collection", label=text(title))


def _manifest(member: Member, addresses: Addresses) -> prezi.ManifestRef:
    return prezi.ManifestRef(
        id=addresses.manifest(member.accession), label=text(member.title or member.accession)
    )


def _part_label(record: CollectionRecord, number: int, size: int) -> str:
    first = (number - 1) * PART + 1
    return f"{record.title or record.slug}, {first}–{min(size, number * PART)}"
