"""What is due: the scans that a run takes all the way, whether their files still lie in the inbox or not.

Reads the catalog alone; the work is done from the store's own originals. A scan whose original is lost is not
due before its file has come in again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Select, func, literal, or_, select

from catalog.scans import Scan
from catalog.schema import (
    ReviewState,
    ScanState,
    collections,
    hints,
    memberships,
    reviews,
    scan_names,
    scans,
    versions,
)
from catalog.table_rows import columns

_NAMES_AT_ONCE = 5000


class Redo(StrEnum):
    """What finished work is taken up again, because options, models or software may make it another one.

    What would come out the same is found in the store. Approved work stands until a person approves another
    version.
    """

    NEVER = "never"
    UNREVIEWED = "unreviewed"
    """Of which no version was approved, rejected or sent back."""
    ALL = "all"


class Reason(StrEnum):
    """Why a scan is due; the first that applies."""

    NEW = "new"
    FAILED = "failed"
    RETURNED = "returned"
    """Sent back, with hints given or withdrawn that no version has followed."""
    RECLASSIFIED = "reclassified"
    """Somebody has stated since what it is, or whether it may be colored."""
    LOST = "lost"
    """A file made of it was lost since it was last finished."""
    REFUSED = "refused"
    """By another version of the software, or to be tried again."""
    REDONE = "redone"


@dataclass(frozen=True)
class Due:
    """A scan that is due, and why."""

    scan: int
    reason: Reason


def due(
    connection: Connection,
    *,
    redo: Redo = Redo.NEVER,
    software_version: str | None = None,
    again: bool = False,
    among: Collection[int] | None = None,
) -> tuple[Due, ...]:
    """Return the scans that are due, oldest first.

    Parameters
    ----------
    redo
        Which finished ones are due, too.
    software_version
        What other versions refused is due; ``None`` leaves refusals alone.
    again
        Whether all that was refused is due.
    among
        Only these scans; ``None`` for all.
    """
    stored = scans.c.path.is_not(None) & scans.c.lost_at.is_(None)
    found: dict[int, Due] = {}
    for reason, condition in _conditions(redo, software_version, again):
        rows = connection.execute(select(scans.c.id).where(stored, condition)).scalars()
        for scan in rows:
            found.setdefault(scan, Due(scan, reason))
    return tuple(found[scan] for scan in sorted(found) if among is None or scan in among)


def bytes_of(connection: Connection, scan_ids: Collection[int]) -> int:
    """Return how large the originals of these scans are together, bytes."""
    sizes = select(func.coalesce(func.sum(scans.c.bytes), 0)).where(scans.c.id == func.any(list(scan_ids)))
    return int(connection.execute(sizes).scalar_one())


def pages_of_files(
    connection: Connection, files: Mapping[str, str], *, collection: str | None = None
) -> dict[str, list[Scan]]:
    """Return the pages of those `files` (name → state, see `catalog.scans.seal`) that were taken in entirely.

    Parameters
    ----------
    collection
        Only files all of whose pages belong to this collection, or to no object, count as taken in.
    """
    taken: defaultdict[str, list[Scan]] = defaultdict(list)
    missing: set[str] = set()
    every = list(files)
    for start in range(0, len(every), _NAMES_AT_ONCE):
        names = every[start : start + _NAMES_AT_ONCE]
        for name, file, belongs, scan in _sighted(connection, names, collection):
            if files[name] == file:
                taken[name].append(scan)
                if not belongs:
                    missing.add(name)
    return {name: pages for name, pages in taken.items() if name not in missing}


def _sighted(
    connection: Connection, names: Iterable[str], collection: str | None
) -> Iterator[tuple[str, str, bool, Scan]]:
    belongs: ColumnElement[bool] = literal(True)
    if collection is not None:
        member = (
            select(memberships.c.object_id)
            .join(collections, collections.c.id == memberships.c.collection_id)
            .where(memberships.c.object_id == scans.c.object_id, collections.c.slug == collection)
        )
        belongs = or_(scans.c.object_id.is_(None), member.exists())
    query = (
        select(
            scan_names.c.path.label("name"),
            scan_names.c.file,
            belongs.label("belongs"),
            *columns(scans, Scan),
        )
        .join(scans, scans.c.id == scan_names.c.scan_id)
        .where(scan_names.c.path.in_(list(names)), scan_names.c.file.is_not(None))
    )
    for row in connection.execute(query):
        scan = dict(row._mapping)
        yield scan.pop("name"), scan.pop("file"), scan.pop("belongs"), Scan(**scan)


def _conditions(
    redo: Redo, software_version: str | None, again: bool
) -> Iterator[tuple[Reason, ColumnElement[bool]]]:
    yield Reason.NEW, scans.c.state == ScanState.NEW
    yield Reason.FAILED, scans.c.state == ScanState.FAILED
    refused = scans.c.state == ScanState.REFUSED
    yield Reason.RETURNED, ~refused & scans.c.id.in_(_returned())
    finished = scans.c.state == ScanState.PROCESSED
    yield Reason.RECLASSIFIED, finished & (scans.c.treatment_changed_at > scans.c.processed_at)
    lost = select(versions.c.id).where(
        versions.c.scan_id == scans.c.id,
        versions.c.lost_at.is_not(None),
        or_(scans.c.processed_at.is_(None), versions.c.lost_at > scans.c.processed_at),
    )
    yield Reason.LOST, ~refused & lost.exists()
    if again:
        yield Reason.REFUSED, refused
    elif software_version is not None:
        yield Reason.REFUSED, refused & scans.c.refused_by.is_distinct_from(software_version)
    if redo is not Redo.NEVER:
        decided = select(reviews.c.id).where(
            reviews.c.scan_id == scans.c.id,
            reviews.c.state.in_([ReviewState.APPROVED, ReviewState.REJECTED, ReviewState.RETURNED]),
        )
        yield Reason.REDONE, finished if redo is Redo.ALL else finished & ~decided.exists()


def leads_on(connection: Connection, review_id: int) -> bool:
    """Return whether a run would come to another version than a review's.

    It would when hints, or what the scan is said to be, have changed since the version was made.
    """
    changed = or_(
        _hints_changed(),
        select(scans.c.id)
        .where(scans.c.id == reviews.c.scan_id, scans.c.treatment_changed_at > versions.c.created_at)
        .exists(),
    )
    query = select(changed).select_from(reviews.join(versions, versions.c.id == reviews.c.version_id))
    return bool(connection.execute(query.where(reviews.c.id == review_id)).scalar())


def _hints_changed() -> ColumnElement[bool]:
    return (
        select(hints.c.id)
        .where(
            hints.c.scan_id == reviews.c.scan_id,
            func.greatest(hints.c.given_at, hints.c.withdrawn_at) > versions.c.created_at,
        )
        .exists()
    )


def _returned() -> Select[tuple[int]]:
    """Return the scans whose latest decision sent them back, and whose hints changed since that version."""
    others = reviews.alias()
    followed = select(others.c.id).where(
        others.c.scan_id == reviews.c.scan_id,
        others.c.id != reviews.c.id,
        # A version that waits is the answer to it; a later decision counts for more.
        (others.c.state == ReviewState.PENDING)
        | ((others.c.state != ReviewState.SUPERSEDED) & (others.c.decided_at > reviews.c.decided_at)),
    )
    return (
        select(reviews.c.scan_id)
        .join(versions, versions.c.id == reviews.c.version_id)
        .where(reviews.c.state == ReviewState.RETURNED, ~followed.exists(), _hints_changed())
    )
