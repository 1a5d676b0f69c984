"""IIIF Change Discovery 1.0, level 2: what was created, updated and deleted, oldest page first.

A page holds the activities of a fixed range of numbers, so that a page that is full never changes again and
no harvester ever misses one (https://iiif.io/api/discovery/1.0/).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from catalog.iiif.addresses import Addresses
from catalog.iiif.documents import serialize

CONTEXT = "http://iiif.io/api/discovery/1/context.json"
PAGE = 100
"""Numbers in one page."""


@dataclass(frozen=True)
class Change:
    """One activity: its number from 1, ``Create``, ``Update`` or ``Delete``, of what, and when it ended."""

    number: int
    type: str
    accession: str
    ended: datetime


def page_of(number: int) -> int:
    """Return the page, from 0, that the activity `number` is on."""
    return (number - 1) // PAGE


def numbers_on(page: int) -> range:
    """Return the numbers of the activities on `page`."""
    return range(page * PAGE + 1, (page + 1) * PAGE + 1)


def build_feed(total: int, last_number: int, addresses: Addresses) -> bytes:
    """Return the ordered collection of all pages.

    Parameters
    ----------
    total
        Activities in all.
    last_number
        The newest one's number; 0 when there is none.
    """
    return serialize(
        {
            "@context": CONTEXT,
            "id": addresses.activities(),
            "type": "OrderedCollection",
            "totalItems": total,
            "first": _page(addresses, 0),
            "last": _page(addresses, page_of(max(1, last_number))),
        }
    )


def build_page(page: int, last_number: int, changes: Sequence[Change], addresses: Addresses) -> bytes:
    """Return page `page` (from 0) with its `changes` in the order in which they happened."""
    document: dict[str, Any] = {
        "@context": CONTEXT,
        "id": addresses.activities(page),
        "type": "OrderedCollectionPage",
        "partOf": {"id": addresses.activities(), "type": "OrderedCollection"},
    }
    if page > 0:
        document["prev"] = _page(addresses, page - 1)
    if page < page_of(max(1, last_number)):
        document["next"] = _page(addresses, page + 1)
    document["orderedItems"] = [_activity(change, addresses) for change in changes]
    return serialize(document)


def _page(addresses: Addresses, page: int) -> dict[str, str]:
    return {"id": addresses.activities(page), "type": "OrderedCollectionPage"}


def _activity(change: Change, addresses: Addresses) -> dict[str, Any]:
    return {
        "id": f"{addresses.activities(page_of(change.number))}#{change.number}",
        "type": change.type,
        "object": {"id": addresses.manifest(change.accession), "type": "Manifest"},
        "endTime": change.ended.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }
