"""Requests: photographs that clients hand over to have them restored and colored.

Natural key: the client's idempotency key; the same request under the same key is admitted once. A request
whose outcome is at hand is finished at once. What clients upload is private: it is no scan of the catalog,
and removed with its outcome when the request is withdrawn or expires.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from catalog import tokens
from catalog.request_files import RequestFiles, lock
from catalog.request_options import RequestOptions
from catalog.schema import RequestState, TokenAct, api_tokens, requests
from catalog.table_rows import columns, read
from catalog.tokens import ApiToken
from imaging.errors import CatalogError

if TYPE_CHECKING:
    from imaging.scan import ScanLimits

UNFINISHED = (RequestState.QUEUED, RequestState.WORKING)
GONE = (RequestState.WITHDRAWN, RequestState.EXPIRED)
LONGEST_NAME = 255
"""Characters of a file's name."""
USUAL_SECONDS = 15.0
"""How long a request is said to take before one has been finished."""
FORGOTTEN_DAYS = 30
"""For so long the row of a request that is gone counts in quotas and histories, days."""


@dataclass(frozen=True, kw_only=True)
class RequestLimits:
    """What a deployment answers on request.

    Parameters
    ----------
    max_pixels, max_side, max_bytes
        Of a photograph; larger ones are for the batch workflow.
    most_waiting
        Requests of all clients that wait or are worked on.
    kept_hours
        For how long an outcome is kept.
    lease_seconds
        After so long without a sign from its worker a request goes to another one.
    most_attempts
        After so many workers have died over a request it is given up.
    most_seconds
        A request that takes longer is given up.
    """

    max_pixels: int = 25_000_000
    max_side: int = 20_000
    max_bytes: int = 200 * 2**20
    most_waiting: int = 500
    kept_hours: float = 24.0
    lease_seconds: float = 20.0
    most_attempts: int = 3
    most_seconds: float = 900.0

    @property
    def scan(self) -> ScanLimits:
        """The limits as the door for untrusted scans takes them."""
        from imaging.scan import ScanLimits  # noqa: PLC0415 - loads libvips

        return ScanLimits(self.max_pixels, self.max_side, self.max_bytes, max_pages=20)


@dataclass(frozen=True)
class Upload:
    """A photograph as it was handed over: where it lies for the moment, what it is."""

    path: Path
    sha256: str
    name: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request's row."""

    id: int
    uuid: UUID
    api_token_id: int
    state: RequestState
    fingerprint: str
    sha256: str
    original_name: str
    width: int
    height: int
    options: Mapping[str, Any]
    stage: str
    progress: float
    attempts: int
    entries: Mapping[str, str]
    figures: Mapping[str, Any]
    method: str
    accession_number: str
    reason: str | None
    remedy: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None

    @property
    def chosen(self) -> RequestOptions:
        """The options."""
        return RequestOptions.model_validate(self.options)


@dataclass(frozen=True)
class Admission:
    """A request, and whether it is new (`fresh`) or was admitted before under its key."""

    request: Request
    fresh: bool


class RequestConflict(CatalogError):
    """A key that was used for another request, or a request in a state that does not allow what is asked."""


class TooManyRequests(CatalogError):
    """A client's quota, or everybody's queue, is full.

    Parameters
    ----------
    retry_after
        When to try again, s.
    """

    def __init__(self, subject: str, fault: str, remedy: str, retry_after: int = 60) -> None:
        super().__init__(subject, fault, remedy)
        self.retry_after = retry_after


