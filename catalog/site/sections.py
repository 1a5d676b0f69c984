"""The sections of a static site: a collection and all collections inside it, as the public sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from catalog import collections
from catalog.iiif.collection import PART, CollectionRecord, Nested
from catalog.iiif.presentation import Audience, nested_collections
from catalog.objects import CatalogObject


@dataclass(frozen=True)
class Section:
    """A collection of the site: the collections and the published objects directly inside it."""

    record: CollectionRecord
    nested: tuple[Nested, ...]
    members: tuple[CatalogObject, ...]

    def nested_link(self) -> Nested:
        """Return the link by which another collection names this one."""
        return Nested(self.record.slug, self.record.title)


def sections_of(connection: Connection, slug: str, parent: Nested | None = None) -> Iterator[Section]:
    """Yield the section of a collection, then those of all collections inside it.

    Raises
    ------
    CatalogError
        There is no such collection.
    """
    found = collections.get(connection, slug)
    nested = tuple(
        Nested(one.slug, one.title) for one in nested_collections(connection, slug, Audience.PUBLIC)
    )
    record = CollectionRecord(found.slug, found.title, found.description, parent)
    section = Section(record, nested, tuple(_members(connection, slug)))
    yield section
    for child in nested:
        yield from sections_of(connection, child.slug, section.nested_link())


def _members(connection: Connection, slug: str) -> Iterator[CatalogObject]:
    after = ""
    while found := collections.members(connection, slug, after=after, limit=PART, published=True):
        yield from found
        after = found[-1].accession_number
