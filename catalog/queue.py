"""The archivists' queue: reviews in a useful order, page by page.

Pages are found by the last row seen (keyset pagination), never by counting off: page 4,000 costs what page 1
costs, and rows decided meanwhile neither repeat nor skip others.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Select,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)

from catalog.reviews import Review
from catalog.schema import (
    CERTAINTY,
    DAMAGE,
    ReviewState,
    agents,
    collections,
    memberships,
    objects,
    reviews,
    scans,
    versions,
)
from catalog.table_rows import columns
from imaging.errors import OptionsError

MOST_PER_PAGE = 500


class Order(StrEnum):
    """What comes first: the least certain colors, the most damaged pictures, or those that wait longest."""

    CERTAINTY = "certainty"
    DAMAGE = "damage"
    ARRIVAL = "arrival"


@dataclass(frozen=True)
class Range:
    """Numbers from `least` to `most`, both included."""

    least: float = 0.0
    most: float = 1.0


@dataclass(frozen=True, kw_only=True)
class QueueFilter:
    """Which reviews: in this state and, where given, within these ranges and this collection.

    Uncolored photographs count as certain (1), unrestored ones as undamaged (0).
    """

    state: ReviewState = ReviewState.PENDING
    confidence: Range | None = None
    damage: Range | None = None
    collection: str | None = None


@dataclass(frozen=True)
class QueueItem:
    """A review with what an archivist knows the photograph by."""

    review: Review
    stage: str
    number: int
    original_name: str
    accession_number: str | None
    title: str | None


@dataclass(frozen=True)
class Page:
    """Some of the queue; `following` is the token of the page after, ``None`` at the end."""

    items: tuple[QueueItem, ...]
    following: str | None


_certainty: ColumnElement[float] = literal_column(CERTAINTY, Double)
_damage: ColumnElement[float] = literal_column(DAMAGE, Double)


def page(
    connection: Connection,
    which: QueueFilter = QueueFilter(),
    *,
    order: Order = Order.CERTAINTY,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """Return up to `limit` reviews, those that follow the page whose `following` token is `after`."""
    if not 1 <= limit <= MOST_PER_PAGE:
        raise OptionsError("limit", f"{limit} is outside 1–{MOST_PER_PAGE}", "Ask for fewer reviews at once.")
    rows = connection.execute(query(which, order=order, after=after, limit=limit + 1)).all()
    items = tuple(_item(row._mapping) for row in rows[:limit])
    following = _token(order, items[-1].review) if len(rows) > limit else None
    return Page(items, following)


def query(which: QueueFilter, *, order: Order, after: str | None, limit: int) -> Select[*tuple[Any, ...]]:
    """Return the statement behind `page`; asked for one row more, it tells whether there is another page."""
    # The page is cut from the narrow table first; only its rows are joined with what people read.
    cut = _cut(which, order, after, limit).subquery("cut")
    return (
        select(
            *columns(reviews, Review),
            agents.c.name.label("reviewer"),
            versions.c.stage,
            versions.c.number,
            scans.c.original_name,
            objects.c.accession_number,
            objects.c.title,
        )
        .join(cut, cut.c.id == reviews.c.id)
        .join(versions, versions.c.id == reviews.c.version_id)
        .join(scans, scans.c.id == reviews.c.scan_id)
        .outerjoin(objects, objects.c.id == scans.c.object_id)
        .outerjoin(agents, agents.c.id == reviews.c.reviewer_id)
        .order_by(*_ordering(order))
    )


def counts(connection: Connection) -> dict[ReviewState, int]:
    """Return how many reviews are in each state."""
    rows = connection.execute(select(reviews.c.state, func.count()).group_by(reviews.c.state))
    found = {state: int(count) for state, count in rows}
    return {state: found.get(state, 0) for state in ReviewState}


def _cut(which: QueueFilter, order: Order, after: str | None, limit: int) -> Select[*tuple[Any, ...]]:
    cut = select(reviews.c.id).where(reviews.c.state == which.state)
    for value, within in ((_certainty, which.confidence), (_damage, which.damage)):
        if within is not None:
            cut = cut.where(value.between(within.least, within.most))
    if which.collection is not None:
        number = select(collections.c.id).where(collections.c.slug == which.collection).scalar_subquery()
        inside = (
            select(scans.c.id)
            .join(memberships, memberships.c.object_id == scans.c.object_id)
            .where(scans.c.id == reviews.c.scan_id, memberships.c.collection_id == number)
        )
        cut = cut.where(inside.exists())
    if after is not None:
        cut = cut.where(_follows(order, after))
    return cut.order_by(*_ordering(order)).limit(limit)


def _ordering(order: Order) -> tuple[ColumnElement[Any], ...]:
    match order:
        case Order.CERTAINTY:
            return _certainty, reviews.c.id
        case Order.DAMAGE:
            return _damage.desc(), reviews.c.id.desc()
        case Order.ARRIVAL:
            return (reviews.c.id,)


def _follows(order: Order, token: str) -> ColumnElement[bool]:
    value, number = _read_token(order, token)
    if order is Order.ARRIVAL:
        return reviews.c.id > number
    last = tuple_(literal(value, Double), literal(number, reviews.c.id.type))
    if order is Order.CERTAINTY:
        return tuple_(_certainty, reviews.c.id) > last
    return tuple_(_damage, reviews.c.id) < last


def _token(order: Order, review: Review) -> str:
    certainty = 1.0 if review.confidence is None else review.confidence
    damage = 0.0 if review.damage is None else review.damage
    value = {Order.CERTAINTY: certainty, Order.DAMAGE: damage, Order.ARRIVAL: 0.0}[order]
    return urlsafe_b64encode(json.dumps([order, value, review.id]).encode()).decode()


def _read_token(order: Order, token: str) -> tuple[float, int]:
    try:
        kind, value, number = json.loads(urlsafe_b64decode(token.encode()))
        if kind == order:
            return float(value), int(number)
    except (ValueError, TypeError, OverflowError):
        pass
    raise OptionsError("page", "its token is not one of this queue", "Start from the first page.")


def _item(row: Any) -> QueueItem:
    names = set(Review.__dataclass_fields__)
    review = Review(**{name: row[name] for name in names})
    return QueueItem(review, **{name: value for name, value in row.items() if name not in names})