def admit(
    connection: Connection,
    files: RequestFiles,
    client: ApiToken,
    upload: Upload,
    options: RequestOptions,
    *,
    limits: RequestLimits,
    key: str | None = None,
) -> Admission:
    """Take a photograph in and queue what is asked for it.

    Parameters
    ----------
    key
        The client's idempotency key.

    Raises
    ------
    RequestConflict
        The key was used for another photograph or with other options.
    TooManyRequests
        A quota or the queue is full.
    """
    fingerprint = fingerprint_of(upload.sha256, upload.name, options)
    # One admission of a client after the other, so that quotas hold.
    connection.execute(select(api_tokens.c.id).where(api_tokens.c.id == client.id).with_for_update())
    if key is not None and (known := _of_key(connection, client, key)) is not None:
        if known.fingerprint != fingerprint:
            remedy = "Use a new key for each new request."
            raise RequestConflict("idempotency key", "was used for another request", remedy)
        return Admission(known, fresh=False)
    check_quota(connection, client, limits)
    lock(connection, upload.sha256)
    files.store(upload.sha256).add_original(upload.path)
    row: dict[str, Any] = {
        "uuid": uuid4(),
        "api_token_id": client.id,
        "state": RequestState.QUEUED,
        "priority": client.priority,
        "idempotency_key": key,
        "fingerprint": fingerprint,
        "sha256": upload.sha256,
        "original_name": upload.name[:LONGEST_NAME],
        "width": upload.width,
        "height": upload.height,
        "options": options.as_json(),
        **_at_hand(connection, files, upload.sha256, fingerprint, limits),
    }
    number = connection.execute(insert(requests).values(row).returning(requests.c.id)).scalar_one()
    request = by_id(connection, number)
    tokens.note(connection, client.id, TokenAct.REQUESTED, detail=str(request.uuid))
    return Admission(request, fresh=True)


def check_quota(connection: Connection, client: ApiToken, limits: RequestLimits) -> None:
    """Raise `TooManyRequests` when a client, or all together, may not ask for more now."""
    mine = requests.c.api_token_id == client.id
    unfinished = requests.c.state.in_(UNFINISHED)
    waiting = connection.execute(select(func.count()).where(unfinished, mine)).scalar_one()
    if waiting >= client.most_waiting:
        fault = f"has {waiting} requests waiting, as many as it may"
        remedy = "Wait until one of them is finished, or withdraw one."
        raise TooManyRequests(client.name, fault, remedy, max(1, round(seconds_each(connection))))
    everyone = connection.execute(select(func.count()).where(unfinished)).scalar_one()
    if everyone >= limits.most_waiting:
        fault, remedy = f"holds {everyone} requests and is full", "Try again later."
        raise TooManyRequests("the queue", fault, remedy, max(1, round(seconds_each(connection))))
    recent = select(requests.c.created_at).where(
        mine, requests.c.created_at > func.now() - timedelta(hours=1)
    )
    oldest = recent.order_by(requests.c.created_at.desc()).offset(client.per_hour - 1).limit(1)
    left = select(func.extract("epoch", oldest.scalar_subquery() + timedelta(hours=1) - func.now()))
    if (seconds := connection.execute(left).scalar()) is not None:
        fault = f"has made {client.per_hour} requests within an hour, as many as it may"
        raise TooManyRequests(client.name, fault, "Try again later.", max(1, round(seconds)))


def get(connection: Connection, uuid: UUID, client: ApiToken | None = None) -> Request | None:
    """Return a request that is not gone, ``None`` when there is none or it is another client's."""
    query = select(*columns(requests, Request)).where(requests.c.uuid == uuid, requests.c.state.not_in(GONE))
    if client is not None:
        query = query.where(requests.c.api_token_id == client.id)
    row = connection.execute(query).one_or_none()
    return None if row is None else read(Request, row)


def by_id(connection: Connection, number: int) -> Request:
    """Return the request with this row number."""
    query = select(*columns(requests, Request)).where(requests.c.id == number)
    return read(Request, connection.execute(query).one())


def color_anew(
    connection: Connection, request: Request, client: ApiToken, options: RequestOptions, limits: RequestLimits
) -> Request:
    """Queue a finished request once more, with other options; its files stay until new ones are made.

    Raises
    ------
    RequestConflict
        It is not finished.
    TooManyRequests
        A quota or the queue is full.
    """
    connection.execute(select(api_tokens.c.id).where(api_tokens.c.id == client.id).with_for_update())
    check_quota(connection, client, limits)
    again = (
        update(requests)
        .where(requests.c.id == request.id, requests.c.state == RequestState.FINISHED)
        .values(
            state=RequestState.QUEUED,
            options=options.as_json(),
            fingerprint=fingerprint_of(request.sha256, request.original_name, options),
            stage="",
            progress=0.0,
            attempts=0,
            started_at=None,
            finished_at=None,
            expires_at=None,
        )
    )
    if not connection.execute(again).rowcount:
        raise RequestConflict(str(request.uuid), "is not finished", "Wait until it is, or withdraw it.")
    return by_id(connection, request.id)


