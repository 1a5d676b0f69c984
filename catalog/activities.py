"""What the public saw change: the log behind IIIF Change Discovery 1.0.

An object is public from `publish` until `withdraw`. Each visible change writes one activity: Create when it
appears, Update when its description or pictures change, Delete when it is withdrawn. Numbers and times only
grow, in the order in which transactions become visible: a harvester that read up to a number misses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, insert, literal, select, update

from catalog.schema import ActivityType, activities, objects
from catalog.table_rows import columns, read

_ORDER_LOCK = 0x48656C6971
"""Advisory lock number: held from writing an activity until commit, so that order is order of appearance."""


@dataclass(frozen=True)
class Activity:
    """One entry of the log; `id` grows, `ended_at` is its moment in UTC."""

    id: int
    type: ActivityType
    object_id: int
    accession_number: str
    ended_at: datetime


def publish(connection: Connection, object_id: int) -> None:
    """Make an object public (Create), or tell that its pictures changed when it is public (Update)."""
    appeared = connection.execute(
        update(objects)
        .where(objects.c.id == object_id, objects.c.published_at.is_(None))
        .values(published_at=func.clock_timestamp())
    ).rowcount
    _log(connection, ActivityType.CREATE if appeared else ActivityType.UPDATE, objects.c.id == object_id)


def withdraw(connection: Connection, object_id: int) -> None:
    """Take an object out of the public's sight (Delete); nothing happens when it is not public."""
    vanished = connection.execute(
        update(objects)
        .where(objects.c.id == object_id, objects.c.published_at.is_not(None))
        .values(published_at=None)
    ).rowcount
    if vanished:
        _log(connection, ActivityType.DELETE, objects.c.id == object_id)


def changed(connection: Connection, object_ids: Iterable[int]) -> None:
    """Tell that objects changed (Update): those of them that are public."""
    if ids := sorted(object_ids):
        rows = objects.c.id.in_(ids) & objects.c.published_at.is_not(None)
        if connection.execute(select(select(objects.c.id).where(rows).exists())).scalar():
            _log(connection, ActivityType.UPDATE, rows)


def told_since(connection: Connection, object_id: int, moment: datetime) -> bool:
    """Return whether the log says anything of an object after `moment`."""
    later = (activities.c.object_id == object_id) & (activities.c.ended_at > moment)
    return bool(connection.execute(select(select(activities.c.id).where(later).exists())).scalar())


def entries(connection: Connection, *, after: int = 0, limit: int = 100) -> tuple[Activity, ...]:
    """Return up to `limit` activities with numbers above `after`, oldest first."""
    query = (
        select(*columns(activities, Activity), objects.c.accession_number)
        .join(objects)
        .where(activities.c.id > after)
        .order_by(activities.c.id)
        .limit(limit)
    )
    return tuple(read(Activity, row) for row in connection.execute(query))


@dataclass(frozen=True)
class Extent:
    """How long the log is: number of entries, the last one's number (0 when empty) and time."""

    total: int
    last: int
    ended_at: datetime | None


def extent(connection: Connection) -> Extent:
    """Return the extent of the log."""
    query = select(
        func.count(), func.coalesce(func.max(activities.c.id), 0), func.max(activities.c.ended_at)
    ).select_from(activities)
    return Extent(*connection.execute(query).one())


def _log(connection: Connection, kind: ActivityType, which: ColumnElement[bool]) -> None:
    connection.execute(select(func.pg_advisory_xact_lock(_ORDER_LOCK)))
    rows = (
        select(literal(kind.value), objects.c.id, func.clock_timestamp()).where(which).order_by(objects.c.id)
    )
    connection.execute(insert(activities).from_select(["type", "object_id", "ended_at"], rows))
