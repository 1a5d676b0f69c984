"""The catalog decides what is due, and lists it no oftener than there is something to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from catalog import collections, derivatives, given_hints, kinds, objects, outcomes, reviews, scans
from catalog.agents import person
from catalog.due import Reason, Redo, due
from catalog.given_hints import Hint
from catalog.objects import ObjectRecord
from catalog.schema import ReviewState
from imaging.errors import CorruptScan, StoredFileError
from imaging.scan_kind import ScanKind
from imaging.stage import Role, StageResult
from tests.catalog.records import EVENT_CONTEXT, digest, output, scan_record

ARCHIVIST = person("A. Novak")
BLUE = Hint(x=0.5, y=0.5, radius=0.1, a=2, b=-30, source="coat: Prussian blue, letter of 1912-04-03")


def owed(engine: Engine, **asked: object) -> list[Reason]:
    with engine.connect() as connection:
        return [one.reason for one in due(connection, **asked)]


def come_in(engine: Engine, name: str = "scan") -> int:
    return outcomes.record_ingestion(engine, scan_record(name), EVENT_CONTEXT).scan.id


def finish(engine: Engine, scan: int, words: str = "tagged") -> int:
    """Record a version that awaits its review; return its id."""
    result = StageResult("provenance", "1", digest(f"read for {words}"), (output(Role.RESTORED, words),))
    now = datetime.now(UTC)
    context = replace(EVENT_CONTEXT, started_at=now, ended_at=now)
    key = digest(words)
    return outcomes.record_success(engine, scan, key, result, context, for_review=True).version.id


def decide(engine: Engine, version: int, decision: ReviewState, *given: Hint) -> None:
    with engine.begin() as connection:
        review = reviews.of_version(connection, version)
        reviews.decide(connection, review.id, decision, ARCHIVIST, reason="the coat is blue", given=given)


def test_new_scan_is_due_until_it_is_finished(engine: Engine) -> None:
    scan = come_in(engine)
    assert owed(engine) == [Reason.NEW]
    finish(engine, scan)
    assert owed(engine) == []


def test_failed_scan_is_due_though_its_file_is_gone(engine: Engine) -> None:
    scan = come_in(engine)
    error = StoredFileError("scan.tif", "its restoration was altered", "The next run makes it anew.")
    outcomes.record_failure(engine, scan, "colorization", error, EVENT_CONTEXT, attempt="1")
    assert owed(engine) == [Reason.FAILED]


def test_scan_whose_original_is_lost_is_due_when_it_came_in_again(engine: Engine) -> None:
    scan = come_in(engine)
    finish(engine, scan)
    sha256 = scan_record().sha256
    with engine.begin() as connection:
        scans.mark_lost(connection, sha256)
    assert owed(engine, redo=Redo.ALL) == []
    with engine.connect() as connection:
        assert [trouble.id for trouble in scans.unresolved(connection)] == [scan]
    come_in(engine)
    with engine.connect() as connection:
        assert scans.get(connection, scan).lost_at is None and not scans.unresolved(connection)
    assert owed(engine) == [], "its original is back, and all that was made of it is there"


def test_scan_that_was_sent_back_with_hints_is_due_until_a_version_follows_them(engine: Engine) -> None:
    scan = come_in(engine)
    version = finish(engine, scan)
    decide(engine, version, ReviewState.RETURNED, BLUE)
    assert owed(engine) == [Reason.RETURNED]
    finish(engine, scan, "with a blue coat")
    assert owed(engine) == []


def test_scan_that_was_sent_back_again_is_due_again(engine: Engine) -> None:
    scan = come_in(engine)
    decide(engine, finish(engine, scan), ReviewState.RETURNED, BLUE)
    decide(engine, finish(engine, scan, "second"), ReviewState.RETURNED, replace(BLUE, x=0.2))
    assert owed(engine) == [Reason.RETURNED]
    finish(engine, scan, "third")
    assert owed(engine) == []


def test_scan_that_was_sent_back_without_hints_waits_for_some(engine: Engine) -> None:
    scan = come_in(engine)
    decide(engine, finish(engine, scan), ReviewState.RETURNED)
    assert owed(engine) == [], "the same would come out"
    with engine.begin() as connection:
        given_hints.give(connection, scan, [BLUE], ARCHIVIST)
    assert owed(engine) == [Reason.RETURNED]


def test_withdrawn_hint_of_a_returned_version_makes_it_due(engine: Engine) -> None:
    scan = come_in(engine)
    decide(engine, finish(engine, scan), ReviewState.RETURNED, BLUE)
    decide(engine, finish(engine, scan, "second"), ReviewState.RETURNED)
    assert owed(engine) == []
    with engine.begin() as connection:
        (given,) = given_hints.of_scan(connection, scan)
        given_hints.withdraw(connection, given.id, ARCHIVIST)
    assert owed(engine) == [Reason.RETURNED]
    finish(engine, scan)
    assert owed(engine) == [], "the former version waits again"


@pytest.mark.parametrize("decision", [ReviewState.APPROVED, ReviewState.REJECTED])
def test_later_decision_counts_for_more_than_a_return(engine: Engine, decision: ReviewState) -> None:
    scan = come_in(engine)
    decide(engine, finish(engine, scan), ReviewState.RETURNED, BLUE)
    decide(engine, finish(engine, scan, "second"), decision)
    assert owed(engine) == []


def test_lost_derivative_makes_its_scan_due_once(engine: Engine) -> None:
    scan = come_in(engine)
    version = finish(engine, scan)
    with engine.begin() as connection:
        derivatives.mark_lost(connection, version)
    assert owed(engine) == [Reason.LOST]
    # A run that comes to another version, with other options, does not bring it back, and is not asked again.
    finish(engine, scan, "with other options")
    assert owed(engine) == []
    with engine.begin() as connection:
        derivatives.mark_lost(connection, version)
    assert owed(engine) == []


def test_refusal_is_looked_at_again_by_another_version_of_the_software(engine: Engine) -> None:
    scan = come_in(engine)
    error = CorruptScan("scan.tif", "pixels are missing", "Scan it again.")
    outcomes.record_refusal(engine, "scan.tif", error, EVENT_CONTEXT, sha256=scan_record().sha256)
    assert owed(engine) == owed(engine, software_version="0.1.0") == []
    assert owed(engine, software_version="0.2.0") == owed(engine, again=True) == [Reason.REFUSED]
    with engine.begin() as connection:
        assert scans.retry(connection, ["other.tif"]) == 0
        assert scans.retry(connection, ["scan.tif"]) == 1
        assert scans.get(connection, scan).reason is None
    assert owed(engine, software_version="0.1.0") == [Reason.NEW]


def test_refusal_that_another_version_repeats_is_no_news(engine: Engine) -> None:
    come_in(engine)
    error = CorruptScan("scan.tif", "pixels are missing", "Scan it again.")
    sha256 = scan_record().sha256
    first = outcomes.record_refusal(engine, "scan.tif", error, EVENT_CONTEXT, sha256=sha256)
    with engine.begin() as connection:
        second = scans.refuse(connection, "scan.tif", error, sha256=sha256, by="0.2.0")
    assert (second.refused_by, second.updated_at) == ("0.2.0", first.updated_at)
    assert owed(engine, software_version="0.2.0") == []


def test_finished_work_is_taken_up_again_only_as_far_as_somebody_asks(engine: Engine) -> None:
    pending, approved, returned = (come_in(engine, name) for name in ("a", "b", "c"))
    finish(engine, pending, "a")
    decide(engine, finish(engine, approved, "b"), ReviewState.APPROVED)
    decide(engine, finish(engine, returned, "c"), ReviewState.RETURNED)

    def asked(redo: Redo) -> list[int]:
        with engine.connect() as connection:
            return [one.scan for one in due(connection, redo=redo)]

    assert asked(Redo.NEVER) == []
    assert asked(Redo.UNREVIEWED) == [pending]
    assert asked(Redo.ALL) == [pending, approved, returned]
    # Approved work stands until a person approves another version.
    finish(engine, approved, "b, with another model")
    with engine.connect() as connection:
        states = [review.state for review in reviews.of_scan(connection, approved)]
    assert states == [ReviewState.APPROVED, ReviewState.PENDING]


def test_only_scans_that_were_asked_about_are_told(engine: Engine) -> None:
    first, second = come_in(engine, "a"), come_in(engine, "b")
    with engine.connect() as connection:
        assert [one.scan for one in due(connection)] == [first, second]
        assert [one.scan for one in due(connection, among={second, 99})] == [second]


def test_scan_that_somebody_calls_something_else_is_due_once(engine: Engine) -> None:
    scan = come_in(engine)
    finish(engine, scan)
    with engine.begin() as connection:
        kinds.overrule(connection, scan, ScanKind.COLOR, ARCHIVIST)
    assert owed(engine) == [Reason.RECLASSIFIED]
    finish(engine, scan, "tagged in its own colors")
    assert owed(engine) == []
    with engine.begin() as connection:
        kinds.overrule(connection, scan, ScanKind.COLOR, ARCHIVIST)
    assert owed(engine) == []


def test_photographs_of_a_collection_that_must_not_be_colored_are_due(engine: Engine) -> None:
    scan = come_in(engine)
    finish(engine, scan)
    with engine.begin() as connection:
        parent = collections.ensure(connection, "archive").id
        inner = collections.ensure(connection, "album").id
        places = {"parent": parent, "inner": inner}
        connection.execute(text("UPDATE collections SET parent_id = :parent WHERE id = :inner"), places)
        owner = objects.ensure(connection, ObjectRecord(accession_number="1")).id
        given = {"owner": owner, "scan": scan}
        connection.execute(text("UPDATE scans SET object_id = :owner WHERE id = :scan"), given)
        collections.add(connection, "album", [owner])
        kinds.forbid_collection(connection, "archive", True)
    assert owed(engine) == [Reason.RECLASSIFIED]