def withdraw(connection: Connection, files: RequestFiles, request: Request) -> None:
    """Forget a request: its files are removed, unless another one needs them, and what it said."""
    _forget(connection, files, request.id, request.sha256, RequestState.WITHDRAWN)


def expire(connection: Connection, files: RequestFiles, limit: int = 100) -> int:
    """Forget up to `limit` requests whose time is over, and rows long gone; return how many expired."""
    over = select(requests.c.id, requests.c.sha256).where(
        requests.c.expires_at < func.now(), requests.c.state.not_in((*GONE, *UNFINISHED))
    )
    rows = connection.execute(over.order_by(requests.c.expires_at).limit(limit)).all()
    for row in rows:
        _forget(connection, files, row.id, row.sha256, RequestState.EXPIRED)
    long_gone = requests.c.state.in_(GONE) & (
        requests.c.created_at < func.now() - timedelta(days=FORGOTTEN_DAYS)
    )
    connection.execute(delete(requests).where(long_gone))
    return len(rows)


def seconds_each(connection: Connection) -> float:
    """Return how long a request takes: the mean of the last ones that a worker finished, s."""
    took = func.extract("epoch", requests.c.finished_at - requests.c.started_at)
    last = (
        select(took.label("took"))
        .where(requests.c.state == RequestState.FINISHED, requests.c.finished_at > requests.c.started_at)
        .order_by(requests.c.finished_at.desc())
        .limit(20)
        .subquery()
    )
    return float(connection.execute(select(func.avg(last.c.took))).scalar() or USUAL_SECONDS)


def fingerprint_of(sha256: str, name: str, options: RequestOptions) -> str:
    """Return the digest of all that a client decides about an outcome."""
    said = json.dumps([sha256, name[:LONGEST_NAME], options.as_json()], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _forget(
    connection: Connection, files: RequestFiles, number: int, sha256: str, state: RequestState
) -> None:
    said: dict[str, Any] = {
        "original_name": "",
        "options": {},
        "entries": {},
        "figures": {},
        "idempotency_key": None,
    }
    free = {"lease": None, "lease_until": None, "reason": None, "remedy": None}
    connection.execute(update(requests).where(requests.c.id == number).values(state=state, **said, **free))
    files.remove_unused(connection, sha256)


def _of_key(connection: Connection, client: ApiToken, key: str) -> Request | None:
    query = select(*columns(requests, Request)).where(
        requests.c.api_token_id == client.id, requests.c.idempotency_key == key
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else read(Request, row)


def _at_hand(
    connection: Connection, files: RequestFiles, sha256: str, fingerprint: str, limits: RequestLimits
) -> dict[str, Any]:
    """Return the columns of a request whose outcome is there; none where it has to be made."""
    done = select(requests).where(requests.c.state == RequestState.FINISHED)
    method = connection.execute(
        done.with_only_columns(requests.c.method).order_by(requests.c.finished_at.desc()).limit(1)
    ).scalar()
    equal = done.where(requests.c.fingerprint == fingerprint, requests.c.method == method)
    row = connection.execute(equal.order_by(requests.c.id.desc()).limit(1)).one_or_none()
    if row is None or row.accession_number or not files.complete(sha256, row.entries):
        return {}
    return {
        "state": RequestState.FINISHED,
        "progress": 1.0,
        "entries": row.entries,
        "figures": row.figures,
        "method": row.method,
        "started_at": func.now(),
        "finished_at": func.now(),
        "expires_at": func.now() + timedelta(hours=limits.kept_hours),
    }
