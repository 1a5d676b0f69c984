from __future__ import annotations

import dataclasses

from sqlalchemy import Connection, Engine

from catalog import events, objects, outcomes, scans
from catalog.objects import ObjectRecord
from catalog.schema import EventType, ScanState
from imaging.errors import CorruptScan, ForbiddenScan, StoreError
from tests.catalog.records import EVENT_CONTEXT, digest, scan_record

BROKEN = CorruptScan("a.tif", "is cut off", "Scan it again.")


def test_scan_is_registered_once(connection: Connection):
    first = scans.register(connection, scan_record())
    again = scans.register(connection, scan_record())
    assert (first.fresh, again.fresh) == (True, False)
    assert first.scan == again.scan
    assert first.scan.state is ScanState.NEW


def test_same_photograph_under_two_names_is_one_scan_with_both_names(connection: Connection):
    first = scans.register(connection, scan_record()).scan
    twin = dataclasses.replace(scan_record(), original_name="copy of 'scan'\n\".tif")
    second = scans.register(connection, twin)
    assert (second.fresh, second.scan.id, second.scan.original_name) == (False, first.id, "scan.tif")
    assert set(scans.names(connection, first.id)) == {"scan.tif", "copy of 'scan'\n\".tif"}


def test_pages_of_one_file_are_scans_of_their_own(connection: Connection):
    first = scans.register(connection, scan_record()).scan
    second = scans.register(connection, dataclasses.replace(scan_record(), page=1)).scan
    assert first.id != second.id


def test_name_that_is_no_text_is_kept_readably(connection: Connection):
    record = dataclasses.replace(scan_record(), original_name="caf\udce9.tif")
    assert scans.register(connection, record).scan.original_name == "caf\\xe9.tif"


def test_refusal_keeps_reason_and_remedy_and_repeats_quietly(connection: Connection):
    refused = scans.refuse(connection, "a.tif", BROKEN, sha256=digest("a"), size=3)
    assert (refused.state, refused.reason, refused.remedy) == (
        ScanState.REFUSED,
        "is cut off",
        "Scan it again.",
    )
    assert scans.refuse(connection, "a.tif", BROKEN, sha256=digest("a"), size=3) == refused
    assert scans.unresolved(connection) == (refused,)


def test_file_that_may_not_be_read_is_known_by_its_name(connection: Connection):
    climbing = ForbiddenScan("../x", "leads out of the inbox", "Move it in.")
    first = scans.refuse(connection, "../x", climbing)
    assert scans.refuse(connection, "../x", climbing) == first
    assert first.sha256 is None
    usable = scans.register(connection, dataclasses.replace(scan_record("x"), original_name="../x")).scan
    assert (usable.id, usable.state, usable.sha256) == (first.id, ScanState.NEW, digest("x"))
    assert scans.unresolved(connection) == ()


def test_trouble_is_settled_when_the_name_comes_in_again_with_a_usable_file(connection: Connection):
    scans.refuse(connection, "a.tif", BROKEN, sha256=digest("cut off"))
    other = scans.refuse(connection, "b.tif", BROKEN, sha256=digest("another"))
    scans.register(connection, dataclasses.replace(scan_record("whole"), original_name="a.tif"))
    assert scans.unresolved(connection) == (other,)


def test_file_that_was_away_for_a_moment_is_no_trouble_once_it_is_back(engine: Engine):
    away = CorruptScan("scan.tif", "it is not there any more", "Put the file itself there.")
    scan = outcomes.record_ingestion(engine, scan_record(), EVENT_CONTEXT).scan
    for _ in range(2):
        refused = outcomes.record_refusal(engine, "scan.tif", away, EVENT_CONTEXT)
        with engine.connect() as connection:
            assert scans.unresolved(connection) == (refused,), "it is told each time it goes away"
        assert outcomes.record_ingestion(engine, scan_record(), EVENT_CONTEXT).scan == scan
        with engine.connect() as connection:
            assert scans.unresolved(connection) == ()
            told = [event.type for event in events.of_scan(connection, scan.id)]
            assert sorted(told) == [EventType.INGESTION, EventType.VALIDATION]


def test_file_is_known_by_name_and_state_with_all_its_pages(connection: Connection):
    page = scan_record()
    first, second = (
        scans.register(connection, dataclasses.replace(page, page=number)).scan for number in (0, 1)
    )
    assert scans.of_file(connection, "scan.tif", "inode 1") == (), "another page may be missing"
    scans.seal(connection, "scan.tif", page.sha256, "inode 1")
    assert scans.of_file(connection, "scan.tif", "inode 1") == (first, second)
    assert scans.of_file(connection, "scan.tif", "inode 2") == ()
    assert scans.of_file(connection, "other.tif", "inode 1") == ()
    scans.seal(connection, "scan.tif", page.sha256, "inode 2")
    scans.register(connection, page)
    assert scans.of_file(connection, "scan.tif", "inode 2") == (first, second)


def test_file_that_could_not_be_read_need_not_be_the_same_afterwards(connection: Connection):
    scans.register(connection, scan_record())
    scans.seal(connection, "scan.tif", scan_record().sha256, "inode 1")
    scans.refuse(connection, "scan.tif", BROKEN)
    assert scans.of_file(connection, "scan.tif", "inode 1") == ()


def test_failed_scan_gets_another_chance(connection: Connection):
    scan = scans.register(connection, scan_record()).scan
    scans.mark_failed(connection, scan.id, StoreError("store", "is full", "Free some space."))
    assert scans.get(connection, scan.id).reason == "is full"
    assert scans.register(connection, scan_record()).fresh
    assert scans.get(connection, scan.id).state is ScanState.NEW


def test_processed_scan_is_not_refused_afterwards(connection: Connection):
    scan = scans.register(connection, scan_record("a")).scan
    scans.mark_processed(connection, scan.id)
    assert scans.refuse(connection, "a.tif", BROKEN, sha256=digest("a")).state is ScanState.PROCESSED


def test_scans_of_an_object_are_found_through_it(connection: Connection):
    shown = objects.ensure(connection, ObjectRecord(accession_number="1"))
    front = scans.register(connection, scan_record("front", shown.id)).scan
    back = scans.register(connection, scan_record("back")).scan
    scans.link(connection, back.id, shown.id)
    assert [scan.id for scan in scans.of_object(connection, shown.id)] == [front.id, back.id]
