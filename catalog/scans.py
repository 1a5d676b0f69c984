"""Scans: files that came in, each known by the sha256 of its bytes and the page in it.

Natural key: sha256 and page; for a file that may not be read, its name. The same photograph under a second
name is one scan with two scan_names. Repeats change nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from catalog.schema import ScanState, events, scan_names, scans, versions
from catalog.table_rows import columns, read
from imaging.errors import CatalogError, HeliochromeError


@dataclass(frozen=True, kw_only=True)
class ScanRecord:
    """What is known about a scan that can be used.

    Parameters
    ----------
    sha256, page
        The digest of the file's bytes, and which page of it (0 for files with one).
    path
        Where the original lies, relative to the store's root.
    original_name
        The name it came under, relative to the inbox.
    bytes, width, height, bits, media_type
        Size of the file; pixels of the upright picture; bits per sample; IANA media type.
    object_id
        The object it shows.
    """

    sha256: str
    page: int = 0
    path: str
    original_name: str
    bytes: int
    width: int
    height: int
    bits: int
    media_type: str
    object_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A scan's row.

    `reason` and `remedy` say why it was refused or failed and what to do, `refused_by` which version of the
    software refused it, `lost_at` since when its original is not in the store or not what it was.
    """

    id: int
    object_id: int | None
    sha256: str | None
    page: int
    path: str | None
    original_name: str
    bytes: int | None
    width: int | None
    height: int | None
    bits: int | None
    media_type: str | None
    state: ScanState
    reason: str | None
    remedy: str | None
    refused_by: str | None
    lost_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Registered:
    """A scan, and whether this call made it known (`fresh`) or found it known."""

    scan: Scan
    fresh: bool


