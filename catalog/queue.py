"""The archivists' queue: reviews in a useful order, page by page.

Pages are found by the last row seen (keyset pagination), never by counting off: page 4,000 costs what page 1
costs, and rows decided meanwhile neither repeat nor skip others.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
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
    select,
    tuple_,
)

from catalog.queue_filter import QueueFilter, certainty, conditions, damage
from catalog.reviews import Review
from catalog.schema import (
    ReviewState,
    agents,
    objects,
    reviews,
    scans,
    versions,
)
from catalog.table_rows import columns
from imaging.errors import OptionsError

MOST_PER_PAGE = 500
WAITING = QueueFilter()
"""All that waits for a decision."""


class Order(StrEnum):
    """What comes first: the least certain colors, the most damaged pictures, or those that wait longest."""

    CERTAINTY = "certainty"
    DAMAGE = "damage"
    ARRIVAL = "arrival"


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
    """Some of the queue; `preceding` and `following` are tokens of the pages around, ``None`` at the ends."""

    items: tuple[QueueItem, ...]
    preceding: str | None
    following: str | None


@dataclass(frozen=True)
class Neighbors:
    """The reviews right before and right after one in the queue, ``None`` at its ends."""

    previous: QueueItem | None
    following: QueueItem | None


def page(
    connection: Connection,
    which: QueueFilter = WAITING,
    *,
    order: Order = Order.CERTAINTY,
    after: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> Page:
    """Return up to `limit` reviews: those that follow the token `after`, or that lead up to `before`."""
    if not 1 <= limit <= MOST_PER_PAGE:
        raise OptionsError("limit", f"{limit} is outside 1–{MOST_PER_PAGE}", "Ask for fewer reviews at once.")
    if after is not None and before is not None:
        raise OptionsError("page", "is asked for by two tokens", "Give either after or before.")
    statement = query(which, order=order, after=after, before=before, limit=limit + 1)
    rows = [_item(row._mapping) for row in connection.execute(statement)]
    items = tuple(rows[:limit] if before is None else rows[-limit:])
    if not items:
        return Page((), None, None)
    first, last = token(order, items[0].review), token(order, items[-1].review)
    more = len(rows) > limit
    ahead = more if before is not None else after is not None and _any(connection, which, order, before=first)
    behind = more if before is None else _any(connection, which, order, after=last)
    return Page(items, first if ahead else None, last if behind else None)


def neighbors(connection: Connection, which: QueueFilter, order: Order, review: Review) -> Neighbors:
    """Return what stands before and after the place of `review`, be it still in this queue or decided."""
    here = token(order, review)
    around = (
        query(which, order=order, after=None, before=here, limit=1),
        query(which, order=order, after=here, limit=1),
    )
    found = [connection.execute(one).one_or_none() for one in around]
    previous, following = (None if row is None else _item(row._mapping) for row in found)
    return Neighbors(previous, following)


def token(order: Order, review: Review) -> str:
    """Return the token of a review's place in the queue."""
    sure = 1.0 if review.confidence is None else review.confidence
    damaged = 0.0 if review.damage is None else review.damage
    value = {Order.CERTAINTY: sure, Order.DAMAGE: damaged, Order.ARRIVAL: 0.0}[order]
    return urlsafe_b64encode(json.dumps([order, value, review.id]).encode()).decode()


def query(
    which: QueueFilter, *, order: Order, after: str | None, before: str | None = None, limit: int
) -> Select[*tuple[Any, ...]]:
    """Return the statement behind `page`; asked for one row more, it tells whether there is another page."""
    # The page is cut from the narrow table first; only its rows are joined with what people read.
    cut = _cut(which, order, after, before).limit(limit).subquery("cut")
    return _with_names().join(cut, cut.c.id == reviews.c.id).order_by(*_ordering(order))


def of_reviews(connection: Connection, numbers: Iterable[int]) -> tuple[QueueItem, ...]:
    """Return those of these reviews that are there, the ones with the least certain colors first."""
    asked = _with_names().where(reviews.c.id.in_(list(numbers))).order_by(*_ordering(Order.CERTAINTY))
    return tuple(_item(row._mapping) for row in connection.execute(asked))


def count(connection: Connection, which: QueueFilter) -> int:
    """Return how many reviews there are in a queue."""
    found = select(func.count()).select_from(reviews)
    return connection.execute(found.where(reviews.c.state == which.state, *conditions(which))).scalar_one()


def reviewers(connection: Connection) -> tuple[str, ...]:
    """Return the names of all who have decided."""
    found = select(agents.c.name).where(agents.c.id.in_(select(reviews.c.reviewer_id))).distinct()
    return tuple(connection.execute(found.order_by(agents.c.name)).scalars())


def counts(connection: Connection) -> dict[ReviewState, int]:
    """Return how many reviews are in each state."""
    rows = connection.execute(select(reviews.c.state, func.count()).group_by(reviews.c.state))
    found = {state: int(count) for state, count in rows}
    return {state: found.get(state, 0) for state in ReviewState}


def _with_names() -> Select[*tuple[Any, ...]]:
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
        .join(versions, versions.c.id == reviews.c.version_id)
        .join(scans, scans.c.id == reviews.c.scan_id)
        .outerjoin(objects, objects.c.id == scans.c.object_id)
        .outerjoin(agents, agents.c.id == reviews.c.reviewer_id)
    )


def _any(
    connection: Connection,
    which: QueueFilter,
    order: Order,
    *,
    after: str | None = None,
    before: str | None = None,
) -> bool:
    return bool(connection.execute(select(_cut(which, order, after, before).exists())).scalar_one())


def _cut(which: QueueFilter, order: Order, after: str | None, before: str | None) -> Select[*tuple[Any, ...]]:
    """Return the numbers of the reviews from the token on, nearest first."""
    backward = before is not None
    cut = select(reviews.c.id).where(reviews.c.state == which.state, *conditions(which))
    if (here := before if backward else after) is not None:
        cut = cut.where(_beyond(order, here, backward))
    return cut.order_by(*_ordering(order, backward))


_KEYS: dict[Order, tuple[ColumnElement[Any], ...]] = {
    Order.CERTAINTY: (certainty, reviews.c.id),
    Order.DAMAGE: (damage, reviews.c.id),
    Order.ARRIVAL: (reviews.c.id,),
}


def _ordering(order: Order, backward: bool = False) -> list[ColumnElement[Any]]:
    return [column.desc() if _falls(order, backward) else column for column in _KEYS[order]]


def _falls(order: Order, backward: bool) -> bool:
    return (order is Order.DAMAGE) != backward


def _beyond(order: Order, given: str, backward: bool) -> ColumnElement[bool]:
    value, number = _read_token(order, given)
    keys = _KEYS[order]
    last = (literal(value, Double), literal(number, reviews.c.id.type))[-len(keys) :]
    return tuple_(*keys) < tuple_(*last) if _falls(order, backward) else tuple_(*keys) > tuple_(*last)


def _read_token(order: Order, given: str) -> tuple[float, int]:
    try:
        kind, value, number = json.loads(urlsafe_b64decode(given.encode()))
        if kind == order:
            return float(value), int(number)
    except (ValueError, TypeError, OverflowError):
        pass
    raise OptionsError("page", "its token is not one of this queue", "Start from the first page.")


def _item(row: Any) -> QueueItem:
    names = set(Review.__dataclass_fields__)
    review = Review(**{name: row[name] for name in names})
    return QueueItem(review, **{name: value for name, value in row.items() if name not in names})
