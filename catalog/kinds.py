"""What scans are, and what therefore becomes of them: told at ingest, overruled by people, both on record.

Natural key: the scan. Telling it again replaces what was told and leaves alone what somebody said. What an
object or a collection says of colors holds over both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from catalog import events
from catalog.agents import Agent, ensure, model
from catalog.events import Event, Participant
from catalog.scans import get, of_object
from catalog.schema import AgentRole, EventOutcome, EventType, agents, collections, objects, scan_kinds, scans
from catalog.table_rows import columns, read
from imaging.errors import CatalogError
from imaging.scan_kind import ScanKind, ScanKindReport
from imaging.stage import Scalar

if TYPE_CHECKING:
    from catalog.outcomes import EventContext

STAGE = "ingestion"
"""At which what a scan is gets told."""


@dataclass(frozen=True, kw_only=True)
class KnownKind:
    """A scan's row: what it was taken for and why, and what somebody said it is."""

    scan_id: int
    told: ScanKind | None
    reason: str
    evidence: Mapping[str, Scalar]
    method: str
    told_at: datetime | None
    said: ScanKind | None
    said_at: datetime | None
    said_by: str | None

    @property
    def kind(self) -> ScanKind:
        """What the scan is taken to be."""
        kind = self.said or self.told
        if kind is None:
            raise AssertionError("unreachable: a constraint of the table")
        return kind


@dataclass(frozen=True)
class Treatment:
    """What may be done to a scan.

    Parameters
    ----------
    known
        The scan's kind; ``None`` when it has not been examined yet.
    forbidden_by
        The object or collection that forbids coloring; empty when none does.
    """

    known: KnownKind | None
    forbidden_by: str = ""

    @property
    def colorized(self) -> bool:
        """Whether colors are to be inferred."""
        return not self.forbidden_by and (self.known is None or self.known.kind.colorized)

    @property
    def mended(self) -> bool:
        """Whether damage is mended and noise reduced."""
        return self.known is None or self.known.kind.mended

    @property
    def keeps_color(self) -> bool:
        """Whether its colors are part of the photograph."""
        return self.known is not None and self.known.kind.keeps_color

    @property
    def explanation(self) -> str:
        """Why it is colorized or not, for people; empty when it has not been examined yet."""
        if self.forbidden_by:
            return f"{self.forbidden_by} must not be colored. No colors are inferred."
        return "" if self.known is None else self.known.kind.consequence


def record(connection: Connection, scan_id: int, report: ScanKindReport, under: EventContext) -> None:
    """Record what a scan was taken for; the same report again changes nothing."""
    told = {
        "told": report.kind,
        "reason": report.reason,
        "evidence": dict(report.evidence),
        "method": report.version,
        "told_at": under.ended_at,
    }
    new = insert(scan_kinds).values(scan_id=scan_id, **told)
    differs = scan_kinds.c.told.is_distinct_from(report.kind) | (scan_kinds.c.method != report.version)
    written = connection.execute(
        new.on_conflict_do_update(index_elements=["scan_id"], set_=told, where=differs).returning(
            scan_kinds.c.scan_id
        )
    ).scalar()
    if written is None:
        return
    scan = get(connection, scan_id)
    network = () if report.model is None else (Participant(model(report.model), AgentRole.MODEL),)
    participants = {**vars(under), "participants": (*under.participants, *network)}
    events.record(
        connection,
        Event(
            occasion=f"{scan.sha256} page {scan.page} taken for {report.kind} by method {report.version}",
            type=EventType.METADATA_MODIFICATION,
            outcome=EventOutcome.WARNING if report.kind is ScanKind.NEGATIVE else EventOutcome.SUCCESS,
            detail=f"taken for {report.kind.label}: {report.reason}",
            scan_id=scan_id,
            stage=STAGE,
            input_sha256=scan.sha256,
            parameters=dict(report.evidence),
            **participants,
        ),
    )


def overrule(
    connection: Connection, scan_id: int, kind: ScanKind | None, by: Agent, *, yields: bool = False
) -> None:
    """Record the kind that somebody sets for a scan; ``None`` goes back to the detected one.

    Parameters
    ----------
    yields
        Whether a kind that was set before is kept, as for a run's choice for all scans.

    Raises
    ------
    CatalogError
        There is no such scan, or it has not been examined and no kind is given.
    """
    scan = get(connection, scan_id)
    before = of_scan(connection, scan_id)
    if before is None and kind is None:
        raise CatalogError(scan.original_name, "has not been examined yet", "Set its kind, or start a run.")
    if before is not None and (before.said is kind or (yields and before.said is not None)):
        return
    if kind is None and before is not None and before.told is None:
        raise CatalogError(scan.original_name, "has not been examined yet", "Set its kind.")
    now = connection.execute(select(func.now())).scalar_one()
    said = {
        "said": kind,
        "said_by_id": None if kind is None else ensure(connection, by),
        "said_at": None if kind is None else now,
    }
    if before is None:
        new = insert(scan_kinds).values(scan_id=scan_id, **said)
        connection.execute(new.on_conflict_do_update(index_elements=["scan_id"], set_=said))
    else:
        connection.execute(update(scan_kinds).where(scan_kinds.c.scan_id == scan_id).values(**said))
    _note_change(connection, scans.c.id == scan_id)
    detail = f"{by.name} set its kind to {kind.label}" if kind else "its detected kind applies again"
    _record_appraisal(connection, scan_id, detail, by)


