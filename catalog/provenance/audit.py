"""The fixity audit: a rotating share of the store is read again, and what has changed is taken out of use.

Reads every file of the entries and originals whose turn it is. Records one event per entry and original in
the catalog. What is damaged goes to the store's quarantine, with an event of its own, so that the next run
makes it anew; an original has to come back from a backup or into the inbox again. A repeat under the same
name records nothing twice: an audit that was killed can simply be run again, and records what it had moved.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from catalog import derivatives, events, scans
from catalog.database import in_transaction
from catalog.events import Event, Participant
from catalog.schema import EventOutcome, EventType
from catalog.schema import scans as scan_table
from catalog.schema import versions as version_table
from catalog.store import Damage, Store, rotating_share
from imaging.errors import OptionsError

Progress = Callable[[int, int], None]
"""Called with how many entries were read and how many there are to read."""


@dataclass(frozen=True)
class AuditOptions:
    """Which share is read, and how damage is handled.

    Parameters
    ----------
    turn, of
        The share: ``of`` successive turns read everything once; ``of=1`` reads all.
    occasion
        Names this audit, such as the workflow's run: what is recorded under the same name is recorded once.
    quarantine
        Whether damaged entries are taken out of use, or only reported.
    abandoned
        Partial work untouched for so long is removed: it can be made again.
    machine, participants
        For the events.
    """

    turn: int
    of: int
    occasion: str
    quarantine: bool = True
    abandoned: timedelta = timedelta(days=30)
    machine: str = ""
    participants: tuple[Participant, ...] = ()

    def __post_init__(self) -> None:
        if self.of < 1 or self.turn < 0:
            raise OptionsError(
                "fixity audit", f"turn {self.turn} of {self.of}", "Give a turn from 0 and of from 1."
            )


@dataclass(frozen=True)
class FixityFailure:
    """One entry or original that has changed since it was stored.

    Parameters
    ----------
    address
        The entry's key or the original's sha256.
    faults
        Each file and what is wrong with it.
    quarantined
        Where it is now, relative to the store, whichever audit moved it; ``None`` when there was nothing to
        move or moving was off.
    scan_id
        The scan that it belongs to; ``None`` when the catalog does not know it.
    """

    address: str
    faults: tuple[str, ...]
    quarantined: str | None
    scan_id: int | None


@dataclass(frozen=True)
class AuditReport:
    """What an audit read and found."""

    started: datetime
    ended: datetime
    entries: int
    originals: int
    losses: tuple[FixityFailure, ...]
    strangers: tuple[str, ...] = ()
    """Intact entries that the catalog does not know: left by a run that crashed before it recorded them."""
    dropped: tuple[str, ...] = ()
    """Keys of the partial work that was removed because it was abandoned."""

    @property
    def intact(self) -> bool:
        """Whether nothing was lost."""
        return not self.losses

    def to_json(self) -> str:
        """Return the report as one JSON document."""
        return json.dumps(asdict(self) | {"intact": self.intact}, default=str, indent=1)


@dataclass(frozen=True)
class _Due:
    """One entry or original whose turn it is, and the rows of the catalog that it belongs to."""

    address: str
    lies_in: Path
    read: Callable[[str], tuple[Damage, ...]]
    scan_id: int | None
    version_id: int | None = None


def audit_fixity(
    engine: Engine, store: Store, options: AuditOptions, *, progress: Progress | None = None
) -> AuditReport:
    """Read a share of the store again, record what was found, quarantine what was lost, drop what was left.

    Raises
    ------
    StoreError
        The store cannot be read or written at all.
    """
    started = datetime.now(UTC)
    with engine.connect() as connection:
        entries = list(_due_entries(connection, store, options))
        originals = list(_due_originals(connection, store, options))
    losses, strangers = [], []
    for done, due in enumerate((*entries, *originals)):
        if progress:
            progress(done, len(entries) + len(originals))
        if (failure := _check(engine, store, options, due)) is not None:
            losses.append(failure)
        elif due.scan_id is None:
            strangers.append(due.address)
    dropped = store.drop_abandoned(options.abandoned)
    return AuditReport(
        started, datetime.now(UTC), len(entries), len(originals), tuple(losses), tuple(strangers), dropped
    )


def examine(
    engine: Engine,
    store: Store,
    options: AuditOptions,
    address: str,
    *,
    scan_id: int,
    version_id: int | None = None,
) -> FixityFailure | None:
    """Read an entry or original of a scan again, whatever its turn; return what is wrong, ``None`` if intact.

    Records and moves what `audit_fixity` would.

    Parameters
    ----------
    address
        The entry's key, or the original's sha256.
    scan_id, version_id
        The scan that it belongs to, and the version that it is; ``None`` for an original.
    """
    if version_id is None:
        due = _Due(address, store.original(address), store.verify_original, scan_id)
    else:
        due = _Due(address, store.folder(address), store.verify, scan_id, version_id)
    return _check(engine, store, options, due)


def _due_entries(connection: Connection, store: Store, options: AuditOptions) -> Iterator[_Due]:
    columns = version_table.c.store_key, version_table.c.scan_id, version_table.c.id
    known = {key: (scan_id, version_id) for key, scan_id, version_id in connection.execute(select(*columns))}
    for key in _share({*store.keys(), *known}, options):
        yield _Due(key, store.folder(key), store.verify, *known.get(key, (None, None)))


def _due_originals(connection: Connection, store: Store, options: AuditOptions) -> Iterator[_Due]:
    query = select(scan_table.c.sha256, scan_table.c.id).where(scan_table.c.path.is_not(None))
    known = {sha256: scan_id for sha256, scan_id in connection.execute(query)}
    for sha256 in _share({*store.originals(), *known}, options):
        yield _Due(sha256, store.original(sha256), store.verify_original, known.get(sha256))


def _share(addresses: set[str], options: AuditOptions) -> list[str]:
    return sorted(rotating_share(addresses, options.turn, options.of))


def _check(engine: Engine, store: Store, options: AuditOptions, due: _Due) -> FixityFailure | None:
    started = datetime.now(UTC)
    faults = _faults(store, due)
    check = Event(
        occasion=f"fixity check of {due.address} in {options.occasion}",
        type=EventType.FIXITY_CHECK,
        outcome=EventOutcome.FAIL if faults else EventOutcome.SUCCESS,
        detail="; ".join(faults),
        scan_id=due.scan_id,
        version_id=due.version_id,
        store_key=due.address if due.version_id is not None else None,
        input_sha256=due.address if due.version_id is None else None,
        started_at=started,
        ended_at=datetime.now(UTC),
        participants=options.participants,
        machine=options.machine,
    )
    # Before anything is moved: a repeat of an audit killed there finds the file gone and its fault forgotten.
    _record(engine, check)
    in_transaction(engine, lambda connection: _mark(connection, due, lost=bool(faults)))
    if not faults:
        return None
    moved = _out_of_use(store, options, due)
    if moved is not None:
        _record(engine, _quarantine(check, moved))
    return FixityFailure(due.address, faults, moved, due.scan_id)


def _mark(connection: Connection, due: _Due, *, lost: bool) -> None:
    """Record whether what was read is intact: what is lost is due to be made anew, or to come in again."""
    if due.version_id is not None:
        (derivatives.mark_lost if lost else derivatives.mark_found)(connection, due.version_id)
    elif due.scan_id is not None:
        (scans.mark_lost if lost else scans.mark_found)(connection, due.address)


def _out_of_use(store: Store, options: AuditOptions, due: _Due) -> str | None:
    if due.lies_in.exists():
        moved = store.quarantine(due.address) if options.quarantine else None
    else:
        moved = store.quarantined(due.address)
    return store.relative(moved) if moved else None


def _quarantine(check: Event, moved: str) -> Event:
    return replace(
        check,
        # Named by its place, not by the audit: whichever audit records the move, it is recorded once.
        occasion=f"quarantine as {moved}",
        type=EventType.QUARANTINE,
        outcome=EventOutcome.SUCCESS,
        detail=f"moved to {moved}",
    )


def _record(engine: Engine, event: Event) -> None:
    in_transaction(engine, lambda connection: events.record(connection, event))


def _faults(store: Store, due: _Due) -> tuple[str, ...]:
    if not due.lies_in.exists():
        return ("is missing",)
    return tuple(f"{_name(store, damage.path)} {damage.fault}" for damage in due.read(due.address))


def _name(store: Store, path: Path) -> str:
    return store.relative(path) if path.is_relative_to(store.root) else path.name