def storable_name(path: Path | str) -> str:
    r"""Return a file name that a text column takes, whatever bytes the file system allowed in it.

    Examples
    --------
    >>> storable_name("caf\udce9.tif")
    'caf\\xe9.tif'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def register(connection: Connection, record: ScanRecord) -> Registered:
    """Make a usable scan known, or find it; one that was refused or failed before gets another chance.

    Its original is in the store, be it again.
    What was said of its name while the file could not be read is settled and becomes part of its history.
    """
    values = {**asdict(record), "original_name": storable_name(record.original_name)}
    _adopt_unread(connection, values)
    new = insert(scans).values(**values, state=ScanState.NEW)
    again = {name: new.excluded[name] for name in values if name not in {"sha256", "page", "object_id"}}
    another_chance = scans.c.state.in_([ScanState.REFUSED, ScanState.FAILED])
    row = connection.execute(
        new.on_conflict_do_update(
            index_elements=["sha256", "page"],
            set_={
                **again,
                "state": case((another_chance, ScanState.NEW.value), else_=scans.c.state),
                "lost_at": None,
                "reason": None,
                "remedy": None,
                "object_id": func.coalesce(scans.c.object_id, new.excluded.object_id),
                "updated_at": func.now(),
            },
            where=another_chance | scans.c.lost_at.is_not(None),
        ).returning(scans.c.id)
    ).one_or_none()
    scan = by_sha256(connection, record.sha256, record.page)
    if scan is None:
        raise AssertionError("unreachable: the row was just written or stood in the way")
    _settle_unread(connection, scan.id, values["original_name"])
    _add_name(connection, scan.id, values["original_name"])
    return Registered(scan, fresh=row is not None)


def refuse(
    connection: Connection,
    original_name: str,
    error: HeliochromeError,
    *,
    sha256: str | None = None,
    page: int = 0,
    size: int | None = None,
    by: str | None = None,
) -> Scan:
    """Record that a file cannot be used, why, and what to do; a scan that was processed stays so.

    Parameters
    ----------
    original_name
        The name it came under, relative to the inbox.
    error
        Its fault and remedy are kept.
    sha256, size
        Digest and bytes of the file; ``None`` when it may not be read.
    by
        The version of the software that refuses it.
    """
    name = storable_name(original_name)
    new = insert(scans).values(
        original_name=name,
        sha256=sha256,
        page=page,
        bytes=size,
        state=ScanState.REFUSED,
        reason=error.fault,
        remedy=error.remedy,
    )
    target: dict[str, Any] = (
        {"index_elements": ["sha256", "page"]}
        if sha256
        else {"index_elements": ["original_name"], "index_where": scans.c.sha256.is_(None)}
    )
    connection.execute(
        new.on_conflict_do_update(
            **target,
            set_={
                "state": ScanState.REFUSED,
                "reason": error.fault,
                "remedy": error.remedy,
                "updated_at": func.now(),
            },
            where=(scans.c.state != ScanState.PROCESSED)
            & (func.coalesce(scans.c.reason, "") != new.excluded.reason),
        )
    )
    known = (
        (scans.c.sha256 == sha256) & (scans.c.page == page)
        if sha256
        else scans.c.sha256.is_(None) & (scans.c.original_name == name)
    )
    # Beside the above, for a refusal that only another version repeats is no news.
    refusing = known & (scans.c.state == ScanState.REFUSED) & scans.c.refused_by.is_distinct_from(by)
    connection.execute(update(scans).where(refusing).values(refused_by=by))
    scan = read(Scan, connection.execute(select(*columns(scans, Scan)).where(known)).one())
    _add_name(connection, scan.id, name)
    if sha256 is None:
        # What cannot be read now need not be the same file afterwards.
        known_as = (scan_names.c.path == name) & scan_names.c.file.is_not(None)
        connection.execute(update(scan_names).where(known_as).values(file=None))
    return scan


def mark_failed(connection: Connection, scan_id: int, error: HeliochromeError) -> None:
    """Record that work on a scan was lost, why, and what to do."""
    _set_state(connection, scan_id, ScanState.FAILED, error.fault, error.remedy)


def mark_processed(connection: Connection, scan_id: int) -> None:
    """Record that a scan went all the way to review."""
    _set_state(connection, scan_id, ScanState.PROCESSED, None, None)
    lost_since = select(versions.c.id).where(
        versions.c.scan_id == scan_id, versions.c.lost_at > scans.c.processed_at
    )
    # Else a repeat would change the catalog.
    changed_since = scans.c.treatment_changed_at > scans.c.processed_at
    unseen = scans.c.processed_at.is_(None) | lost_since.exists() | changed_since
    connection.execute(update(scans).where(scans.c.id == scan_id, unseen).values(processed_at=func.now()))


def mark_lost(connection: Connection, sha256: str) -> None:
    """Record that an original is not in the store any more, or not what it was: all its pages are lost."""
    lost = update(scans).where(scans.c.sha256 == sha256, scans.c.lost_at.is_(None))
    connection.execute(lost.values(lost_at=func.now()))


def mark_found(connection: Connection, sha256: str) -> None:
    """Record that an original is in the store, and what it was."""
    found = update(scans).where(scans.c.sha256 == sha256, scans.c.lost_at.is_not(None))
    connection.execute(found.values(lost_at=None))


def retry(connection: Connection, names: Iterable[str] | None = None) -> int:
    """Give refused and failed scans that came under these `names`, or all, another chance; return how many.

    Those whose originals are in the store are due in the next run, the others when their files are looked at.
    """
    chosen: ColumnElement[bool] = scans.c.state.in_([ScanState.REFUSED, ScanState.FAILED])
    if names is not None:
        under = select(scan_names.c.scan_id).where(scan_names.c.path.in_([storable_name(n) for n in names]))
        chosen &= scans.c.id.in_(under)
    stored = scans.c.path.is_not(None) & scans.c.lost_at.is_(None)
    anew = {"state": ScanState.NEW, "reason": None, "remedy": None, "refused_by": None}
    waiting = connection.execute(update(scans).where(chosen, ~stored).values(refused_by=None)).rowcount
    again = update(scans).where(chosen, stored).values(**anew, updated_at=func.now())
    return waiting + connection.execute(again).rowcount


def link(connection: Connection, scan_id: int, object_id: int) -> None:
    """Say which object a scan shows."""
    connection.execute(
        update(scans).where(scans.c.id == scan_id).values(object_id=object_id, updated_at=func.now())
    )


def get(connection: Connection, scan_id: int) -> Scan:
    """Return a scan; raise `CatalogError` when there is none."""
    row = connection.execute(select(*columns(scans, Scan)).where(scans.c.id == scan_id)).one_or_none()
    if row is None:
        raise CatalogError(f"scan {scan_id}", "is not in the catalog", "Check its number.")
    return read(Scan, row)


def by_sha256(connection: Connection, sha256: str, page: int = 0) -> Scan | None:
    """Return the scan of these bytes and this page, or ``None``."""
    query = select(*columns(scans, Scan)).where(scans.c.sha256 == sha256, scans.c.page == page)
    row = connection.execute(query).one_or_none()
    return None if row is None else read(Scan, row)


def of_object(connection: Connection, object_id: int) -> tuple[Scan, ...]:
    """Return an object's scans, oldest first."""
    query = select(*columns(scans, Scan)).where(scans.c.object_id == object_id).order_by(scans.c.id)
    return tuple(read(Scan, row) for row in connection.execute(query))


