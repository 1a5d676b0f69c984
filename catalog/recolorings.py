"""Sets of hints that somebody tries on a finished request: a queue of its own, quick work before slow.

A set is tried on a view; the request's files stay as they are. Rows go with their request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from catalog import tokens
from catalog.request_options import HintOption
from catalog.requests import Request, RequestConflict, RequestLimits, TooManyRequests, by_id
from catalog.schema import RequestState, TokenAct, recolorings, requests
from catalog.table_rows import columns, read
from catalog.tokens import ApiToken
from imaging.errors import HeliochromeError

MOST_WAITING = 4
"""Sets of one request that wait at once."""
MOST_KEPT = 200
"""Sets of one request in all: each leaves a view in the store."""


@dataclass(frozen=True, kw_only=True)
class Recoloring:
    """A set of hints, and what became of it."""

    id: int
    uuid: UUID
    request_id: int
    state: RequestState
    hints: Sequence[dict[str, Any]]
    attempts: int
    entry: str | None
    outcome: Sequence[dict[str, Any]]
    reason: str | None
    remedy: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class HeldRecoloring:
    """A set of hints that a worker holds, its request, and the lease that says so."""

    recoloring: Recoloring
    request: Request
    lease: UUID


def ask(
    connection: Connection, request: Request, client: ApiToken, hints: Sequence[HintOption]
) -> Recoloring:
    """Queue a set of hints.

    Raises
    ------
    RequestConflict
        The request has no colors yet.
    TooManyRequests
        Too many sets of this request wait, or were tried.
    """
    connection.execute(select(requests.c.id).where(requests.c.id == request.id).with_for_update())
    if request.state is not RequestState.FINISHED or "colorization" not in request.entries:
        remedy = "Wait until it is finished; one that is not colorized takes no hints."
        raise RequestConflict(str(request.uuid), "has no colors to try hints on", remedy)
    mine = recolorings.c.request_id == request.id
    unfinished = recolorings.c.state.in_((RequestState.QUEUED, RequestState.WORKING))
    waiting, tried = connection.execute(
        select(func.count().filter(unfinished), func.count()).where(mine)
    ).one()
    if waiting >= MOST_WAITING or tried >= MOST_KEPT:
        fault = f"has {waiting} sets of hints waiting of {tried} tried"
        raise TooManyRequests(str(request.uuid), fault, "Wait for the last one, or begin a new request.", 2)
    row = {
        "uuid": uuid4(),
        "request_id": request.id,
        "state": RequestState.QUEUED,
        "hints": [hint.model_dump() for hint in hints],
    }
    number = connection.execute(insert(recolorings).values(row).returning(recolorings.c.id)).scalar_one()
    tokens.note(connection, client.id, TokenAct.HINTED, detail=str(request.uuid))
    return _by_id(connection, number)


def get(connection: Connection, request: Request, uuid: UUID) -> Recoloring | None:
    """Return a set of hints of a request, or ``None``."""
    query = select(*columns(recolorings, Recoloring)).where(
        recolorings.c.uuid == uuid, recolorings.c.request_id == request.id
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else read(Recoloring, row)


def claim(connection: Connection, limits: RequestLimits) -> HeldRecoloring | None:
    """Take the next set of hints, or ``None``."""
    waiting = or_(
        recolorings.c.state == RequestState.QUEUED,
        and_(recolorings.c.state == RequestState.WORKING, recolorings.c.lease_until < func.now()),
    )
    query = select(recolorings.c.id).where(waiting, recolorings.c.attempts < limits.most_attempts)
    following = query.order_by(recolorings.c.id).limit(1).with_for_update(skip_locked=True)
    number = connection.execute(following).scalar()
    if number is None:
        return None
    lease = uuid4()
    held = {
        "state": RequestState.WORKING,
        "lease": lease,
        "lease_until": func.now() + timedelta(seconds=limits.lease_seconds),
        "attempts": recolorings.c.attempts + 1,
    }
    connection.execute(update(recolorings).where(recolorings.c.id == number).values(held))
    recoloring = _by_id(connection, number)
    return HeldRecoloring(recoloring, by_id(connection, recoloring.request_id), lease)


def finish(
    connection: Connection, held: HeldRecoloring, entry: str, outcome: Sequence[dict[str, Any]]
) -> bool:
    """Record the view that was made, and what became of each hint; return whether the set was still held."""
    return _end(connection, held, {"state": RequestState.FINISHED, "entry": entry, "outcome": list(outcome)})


def give_up(connection: Connection, held: HeldRecoloring, error: HeliochromeError) -> bool:
    """Record why there is no view; return whether the set was still held."""
    why = {"reason": error.fault, "remedy": error.remedy}
    return _end(connection, held, {"state": RequestState.FAILED, **why})


def _end(connection: Connection, held: HeldRecoloring, values: dict[str, Any]) -> bool:
    mine = (recolorings.c.id == held.recoloring.id) & (recolorings.c.lease == held.lease)
    free = {"lease": None, "lease_until": None, "finished_at": func.now()}
    return connection.execute(update(recolorings).where(mine).values({**values, **free})).rowcount > 0


def _by_id(connection: Connection, number: int) -> Recoloring:
    query = select(*columns(recolorings, Recoloring)).where(recolorings.c.id == number)
    return read(Recoloring, connection.execute(query).one())
