"""Collections: named, nested groups of objects; an object may be in several.

Natural key: the slug, which is also the collection's place in addresses. Repeats change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Select,
    cast,
    delete,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from catalog.objects import CatalogObject
from catalog.schema import collections, memberships, objects
from catalog.table_rows import columns, read
from imaging.errors import CatalogError

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NESTING_LOCK = 0x48656C6970
"""Advisory lock number: two moves at once could close a circle that neither sees."""


@dataclass(frozen=True)
class Collection:
    """A collection's row; `parent` is the slug of the one it is part of."""

    id: int
    slug: str
    title: str
    description: str
    parent: str | None
    created_at: datetime
    updated_at: datetime


def upsert(
    connection: Connection, slug: str, *, title: str = "", description: str = "", parent: str | None = None
) -> Collection:
    """Make a collection, or overwrite its title, description and place.

    Raises
    ------
    CatalogError
        The slug is not lower-case words joined by hyphens, or the parent is unknown or inside the collection.
    """
    if not is_slug(slug):
        raise CatalogError(
            slug or "collection",
            "is not a slug",
            "Join lower-case words and numbers by hyphens: glass-plates.",
        )
    connection.execute(select(func.pg_advisory_xact_lock(_NESTING_LOCK)))
    parent_id = None if parent is None else get(connection, parent).id
    if parent is not None and slug in {parent, *_ancestors(connection, parent)}:
        raise CatalogError(slug, f"cannot be part of {parent}, which is part of it", "Choose another parent.")
    values = {"title": title or slug, "description": description, "parent_id": parent_id}
    new = insert(collections).values(slug=slug, **values)
    differs = [collections.c[name].is_distinct_from(new.excluded[name]) for name in values]
    connection.execute(
        new.on_conflict_do_update(
            index_elements=["slug"],
            set_={**values, "updated_at": func.now()},
            where=differs[0] | differs[1] | differs[2],
        )
    )
    return get(connection, slug)


def is_slug(text: str) -> bool:
    """Return whether `text` can name a collection: lower-case words and numbers joined by hyphens."""
    return _SLUG.fullmatch(text) is not None


def ensure(connection: Connection, slug: str, title: str = "") -> Collection:
    """Return a collection, made with this title when there is none."""
    return find(connection, slug) or upsert(connection, slug, title=title)


def find(connection: Connection, slug: str) -> Collection | None:
    """Return a collection, or ``None``."""
    row = connection.execute(_collections().where(collections.c.slug == slug)).one_or_none()
    return None if row is None else read(Collection, row)


def get(connection: Connection, slug: str) -> Collection:
    """Return a collection; raise `CatalogError` when there is none."""
    if (found := find(connection, slug)) is None:
        raise CatalogError(slug, "is no collection in the catalog", "Check the slug or make the collection.")
    return found


def children(connection: Connection, slug: str | None = None) -> tuple[Collection, ...]:
    """Return the collections right inside one, or those inside none, by slug."""
    inside = collections.c.parent_id == (None if slug is None else get(connection, slug).id)
    rows = connection.execute(_collections().where(inside).order_by(collections.c.slug))
    return tuple(read(Collection, row) for row in rows)


def add(connection: Connection, slug: str, object_ids: Iterable[int]) -> int:
    """Put objects into a collection; return how many were not in it."""
    number = get(connection, slug).id
    ids = cast(sorted(set(object_ids)), ARRAY(BigInteger))
    return add_from(connection, select(literal(number), func.unnest(ids)))


def add_from(connection: Connection, wanted: Select[*tuple[Any, ...]]) -> int:
    """Put objects into collections by the (collection, object) rows of `wanted`; return how many are new."""
    new = insert(memberships).from_select(["collection_id", "object_id"], wanted.order_by(text("1, 2")))
    added = (
        connection.execute(new.on_conflict_do_nothing().returning(memberships.c.collection_id))
        .scalars()
        .all()
    )
    _touch(connection, added)
    return len(added)


def remove(connection: Connection, slug: str, object_ids: Iterable[int]) -> int:
    """Take objects out of a collection; return how many were in it."""
    collection = get(connection, slug)
    gone = connection.execute(
        delete(memberships).where(
            memberships.c.collection_id == collection.id, memberships.c.object_id.in_(list(object_ids))
        )
    ).rowcount
    _touch(connection, [collection.id] * gone)
    return gone


def members(
    connection: Connection, slug: str, *, after: str = "", limit: int = 100, published: bool = False
) -> tuple[CatalogObject, ...]:
    """Return up to `limit` objects right inside a collection, by accession number, those above `after`."""
    query = (
        select(*columns(objects, CatalogObject))
        .join(memberships)
        .where(memberships.c.collection_id == get(connection, slug).id, objects.c.accession_number > after)
        .order_by(objects.c.accession_number)
        .limit(limit)
    )
    if published:
        query = query.where(objects.c.published_at.is_not(None))
    return tuple(read(CatalogObject, row) for row in connection.execute(query))


def size(connection: Connection, slug: str, *, published: bool = False) -> int:
    """Return how many objects are right inside a collection."""
    query = (
        select(func.count())
        .select_from(memberships.join(objects))
        .where(memberships.c.collection_id == get(connection, slug).id)
    )
    if published:
        query = query.where(objects.c.published_at.is_not(None))
    return connection.execute(query).scalar_one()


def of_object(connection: Connection, object_id: int) -> tuple[Collection, ...]:
    """Return the collections an object is in, by slug."""
    query = (
        _collections()
        .join(memberships, memberships.c.collection_id == collections.c.id)
        .where(memberships.c.object_id == object_id)
        .order_by(collections.c.slug)
    )
    return tuple(read(Collection, row) for row in connection.execute(query))


_parents = collections.alias("parents")


def _collections() -> Select[*tuple[Any, ...]]:
    return select(*columns(collections, Collection), _parents.c.slug.label("parent")).outerjoin(
        _parents, _parents.c.id == collections.c.parent_id
    )


def _ancestors(connection: Connection, slug: str) -> tuple[str, ...]:
    query = text(
        "WITH RECURSIVE up AS (SELECT id, parent_id FROM collections WHERE slug = :slug "
        "UNION SELECT c.id, c.parent_id FROM collections c JOIN up ON c.id = up.parent_id) "
        "SELECT slug FROM collections JOIN up USING (id)"
    )
    return tuple(connection.execute(query, {"slug": slug}).scalars())


def _touch(connection: Connection, changed: Iterable[int]) -> None:
    if numbers := sorted(set(changed)):
        connection.execute(
            update(collections).where(collections.c.id.in_(numbers)).values(updated_at=func.now())
        )
