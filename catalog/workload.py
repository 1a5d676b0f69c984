"""Figures of the archivists' work: who decided how much and when, and what waits. Only reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, func, select, true

from catalog import queue
from catalog.queue_filter import QueueFilter
from catalog.schema import ReviewState, ScanState, agents, decisions, reviews, scans

DAYS = 14
"""The latest days that are told, today included."""


@dataclass(frozen=True)
class Day:
    """How many photographs came to review on a day (UTC), and how many decisions were made that stand."""

    date: date
    opened: int
    decided: int


@dataclass(frozen=True)
class Person:
    """How many of somebody's decisions stand, of today and of all days told."""

    name: str
    today: int
    lately: int


@dataclass(frozen=True)
class Workload:
    """What the staff's first page tells.

    Parameters
    ----------
    states
        Reviews in each state.
    unanswered
        Returned ones that no newer version has answered.
    troubled
        Scans that were refused or have failed.
    days, people
        Oldest day first; who decided most first.
    """

    states: dict[ReviewState, int]
    unanswered: int
    troubled: int
    days: tuple[Day, ...]
    people: tuple[Person, ...]


def workload(connection: Connection, now: datetime | None = None) -> Workload:
    """Return the figures as of `now`."""
    today = (now or datetime.now(UTC)).date()
    since = datetime.combine(today - timedelta(days=DAYS - 1), datetime.min.time(), UTC)
    troubled = select(func.count()).where(scans.c.state.in_([ScanState.REFUSED, ScanState.FAILED]))
    return Workload(
        states=queue.counts(connection),
        unanswered=queue.count(connection, QueueFilter(state=ReviewState.RETURNED, unanswered=True)),
        troubled=connection.execute(troubled).scalar_one(),
        days=_days(connection, since, today),
        people=_people(connection, since, today),
    )


def _days(connection: Connection, since: datetime, today: date) -> tuple[Day, ...]:
    told = []
    for table, moment, standing in (
        (reviews, reviews.c.opened_at, true()),
        (decisions, decisions.c.decided_at, decisions.c.undone_at.is_(None)),
    ):
        day = func.date(func.timezone("UTC", moment)).label("day")
        query = select(day, func.count()).select_from(table).where(moment >= since, standing).group_by(day)
        told.append({row[0]: int(row[1]) for row in connection.execute(query)})
    opened, decided = told
    every = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    return tuple(Day(day, opened.get(day, 0), decided.get(day, 0)) for day in every)


def _people(connection: Connection, since: datetime, today: date) -> tuple[Person, ...]:
    morning = datetime.combine(today, datetime.min.time(), UTC)
    lately = func.count()
    query = (
        select(agents.c.name, lately.filter(decisions.c.decided_at >= morning), lately)
        .join(agents, agents.c.id == decisions.c.reviewer_id)
        .where(decisions.c.decided_at >= since, decisions.c.undone_at.is_(None))
        .group_by(agents.c.name)
        .order_by(lately.desc(), agents.c.name)
    )
    return tuple(Person(name, int(now), int(all_)) for name, now, all_ in connection.execute(query))
