"""A scan's kind is detected once, overruled by people, and "do not color" takes precedence over all."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from catalog import collections, events, kinds, objects, scans
from catalog.agents import person
from catalog.objects import ObjectRecord
from catalog.schema import EventOutcome
from imaging.errors import CatalogError
from imaging.scan_kind import ScanKind, ScanKindReport
from imaging.stage import ModelReference
from tests.catalog.records import EVENT_CONTEXT, digest, scan_record

NETWORK = ModelReference("polarity", "1", digest("polarity"))
ARCHIVIST = person("A. Rchivist")


def told(kind: ScanKind, version: str = "1") -> ScanKindReport:
    return ScanKindReport(kind, f"It looks like {kind}.", {"residual": 1.5}, version, NETWORK)


@pytest.fixture
def object_id(connection: Connection) -> int:
    return objects.ensure(connection, ObjectRecord(accession_number="1987.1")).id


@pytest.fixture
def scan(connection: Connection, object_id: int) -> int:
    return scans.register(connection, scan_record(object_id=object_id)).scan.id


def test_a_scan_that_nobody_looked_at_is_treated_as_ever(connection: Connection, scan: int) -> None:
    treatment = kinds.treatment(connection, scan)
    assert treatment.known is None
    assert treatment.colorized and treatment.mended and not treatment.keeps_color


@pytest.mark.parametrize("kind", ScanKind)
def test_what_is_told_decides(connection: Connection, scan: int, kind: ScanKind) -> None:
    kinds.record(connection, scan, told(kind), EVENT_CONTEXT)
    treatment = kinds.treatment(connection, scan)
    assert (treatment.colorized, treatment.mended) == (kind.colorized, kind.mended)
    assert treatment.known is not None
    assert treatment.known.evidence == {"residual": 1.5}
    assert treatment.explanation == kind.consequence


def test_the_decision_is_an_event_with_its_evidence_and_network(connection: Connection, scan: int) -> None:
    kinds.record(connection, scan, told(ScanKind.NEGATIVE), EVENT_CONTEXT)
    (event,) = events.of_scan(connection, scan)
    assert event.outcome is EventOutcome.WARNING
    assert event.detail == "taken for a negative: It looks like negative."
    assert event.parameters == {"residual": 1.5}
    assert f"sha256:{NETWORK.sha256}" in {one.agent.identifier for one in event.participants}


def test_told_again_changes_nothing_and_a_new_method_replaces_it(connection: Connection, scan: int) -> None:
    for report in (told(ScanKind.COLOR), told(ScanKind.COLOR), told(ScanKind.TONED, "2")):
        kinds.record(connection, scan, report, EVENT_CONTEXT)
    known = kinds.of_scan(connection, scan)
    assert known is not None and (known.told, known.method) == (ScanKind.TONED, "2")
    assert len(events.of_scan(connection, scan)) == 2


def test_a_person_overrules_what_was_told_and_takes_it_back(connection: Connection, scan: int) -> None:
    kinds.record(connection, scan, told(ScanKind.NEGATIVE), EVENT_CONTEXT)
    kinds.overrule(connection, scan, ScanKind.MONOCHROME, ARCHIVIST)
    kinds.record(connection, scan, told(ScanKind.NEGATIVE, "2"), EVENT_CONTEXT)
    known = kinds.of_scan(connection, scan)
    assert known is not None
    assert (known.kind, known.told, known.said_by) == (
        ScanKind.MONOCHROME,
        ScanKind.NEGATIVE,
        "A. Rchivist",
    )
    assert kinds.treatment(connection, scan).colorized
    kinds.overrule(connection, scan, None, ARCHIVIST)
    assert not kinds.treatment(connection, scan).colorized
    said = [event.detail for event in events.of_scan(connection, scan) if "taken for a" not in event.detail]
    assert said == [
        "A. Rchivist set its kind to a black-and-white photograph",
        "its detected kind applies again",
    ]


def test_a_run_yields_to_a_person(connection: Connection, scan: int) -> None:
    run = person("run")
    kinds.overrule(connection, scan, ScanKind.TONED, run, yields=True)
    assert kinds.of_scan(connection, scan).kind is ScanKind.TONED
    kinds.overrule(connection, scan, ScanKind.COLOR, ARCHIVIST)
    kinds.overrule(connection, scan, ScanKind.TONED, run, yields=True)
    assert kinds.of_scan(connection, scan).kind is ScanKind.COLOR


def test_nothing_said_cannot_be_taken_back(connection: Connection, scan: int) -> None:
    with pytest.raises(CatalogError, match="not been examined"):
        kinds.overrule(connection, scan, None, ARCHIVIST)


def test_an_object_that_must_not_be_colored_holds_over_what_people_say(
    connection: Connection, scan: int, object_id: int
) -> None:
    kinds.overrule(connection, scan, ScanKind.MONOCHROME, ARCHIVIST)
    kinds.forbid(connection, object_id, True, ARCHIVIST)
    kinds.forbid(connection, object_id, True, ARCHIVIST)
    treatment = kinds.treatment(connection, scan)
    assert not treatment.colorized and treatment.mended
    assert "must not be colored" in treatment.explanation
    details = [event.detail for event in events.of_scan(connection, scan)]
    assert details.count("A. Rchivist decided that its object must not be colored") == 1
    kinds.forbid(connection, object_id, False, ARCHIVIST)
    assert kinds.treatment(connection, scan).colorized


def test_a_collection_forbids_for_all_that_is_in_it_and_in_its_parts(
    connection: Connection, scan: int, object_id: int
) -> None:
    collections.ensure(connection, "all")
    collections.upsert(connection, "sacred", parent="all")
    collections.upsert(connection, "masks", parent="sacred")
    collections.add(connection, "masks", [object_id])
    assert kinds.treatment(connection, scan).colorized
    kinds.forbid_collection(connection, "sacred", True)
    treatment = kinds.treatment(connection, scan)
    assert not treatment.colorized
    assert treatment.forbidden_by == "The collection sacred"
    kinds.forbid_collection(connection, "sacred", False)
    assert kinds.treatment(connection, scan).colorized
    with pytest.raises(CatalogError, match="no collection"):
        kinds.forbid_collection(connection, "nowhere", True)