def names(connection: Connection, scan_id: int) -> tuple[str, ...]:
    """Return the names a scan came under, first seen first."""
    query = (
        select(scan_names.c.path)
        .where(scan_names.c.scan_id == scan_id)
        .order_by(scan_names.c.seen_at, scan_names.c.path)
    )
    return tuple(connection.execute(query).scalars())


def seal(connection: Connection, name: str, sha256: str, file: str) -> None:
    """Record that all pages of a file were taken in, or refused: it need not be read again.

    Parameters
    ----------
    name
        The name it came under.
    sha256
        Digest of its bytes.
    file
        Which file it was and in which state, in words that change with either.
    """
    pages = select(scans.c.id).where(scans.c.sha256 == sha256)
    sealed = update(scan_names).where(
        scan_names.c.path == storable_name(name),
        scan_names.c.scan_id.in_(pages),
        scan_names.c.file.is_distinct_from(file),
    )
    connection.execute(sealed.values(file=file))


def of_file(connection: Connection, name: str, file: str) -> tuple[Scan, ...]:
    """Return all pages of the file that came under a name as this very `file`; see `seal`."""
    digests = (
        select(scans.c.sha256)
        .join(scan_names, scan_names.c.scan_id == scans.c.id)
        .where(scan_names.c.path == storable_name(name), scan_names.c.file == file)
    )
    query = select(*columns(scans, Scan)).where(scans.c.sha256.in_(digests)).order_by(scans.c.page)
    return tuple(read(Scan, row) for row in connection.execute(query))


def unresolved(connection: Connection, *, limit: int = 100) -> tuple[Scan, ...]:
    """Return scans that still wait for somebody, newest first: refused, failed, or their original lost.

    One that was refused or failed and whose name has come in again since with a usable file is settled.
    """
    mine, later, usable = scan_names.alias(), scan_names.alias(), scans.alias()
    settled = (
        select(literal_column("1"))
        .select_from(
            mine.join(later, mine.c.path == later.c.path).join(usable, usable.c.id == later.c.scan_id)
        )
        .where(
            mine.c.scan_id == scans.c.id,
            later.c.seen_at >= mine.c.seen_at,
            usable.c.state.in_([ScanState.NEW, ScanState.PROCESSED]),
        )
        .exists()
    )
    query = (
        select(*columns(scans, Scan))
        .where(
            (scans.c.state.in_([ScanState.REFUSED, ScanState.FAILED]) & ~settled)
            | scans.c.lost_at.is_not(None)
        )
        .order_by(scans.c.id.desc())
        .limit(limit)
    )
    return tuple(read(Scan, row) for row in connection.execute(query))


def _adopt_unread(connection: Connection, values: dict[str, Any]) -> None:
    known = select(scans.c.id).where(scans.c.sha256 == values["sha256"], scans.c.page == values["page"])
    unread = scans.c.sha256.is_(None) & (scans.c.original_name == values["original_name"])
    # Another writer may make the scan known between the look and the update; then there is nothing to adopt.
    with suppress(IntegrityError), connection.begin_nested():
        connection.execute(
            update(scans).where(unread, ~known.exists()).values(sha256=values["sha256"], page=values["page"])
        )


def _settle_unread(connection: Connection, scan_id: int, name: str) -> None:
    unread = scans.c.sha256.is_(None) & (scans.c.original_name == name)
    found = connection.execute(select(scans.c.id).where(unread).with_for_update()).scalar()
    if found is not None:
        connection.execute(update(events).where(events.c.scan_id == found).values(scan_id=scan_id))
        connection.execute(delete(scan_names).where(scan_names.c.scan_id == found))
        connection.execute(delete(scans).where(scans.c.id == found))


def _add_name(connection: Connection, scan_id: int, name: str) -> None:
    new = insert(scan_names).values(scan_id=scan_id, path=name)
    connection.execute(new.on_conflict_do_nothing())


def _set_state(
    connection: Connection, scan_id: int, state: ScanState, reason: str | None, remedy: str | None
) -> None:
    connection.execute(
        update(scans)
        .where(
            scans.c.id == scan_id,
            (scans.c.state != state) | scans.c.reason.is_distinct_from(reason),
        )
        .values(state=state, reason=reason, remedy=remedy, updated_at=func.now())
    )
