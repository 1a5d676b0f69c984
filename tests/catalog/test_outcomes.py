from __future__ import annotations

from sqlalchemy import Connection, Engine, func, select

from catalog import derivatives, events, reviews, scans
from catalog.agents import model
from catalog.outcomes import record_failure, record_ingestion, record_refusal, record_success
from catalog.schema import AgentRole, EventOutcome, EventType, ReviewState, ScanState, metadata
from imaging.errors import CorruptScan, StoreError
from tests.catalog.records import EVENT_CONTEXT, PROGRAM, colorization, digest, restoration, scan_record


def process(engine: Engine) -> int:
    scan_id = record_ingestion(engine, scan_record(), EVENT_CONTEXT).scan.id
    record_success(engine, scan_id, digest("1"), restoration(), EVENT_CONTEXT)
    record_success(engine, scan_id, digest("2"), colorization(), EVENT_CONTEXT, for_review=True)
    return scan_id


def census(connection: Connection) -> dict[str, int]:
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
    }


def test_way_of_a_scan_leaves_versions_events_and_a_review(engine: Engine):
    scan_id = process(engine)
    with engine.connect() as connection:
        assert scans.get(connection, scan_id).state is ScanState.PROCESSED
        (review,) = reviews.of_scan(connection, scan_id)
        assert (review.state, review.confidence, review.damage) == (ReviewState.PENDING, 0.75, 0.125)
        colorized = derivatives.latest(connection, scan_id, "colorization")
        chain = events.chain(connection, colorized)
    assert [(event.type, event.stage) for event in chain] == [
        (EventType.INGESTION, ""),
        (EventType.CREATION, "restoration"),
        (EventType.CREATION, "colorization"),
    ]
    assert chain[1].input_sha256 == digest("scan")
    assert chain[2].input_sha256 in chain[1].output_sha256
    assert chain[2].store_key == digest("2")
    roles = {participant.role: participant.agent for participant in chain[2].participants}
    assert roles == {
        AgentRole.EXECUTING_PROGRAM: PROGRAM.agent,
        AgentRole.MODEL: model(colorization().models[0]),
    }


def test_second_run_changes_nothing_in_the_catalog(engine: Engine):
    process(engine)
    with engine.connect() as connection:
        before = census(connection)
        rows = [connection.execute(select(table)).all() for table in metadata.sorted_tables]
    process(engine)
    with engine.connect() as connection:
        assert census(connection) == before
        assert [connection.execute(select(table)).all() for table in metadata.sorted_tables] == rows


def test_refusal_is_recorded_with_its_event(engine: Engine):
    error = CorruptScan("a.tif", "is cut off", "Scan it again.")
    for _ in range(2):
        scan = record_refusal(engine, "a.tif", error, EVENT_CONTEXT, sha256=digest("a"), size=7)
    with engine.connect() as connection:
        (event,) = events.of_scan(connection, scan.id)
    assert scan.state is ScanState.REFUSED
    assert (event.type, event.outcome) == (EventType.VALIDATION, EventOutcome.FAIL)
    assert event.detail == "is cut off. Scan it again."


def test_failures_are_recorded_once_per_attempt(engine: Engine):
    scan_id = record_ingestion(engine, scan_record(), EVENT_CONTEXT).scan.id
    full = StoreError("store", "the disk is full", "Free some space.")
    for attempt in ("run 1, try 1", "run 1, try 2", "run 1, try 2"):
        record_failure(engine, scan_id, "restoration", full, EVENT_CONTEXT, attempt=attempt)
    with engine.connect() as connection:
        failures = [e for e in events.of_scan(connection, scan_id) if e.outcome is EventOutcome.FAIL]
        assert scans.get(connection, scan_id).state is ScanState.FAILED
    assert len(failures) == 2


def test_event_identifiers_are_the_same_in_every_catalog():
    event = events.of_stage(
        digest("1"),
        restoration(),
        scan="f00d page 0",
        scan_id=1,
        version_id=1,
        started_at=EVENT_CONTEXT.started_at,
        ended_at=EVENT_CONTEXT.ended_at,
    )
    assert str(event.uuid) == "eb6332c7-f7ff-5abc-8536-aaffe2cab2a5"
