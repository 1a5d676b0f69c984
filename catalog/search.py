"""Search over objects: accession number, words, and what is known of their photographs.

Words are looked up as a full-text query (``word other``, ``"a phrase"``, ``-not``, ``or``), accents and case
folded; where that finds nothing, as a piece of a number, title or maker; at last by likeness, which forgives
typing mistakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, select

from catalog import text_match
from catalog.objects import CatalogObject, plain
from catalog.queue_filter import Range
from catalog.schema import ReviewState, collections, memberships, objects, reviews, scans
from catalog.table_rows import columns

LEAST_LIKENESS = 0.45
"""Word similarity (pg_trgm, 0–1) from which a title counts as meant by a misspelled word."""
MOST_HITS = 1000


@dataclass(frozen=True, kw_only=True)
class ObjectSearch:
    """What to look for; all that is given must hold.

    Parameters
    ----------
    words
        In accession number, title, maker, date, description or source.
    accession_number
        Its beginning.
    collection
        Slug of a collection that the object is right inside.
    state, confidence, damage
        Of a review of one of its photographs.
    dated_from, dated_to
        Days; the object's date range must meet them.
    published
        Only what the public sees.
    """

    words: str = ""
    accession_number: str = ""
    collection: str | None = None
    state: ReviewState | None = None
    confidence: Range | None = None
    damage: Range | None = None
    dated_from: date | None = None
    dated_to: date | None = None
    published: bool = False


@dataclass(frozen=True)
class Hit:
    """An object that was found; `rank` is higher for better matches of the words."""

    object: CatalogObject
    rank: float


def search(
    connection: Connection, which: ObjectSearch, *, limit: int = 50, offset: int = 0
) -> tuple[Hit, ...]:
    """Return the objects found, best match first, then by accession number."""
    query = _finding(connection, which).limit(min(limit, MOST_HITS)).offset(offset)
    return tuple(_hit(row._mapping) for row in connection.execute(query))


def count(connection: Connection, which: ObjectSearch) -> int:
    """Return how many objects `search` finds on all pages."""
    every = _finding(connection, which).order_by(None).subquery()
    return connection.execute(select(func.count()).select_from(every)).scalar_one()


def _finding(connection: Connection, which: ObjectSearch) -> Select[*tuple[Any, ...]]:
    """Return the first statement that finds anything; `likeness` when none does."""
    query = full_text(which)
    for fallback in (part, likeness) if which.words.strip() else ():
        if connection.execute(select(query.order_by(None).exists())).scalar_one():
            return query
        query = fallback(which)
    _set_least_likeness(connection)
    return query


def _set_least_likeness(connection: Connection) -> None:
    # The operator's threshold is a setting of the session; here it holds for this transaction only.
    name = "pg_trgm.word_similarity_threshold"
    connection.execute(select(func.set_config(name, str(LEAST_LIKENESS), True)))


def full_text(which: ObjectSearch) -> Select[*tuple[Any, ...]]:
    """Return the statement that looks words up in the full-text index."""
    if not which.words.strip():
        return _select(which, literal_column("0.0"))
    asked = text_match.query(which.words)
    return _select(which, func.ts_rank(objects.c.search, asked)).where(objects.c.search.op("@@")(asked))


def part(which: ObjectSearch) -> Select[*tuple[Any, ...]]:
    """Return the statement that looks for the words as one piece of number, title or maker."""
    piece = text_match.piece(which.words)
    return _select(which, literal_column("0.0")).where(text_match.names.like(piece, escape="/"))


def likeness(which: ObjectSearch) -> Select[*tuple[Any, ...]]:
    """Return the statement that looks for what is spelled like the words, by the trigram index."""
    asked, names = text_match.fold(which.words), text_match.names
    return _select(which, func.word_similarity(asked, names)).where(asked.op("<%")(names))


def _hit(row: Any) -> Hit:
    values = dict(row)
    rank = float(values.pop("rank"))
    return Hit(CatalogObject(**values), rank)


def _select(which: ObjectSearch, rank: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    query = select(*columns(objects, CatalogObject), rank.label("rank"))
    for condition in _conditions(which):
        query = query.where(condition)
    return query.order_by(literal_column("rank").desc(), objects.c.accession_number)


def _conditions(which: ObjectSearch) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if which.accession_number:
        found.append(objects.c.accession_number.startswith(plain(which.accession_number), autoescape=True))
    if which.published:
        found.append(objects.c.published_at.is_not(None))
    if which.dated_from is not None:
        found.append(func.coalesce(objects.c.date_to, objects.c.date_from) >= which.dated_from)
    if which.dated_to is not None:
        found.append(func.coalesce(objects.c.date_from, objects.c.date_to) <= which.dated_to)
    if which.collection is not None:
        inside = (
            select(memberships.c.object_id).join(collections).where(collections.c.slug == which.collection)
        )
        found.append(objects.c.id.in_(inside))
    if reviewed := _review_conditions(which):
        found.append(
            objects.c.id.in_(
                select(scans.c.object_id).join(reviews, reviews.c.scan_id == scans.c.id).where(*reviewed)
            )
        )
    return found


def _review_conditions(which: ObjectSearch) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if which.state is not None:
        found.append(reviews.c.state == which.state)
    else:
        found.append(reviews.c.state != ReviewState.SUPERSEDED)
    if which.confidence is not None:
        found.append(reviews.c.confidence.between(which.confidence.least, which.confidence.most))
    if which.damage is not None:
        found.append(reviews.c.damage.between(which.damage.least, which.damage.most))
    asked = (which.state, which.confidence, which.damage)
    return found if any(value is not None for value in asked) else []
