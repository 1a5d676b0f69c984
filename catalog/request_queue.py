"""The queue of requests: who is next, who works on it, what became of it.

A worker claims a request for as long as it gives signs of life; one that dies loses it to the next. Rows are
claimed with ``FOR UPDATE SKIP LOCKED``, and every later statement names the lease, so that a worker that was
taken for dead changes nothing. Clients of equal priority take turns, whatever each has waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, cast, func, text, update
from sqlalchemy.dialects.postgresql import JSONB

from catalog.requests import Request, RequestLimits, by_id, seconds_each
from catalog.schema import RequestState, api_tokens, requests
from imaging.errors import CatalogError, HeliochromeError

_WAITING = """
SELECT r.id, r.priority, t.served_at,
    row_number() OVER (PARTITION BY r.api_token_id, r.priority ORDER BY r.id) AS turn
FROM requests r JOIN api_tokens t ON t.id = r.api_token_id
WHERE r.state = 'queued' OR (r.state = 'working' AND r.lease_until < now())
"""
_ORDER = "waiting.priority DESC, waiting.turn, waiting.served_at NULLS FIRST, waiting.id"
# The state is asked for again outside: a row that another worker has claimed meanwhile is then passed over.
_NEXT = text(
    f"WITH waiting AS ({_WAITING}) SELECT requests.id FROM requests JOIN waiting ON waiting.id = requests.id "  # noqa: S608 - constants
    "WHERE requests.state = 'queued' OR (requests.state = 'working' AND requests.lease_until < now()) "
    f"ORDER BY {_ORDER} LIMIT 1 FOR UPDATE OF requests SKIP LOCKED"
)
_AHEAD = text(
    f"WITH waiting AS ({_WAITING}), placed AS ("  # noqa: S608 - constants
    f"SELECT id, row_number() OVER (ORDER BY {_ORDER}) - 1 AS ahead FROM waiting) "
    "SELECT ahead FROM placed WHERE id = :id"
)


@dataclass(frozen=True)
class Claim:
    """A request that a worker holds, and the lease that says so."""

    request: Request
    lease: UUID


@dataclass(frozen=True)
class Standing:
    """Where a request stands: how many are served before it, and about how long it takes yet, s."""

    ahead: int
    seconds_left: float


def claim(connection: Connection, limits: RequestLimits) -> Claim | None:
    """Take the next request, or ``None``; one over which too many workers died is given up."""
    while (number := connection.execute(_NEXT).scalar()) is not None:
        request = by_id(connection, number)
        if request.attempts >= limits.most_attempts:
            fault = f"{request.attempts} workers ended while they worked on it"
            error = CatalogError(str(request.uuid), fault, "Try it in the batch workflow.")
            _end(connection, number, RequestState.FAILED, error, limits)
            continue
        lease = uuid4()
        connection.execute(
            update(requests)
            .where(requests.c.id == number)
            .values(
                state=RequestState.WORKING,
                lease=lease,
                lease_until=func.now() + timedelta(seconds=limits.lease_seconds),
                attempts=requests.c.attempts + 1,
                started_at=func.coalesce(requests.c.started_at, func.now()),
            )
        )
        served = update(api_tokens).where(api_tokens.c.id == request.api_token_id)
        connection.execute(served.values(served_at=func.clock_timestamp()))
        return Claim(by_id(connection, number), lease)
    return None


def extend(connection: Connection, held: Claim, stage: str, progress: float, limits: RequestLimits) -> bool:
    """Give a sign of life and say how far it has come, 0–1; return whether the request is still held."""
    values = {
        "lease_until": func.now() + timedelta(seconds=limits.lease_seconds),
        "stage": stage,
        "progress": min(max(progress, 0.0), 1.0),
    }
    return _change(connection, held, values)


def add_entry(connection: Connection, held: Claim, name: str, key: str) -> bool:
    """Record that an outcome is in the store; return whether the request is still held."""
    return _change(connection, held, {"entries": requests.c.entries + cast({name: key}, JSONB)})


def finish(
    connection: Connection,
    held: Claim,
    entries: Mapping[str, str],
    figures: Mapping[str, Any],
    limits: RequestLimits,
    *,
    method: str,
    accession_number: str = "",
) -> bool:
    """Record the outcome; return whether the request was still held."""
    return _change(
        connection,
        held,
        {
            "state": RequestState.FINISHED,
            "lease": None,
            "lease_until": None,
            "progress": 1.0,
            "stage": "",
            "entries": dict(entries),
            "figures": dict(figures),
            "method": method,
            "accession_number": accession_number,
            "finished_at": func.now(),
            "expires_at": func.now() + timedelta(hours=limits.kept_hours),
        },
    )


def give_up(
    connection: Connection, held: Claim, state: RequestState, error: HeliochromeError, limits: RequestLimits
) -> bool:
    """Record why there is no outcome, refused or failed; return whether the request was still held."""
    if not _change(connection, held, {}):
        return False
    _end(connection, held.request.id, state, error, limits)
    return True


def release(connection: Connection, held: Claim) -> bool:
    """Put a request back that was not finished for no fault of its own; return whether it was still held."""
    free = {"state": RequestState.QUEUED, "lease": None, "lease_until": None, "stage": ""}
    return _change(connection, held, {**free, "attempts": requests.c.attempts - 1})


def standing(connection: Connection, request: Request) -> Standing:
    """Return where a request stands that is not finished."""
    each = seconds_each(connection)
    if request.state is RequestState.WORKING:
        return Standing(0, each * (1 - request.progress))
    ahead = int(connection.execute(_AHEAD, {"id": request.id}).scalar() or 0)
    return Standing(ahead, each * (ahead + 1))


def _change(connection: Connection, held: Claim, values: dict[str, Any]) -> bool:
    mine = (requests.c.id == held.request.id) & (requests.c.lease == held.lease)
    return (
        connection.execute(update(requests).where(mine).values(values or {"lease": held.lease})).rowcount > 0
    )


def _end(
    connection: Connection, number: int, state: RequestState, error: HeliochromeError, limits: RequestLimits
) -> None:
    connection.execute(
        update(requests)
        .where(requests.c.id == number)
        .values(
            state=state,
            reason=error.fault,
            remedy=error.remedy,
            lease=None,
            lease_until=None,
            stage="",
            finished_at=func.now(),
            expires_at=func.now() + timedelta(hours=limits.kept_hours),
        )
    )
