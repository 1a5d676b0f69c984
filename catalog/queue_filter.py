"""Which reviews an archivist wants to see: filters of the queue, as conditions on the table of reviews."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Double, Text, func, literal_column, select, union

from catalog import text_match
from catalog.schema import (
    CERTAINTY,
    DAMAGE,
    ReviewState,
    agents,
    collections,
    memberships,
    objects,
    reviews,
    scan_kinds,
    scans,
)
from imaging.scan_kind import ScanKind

certainty: ColumnElement[float] = literal_column(CERTAINTY, Double)
damage: ColumnElement[float] = literal_column(DAMAGE, Double)


@dataclass(frozen=True)
class Range:
    """Numbers from `least` to `most`, both included."""

    least: float = 0.0
    most: float = 1.0


@dataclass(frozen=True, kw_only=True)
class QueueFilter:
    """Which reviews: in this state and, where given, of all that is said here.

    Parameters
    ----------
    confidence, damage
        Uncolored photographs count as certain (1), unrestored ones as undamaged (0).
    collection
        Slug of a collection that the object is right inside.
    words
        In the object's text, or one piece of its names or of the file's name.
    kind
        What the scan is taken to be.
    reviewer
        Name of who decided.
    unanswered
        Only where no newer version has come to review since.
    """

    state: ReviewState = ReviewState.PENDING
    confidence: Range | None = None
    damage: Range | None = None
    collection: str | None = None
    words: str = ""
    kind: ScanKind | None = None
    reviewer: str = ""
    unanswered: bool = False


def conditions(which: QueueFilter) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions of a filter, but for the state, by which the indexes begin."""
    for value, within in ((certainty, which.confidence), (damage, which.damage)):
        if within is not None:
            yield value.between(within.least, within.most)
    if which.collection is not None:
        number = select(collections.c.id).where(collections.c.slug == which.collection).scalar_subquery()
        inside = (
            select(scans.c.id)
            .join(memberships, memberships.c.object_id == scans.c.object_id)
            .where(scans.c.id == reviews.c.scan_id, memberships.c.collection_id == number)
        )
        yield inside.exists()
    if which.words.strip():
        yield _about(which.words)
    if which.kind is not None:
        known = func.coalesce(scan_kinds.c.said, scan_kinds.c.told)
        yield (
            select(scan_kinds.c.scan_id)
            .where(scan_kinds.c.scan_id == reviews.c.scan_id, known == which.kind)
            .exists()
        )
    if which.reviewer:
        yield reviews.c.reviewer_id.in_(select(agents.c.id).where(agents.c.name == which.reviewer))
    if which.unanswered:
        newer = reviews.alias()
        yield (
            ~select(newer.c.id)
            .where(newer.c.scan_id == reviews.c.scan_id, newer.c.opened_at > reviews.c.decided_at)
            .exists()
        )


def _about(words: str) -> ColumnElement[bool]:
    named = select(scans.c.id).join(objects).where(text_match.about(words))
    called = func.heliochrome_fold(scans.c.original_name, type_=Text).like(
        text_match.piece(words), escape="/"
    )
    return reviews.c.scan_id.in_(union(named, select(scans.c.id).where(called)))