def forbid(connection: Connection, object_id: int, forbidden: bool, by: Agent) -> None:
    """Set whether no colors may be inferred for an object's photographs."""
    changed = connection.execute(
        update(objects)
        .where(objects.c.id == object_id, objects.c.do_not_color != forbidden)
        .values(do_not_color=forbidden, updated_at=func.now())
    ).rowcount
    if changed:
        verdict = "must not be colored" if forbidden else "may be colored"
        for scan in of_object(connection, object_id):
            _note_change(connection, scans.c.id == scan.id)
            _record_appraisal(connection, scan.id, f"{by.name} decided that its object {verdict}", by)


def forbid_collection(connection: Connection, slug: str, forbidden: bool) -> None:
    """Set whether no colors may be inferred for anything in a collection, or in collections inside it.

    Raises
    ------
    CatalogError
        There is no such collection.
    """
    said = update(collections).where(collections.c.slug == slug)
    if not connection.execute(said.values(do_not_color=forbidden, updated_at=func.now())).rowcount:
        raise CatalogError(
            slug, "is no collection of the catalog", "Correct the slug or make the collection."
        )
    inside = text(
        "WITH RECURSIVE inside AS (SELECT id FROM collections WHERE slug = :slug "
        "UNION SELECT c.id FROM collections c JOIN inside ON c.parent_id = inside.id) "
        "SELECT m.object_id FROM memberships m JOIN inside ON m.collection_id = inside.id"
    )
    members = connection.execute(inside, {"slug": slug}).scalars().all()
    _note_change(connection, scans.c.object_id.in_(members))


def of_scan(connection: Connection, scan_id: int) -> KnownKind | None:
    """Return what is known of a scan, or ``None``."""
    query = (
        select(*columns(scan_kinds, KnownKind), agents.c.name.label("said_by"))
        .outerjoin(agents, agents.c.id == scan_kinds.c.said_by_id)
        .where(scan_kinds.c.scan_id == scan_id)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else read(KnownKind, row)


def treatment(connection: Connection, scan_id: int) -> Treatment:
    """Return what may be done to a scan."""
    object_id = get(connection, scan_id).object_id
    forbidding = "" if object_id is None else forbidden_by(connection, object_id)
    return Treatment(of_scan(connection, scan_id), forbidding)


def forbidden_by(connection: Connection, object_id: int) -> str:
    """Return what forbids coloring an object: itself or a collection that contains it; or nothing."""
    itself = exists().where(objects.c.id == object_id, objects.c.do_not_color)
    if connection.execute(select(itself)).scalar():
        return "The object"
    around = text(
        "WITH RECURSIVE around AS ("
        "SELECT c.* FROM collections c JOIN memberships m ON m.collection_id = c.id WHERE m.object_id = :id "
        "UNION SELECT c.* FROM collections c JOIN around ON c.id = around.parent_id) "
        "SELECT slug FROM around WHERE do_not_color ORDER BY slug LIMIT 1"
    )
    slug = connection.execute(around, {"id": object_id}).scalar()
    return f"The collection {slug}" if slug else ""


def _note_change(connection: Connection, which: ColumnElement[bool]) -> None:
    """Let the next run look at these scans again."""
    connection.execute(update(scans).where(which).values(treatment_changed_at=func.now()))


def _record_appraisal(connection: Connection, scan_id: int, detail: str, by: Agent) -> None:
    scan = get(connection, scan_id)
    now = datetime.now(UTC)
    events.record(
        connection,
        Event(
            occasion=f"{scan.sha256} page {scan.page}: {detail} at {now.isoformat()}",
            type=EventType.METADATA_MODIFICATION,
            outcome=EventOutcome.SUCCESS,
            detail=detail,
            started_at=now,
            ended_at=now,
            participants=(Participant(by, AgentRole.AUTHORIZER),),
            scan_id=scan_id,
            input_sha256=scan.sha256,
        ),
    )
