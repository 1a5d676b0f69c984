"""What the workflow writes after each stage of each scan: one call, one transaction, safe to repeat.

A success records version, derivatives and event, and at the end of the way opens the review. A failure or
refusal records the reason and the event. Asked again with the same outcome, nothing is written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from catalog import derivatives, events, reviews, scans
from catalog.database import in_transaction
from catalog.derivatives import Recorded
from catalog.events import Event, Participant
from catalog.scans import Registered, Scan, ScanRecord
from catalog.schema import AgentRole, EventOutcome, EventType
from imaging.errors import HeliochromeError
from imaging.stage import StageResult


@dataclass(frozen=True)
class EventContext:
    """The context of an event: when, by whom and on what class of machine something was done."""

    started_at: datetime
    ended_at: datetime
    participants: tuple[Participant, ...] = ()
    machine: str = ""


def record_ingestion(engine: Engine, record: ScanRecord, context: EventContext) -> Registered:
    """Record that a scan came in and can be used."""

    def work(connection: Connection) -> Registered:
        registered = scans.register(connection, record)
        events.record(
            connection,
            Event(
                occasion=f"ingestion {record.sha256} page {record.page}",
                type=EventType.INGESTION,
                outcome=EventOutcome.SUCCESS,
                detail=f"came in as {registered.scan.original_name}",
                scan_id=registered.scan.id,
                output_sha256=(record.sha256,),
                **vars(context),
            ),
        )
        return registered

    return in_transaction(engine, work)


def record_refusal(
    engine: Engine,
    original_name: str,
    error: HeliochromeError,
    context: EventContext,
    *,
    sha256: str | None = None,
    page: int = 0,
    size: int | None = None,
) -> Scan:
    """Record that a file, or one page of it, cannot be used, and why."""

    def work(connection: Connection) -> Scan:
        programs = (p.agent for p in context.participants if p.role is AgentRole.EXECUTING_PROGRAM)
        by = next((program.version for program in programs), None)
        scan = scans.refuse(connection, original_name, error, sha256=sha256, page=page, size=size, by=by)
        events.record(
            connection,
            Event(
                occasion=f"refusal of {sha256 or scan.original_name} page {page}: {error.fault}",
                type=EventType.VALIDATION,
                outcome=EventOutcome.FAIL,
                detail=f"{error.fault}. {error.remedy}",
                scan_id=scan.id,
                input_sha256=sha256,
                **vars(context),
            ),
        )
        return scan

    return in_transaction(engine, work)


def record_success(
    engine: Engine,
    scan_id: int,
    key: str,
    result: StageResult,
    context: EventContext,
    *,
    for_review: bool = False,
) -> Recorded:
    """Record a stage's outcome that lies in the store under `key`.

    Parameters
    ----------
    for_review
        Whether it is the last stage: opens the review and marks the scan processed.
    """

    def work(connection: Connection) -> Recorded:
        recorded = derivatives.record(connection, scan_id, key, result)
        version_id = recorded.version.id
        of = scans.get(connection, scan_id)
        event = events.of_stage(
            key,
            result,
            scan=f"{of.sha256} page {of.page}",
            scan_id=scan_id,
            version_id=version_id,
            **vars(context),
        )
        if recorded.remade:
            occasion = f"{event.occasion}, made anew as {' '.join(event.output_sha256)}"
            event = replace(event, occasion=occasion, detail="made anew: its files were lost")
        if recorded.remade or not events.succeeded(connection, version_id, key):
            events.record(connection, event)
        if for_review:
            reviews.open_review(connection, version_id)
            scans.mark_processed(connection, scan_id)
        return recorded

    return in_transaction(engine, work)


def record_failure(
    engine: Engine,
    scan_id: int,
    stage: str,
    error: HeliochromeError,
    context: EventContext,
    *,
    attempt: str,
    key: str | None = None,
) -> None:
    """Record that a stage's work on a scan was lost, and why.

    Parameters
    ----------
    attempt
        Which try it was, such as the workflow's run and try number: the same try is recorded once.
    key
        The store key of the outcome that was wanted.
    """

    def work(connection: Connection) -> None:
        scans.mark_failed(connection, scan_id, error)
        scan = scans.get(connection, scan_id)
        events.record(
            connection,
            Event(
                occasion=f"{stage} of {scan.sha256} page {scan.page} failed in {attempt}",
                type=EventType.CREATION,
                outcome=EventOutcome.FAIL,
                detail=f"{error.fault}. {error.remedy}",
                scan_id=scan_id,
                stage=stage,
                store_key=key,
                **vars(context),
            ),
        )

    in_transaction(engine, work)
