from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine

from catalog import activities, derivatives, events, given_hints, objects, reviews, scans
from catalog.agents import person
from catalog.given_hints import GivenHint, Hint
from catalog.objects import ObjectRecord
from catalog.reviews import Review
from catalog.schema import ActivityType, AgentRole, EventType, ReviewState
from catalog.vocabulary import Stage
from imaging.errors import CatalogError
from tests.catalog.records import BEGAN, colorization, digest, restoration, scan_record

ADA, BOB = person("Ada", "ada@museum.example"), person("Bob", "bob@museum.example")
COAT = Hint(x=0.5, y=0.25, radius=0.05, a=10, b=-40, source="letter to her sister", citation="MS 12, f. 3")


def make(connection: Connection, name: str = "scan", take: str = "", number: str = "1") -> Review:
    shown = objects.ensure(connection, ObjectRecord(accession_number=number))
    scan = scans.register(connection, scan_record(name, shown.id)).scan
    derivatives.record(connection, scan.id, digest(f"{name} restored"), restoration(name))
    result = colorization(name, take)
    version = derivatives.record(connection, scan.id, digest(f"{name} color {take}"), result).version
    return reviews.open_review(connection, version.id)


def told(connection: Connection) -> list[ActivityType]:
    return [entry.type for entry in activities.entries(connection)]


def test_review_is_opened_once(connection: Connection):
    first = make(connection)
    assert make(connection) == first
    assert (first.state, first.revision, first.reviewer) == (ReviewState.PENDING, 0, None)


def test_approval_makes_the_object_public_and_leaves_an_event(connection: Connection):
    review = make(connection)
    decided = reviews.decide(connection, review.id, ReviewState.APPROVED, ADA)
    assert (decided.state, decided.reviewer, decided.revision) == (ReviewState.APPROVED, "Ada", 1)
    assert objects.get(connection, "1").published_at is not None
    assert told(connection) == [ActivityType.CREATE]
    assert reviews.approved_version(connection, review.scan_id).id == review.version_id
    (event,) = events.of_scan(connection, review.scan_id)
    assert (event.type, event.detail) == (EventType.APPRAISAL, "approved")
    assert [(p.agent, p.role) for p in event.participants] == [(ADA, AgentRole.AUTHORIZER)]


def test_approval_taken_back_withdraws_the_object(connection: Connection):
    review = make(connection)
    reviews.decide(connection, review.id, ReviewState.APPROVED, ADA)
    reviews.decide(connection, review.id, ReviewState.REJECTED, BOB, reason="the sky is green")
    assert objects.get(connection, "1").published_at is None
    assert told(connection) == [ActivityType.CREATE, ActivityType.DELETE]
    assert len(events.of_scan(connection, review.scan_id)) == 2


def test_object_stays_public_while_another_of_its_scans_is_approved(connection: Connection):
    front, back = make(connection, "front"), make(connection, "back")
    for review in (front, back):
        reviews.decide(connection, review.id, ReviewState.APPROVED, ADA)
    reviews.decide(connection, back.id, ReviewState.RETURNED, ADA, reason="blurred")
    assert objects.get(connection, "1").published_at is not None
    assert told(connection) == [ActivityType.CREATE, ActivityType.UPDATE, ActivityType.UPDATE]


def test_return_with_hints_keeps_them_for_the_next_version(connection: Connection):
    review = make(connection)
    reviews.decide(connection, review.id, ReviewState.RETURNED, ADA, reason="coat", given=[COAT])
    (hint,) = given_hints.standing(connection, review.scan_id)
    assert (hint.source, hint.citation, hint.author, hint.b) == (COAT.source, COAT.citation, "Ada", -40)
    second = make(connection, take="with hint")
    assert second.state is ReviewState.PENDING
    assert [r.state for r in reviews.of_scan(connection, review.scan_id)] == [
        ReviewState.RETURNED,
        ReviewState.PENDING,
    ]


def test_newer_version_supersedes_pending_and_its_approval_the_approved_one(connection: Connection):
    first = make(connection, take="1")
    second = make(connection, take="2")
    assert reviews.get(connection, first.id).state is ReviewState.SUPERSEDED
    reviews.decide(connection, second.id, ReviewState.APPROVED, ADA)
    third = make(connection, take="3")
    assert reviews.get(connection, second.id).state is ReviewState.APPROVED
    reviews.decide(connection, third.id, ReviewState.APPROVED, ADA)
    assert reviews.get(connection, second.id).state is ReviewState.SUPERSEDED
    assert reviews.approved_version(connection, first.scan_id).id == third.version_id
    assert told(connection) == [ActivityType.CREATE, ActivityType.UPDATE]


def test_rejection_can_be_reopened(connection: Connection):
    review = make(connection)
    reviews.decide(connection, review.id, ReviewState.REJECTED, ADA, reason="misplaced")
    assert reviews.decide(connection, review.id, ReviewState.PENDING, BOB).state is ReviewState.PENDING
    assert told(connection) == []


def test_return_that_leads_to_nothing_new_can_be_reopened(connection: Connection):
    review = make(connection)
    reviews.decide(connection, review.id, ReviewState.RETURNED, ADA, reason="blurred")
    assert reviews.decide(connection, review.id, ReviewState.PENDING, BOB).state is ReviewState.PENDING


def tagged(connection: Connection, words: str, pixels: str = "1") -> Review:
    """Hand over a colorization's pixels with these words about them."""
    scan_id = make(connection, take=pixels).scan_id
    result = replace(
        colorization("scan", words), stage=Stage.PROVENANCE, input_sha256=digest(f"scan color {pixels}")
    )
    key = digest(f"{pixels} {words}")
    return reviews.open_review(connection, derivatives.record(connection, scan_id, key, result).version.id)


def states(connection: Connection, *of: Review) -> list[ReviewState]:
    return [reviews.get(connection, review.id).state for review in of]


@pytest.mark.parametrize("decision", [ReviewState.APPROVED, ReviewState.REJECTED])
def test_new_words_about_the_same_pixels_keep_the_decision(connection: Connection, decision: ReviewState):
    first = reviews.decide(
        connection, tagged(connection, "untitled").id, decision, ADA, reason="as the card says"
    )
    scan_id = first.scan_id
    kept = tagged(connection, "A harvest")
    assert (kept.state, kept.reviewer, kept.reason) == (decision, "Ada", "as the card says")
    assert reviews.get(connection, first.id).state is ReviewState.SUPERSEDED
    public = decision is ReviewState.APPROVED
    assert (objects.get(connection, "1").published_at is not None) == public
    assert told(connection) == [ActivityType.CREATE, ActivityType.UPDATE] * public
    assert (reviews.approved_version(connection, scan_id) is not None) == public


@pytest.mark.parametrize("decision", [ReviewState.APPROVED, ReviewState.REJECTED])
def test_new_words_about_decided_pixels_leave_other_pixels_waiting(
    connection: Connection, decision: ReviewState
):
    first = reviews.decide(connection, tagged(connection, "untitled").id, decision, ADA, reason="pale")
    waiting = tagged(connection, "untitled", pixels="2")
    kept = tagged(connection, "A harvest")
    assert states(connection, first, waiting, kept) == [
        ReviewState.SUPERSEDED,
        ReviewState.PENDING,
        decision,
    ]
    reviews.decide(connection, waiting.id, ReviewState.APPROVED, ADA)
    assert reviews.approved_version(connection, waiting.scan_id).id == waiting.version_id


@pytest.mark.parametrize("decision", [ReviewState.PENDING, ReviewState.APPROVED, ReviewState.REJECTED])
def test_words_that_are_taken_back_take_the_decision_with_them(connection: Connection, decision: ReviewState):
    first = tagged(connection, "untitled")
    if decision is not ReviewState.PENDING:
        reviews.decide(connection, first.id, decision, ADA, reason="as the card says")
    second = tagged(connection, "A harvest")
    assert states(connection, first, second) == [ReviewState.SUPERSEDED, decision]
    again = tagged(connection, "untitled")
    assert (again.id, again.state) == (first.id, decision)
    assert states(connection, second) == [ReviewState.SUPERSEDED]
    if decision is ReviewState.APPROVED:
        assert reviews.approved_version(connection, first.scan_id).id == first.version_id
        assert told(connection) == [ActivityType.CREATE, ActivityType.UPDATE, ActivityType.UPDATE]
    before = reviews.of_scan(connection, first.scan_id), told(connection)
    tagged(connection, "untitled")
    assert (reviews.of_scan(connection, first.scan_id), told(connection)) == before


def test_a_version_that_other_pixels_superseded_does_not_come_back(connection: Connection):
    first = tagged(connection, "untitled")
    second = tagged(connection, "untitled", pixels="2")
    reviews.decide(connection, second.id, ReviewState.APPROVED, ADA)
    assert tagged(connection, "untitled").state is ReviewState.SUPERSEDED
    assert states(connection, first, second) == [ReviewState.SUPERSEDED, ReviewState.APPROVED]


def returned_twice(engine: Engine) -> tuple[Review, Review]:
    """Return a version with a hint, then the one that was made with it."""
    with engine.begin() as connection:
        first = tagged(connection, "untitled")
        reviews.decide(connection, first.id, ReviewState.RETURNED, ADA, reason="coat", given=[COAT])
    with engine.begin() as connection:
        second = tagged(connection, "untitled", pixels="2")
        reviews.decide(connection, second.id, ReviewState.RETURNED, ADA, reason="worse")
    return first, second


def withdraw(engine: Engine, scan_id: int) -> None:
    with engine.begin() as connection:
        for hint in given_hints.standing(connection, scan_id):
            given_hints.withdraw(connection, hint.id, BOB)


def test_withdrawing_a_wrong_hint_lets_the_version_before_it_wait_again(engine: Engine):
    first, second = returned_twice(engine)
    withdraw(engine, first.scan_id)
    with engine.begin() as connection:
        again = tagged(connection, "untitled")
        assert (again.id, again.state) == (first.id, ReviewState.PENDING)
        assert (again.reviewer, again.reason, again.decided_at) == (None, "", None)
        assert states(connection, second) == [ReviewState.RETURNED]
        reviews.decide(connection, first.id, ReviewState.RETURNED, ADA, reason="still wrong")
    with engine.begin() as connection:
        assert tagged(connection, "untitled").state is ReviewState.RETURNED


def test_a_returned_version_stays_returned_while_hints_stand_or_something_waits(engine: Engine):
    first, second = returned_twice(engine)
    with engine.begin() as connection:
        assert tagged(connection, "untitled").state is ReviewState.RETURNED
        reviews.decide(connection, second.id, ReviewState.PENDING, ADA)
    withdraw(engine, first.scan_id)
    with engine.begin() as connection:
        assert tagged(connection, "untitled").state is ReviewState.RETURNED
        reviews.decide(connection, second.id, ReviewState.RETURNED, ADA, reason="no")
        assert tagged(connection, "untitled", pixels="2").state is ReviewState.RETURNED


def test_the_newest_version_is_reopened_by_people_only(engine: Engine):
    with engine.begin() as connection:
        only = tagged(connection, "untitled")
        reviews.decide(connection, only.id, ReviewState.RETURNED, ADA, reason="coat", given=[COAT])
    withdraw(engine, only.scan_id)
    with engine.begin() as connection:
        assert tagged(connection, "untitled").state is ReviewState.RETURNED


def test_approval_settles_what_was_returned_before(connection: Connection):
    first = make(connection, take="1")
    reviews.decide(connection, first.id, ReviewState.RETURNED, ADA, reason="coat", given=[COAT])
    second = make(connection, take="2")
    reviews.decide(connection, second.id, ReviewState.APPROVED, ADA)
    assert states(connection, first, second) == [ReviewState.SUPERSEDED, ReviewState.APPROVED]


@pytest.mark.parametrize("decision", [ReviewState.REJECTED, ReviewState.RETURNED])
def test_reason_is_needed_to_turn_a_version_down(connection: Connection, decision: ReviewState):
    with pytest.raises(CatalogError, match="without a reason"):
        reviews.decide(connection, make(connection).id, decision, ADA, reason="  ")


@pytest.mark.parametrize("decision", [ReviewState.PENDING, ReviewState.SUPERSEDED])
def test_decisions_that_do_not_follow_are_refused(connection: Connection, decision: ReviewState):
    with pytest.raises(CatalogError, match="can become: approved, rejected, returned"):
        reviews.decide(connection, make(connection).id, decision, ADA)


def test_slower_of_two_reviewers_is_told(connection: Connection):
    seen = make(connection)
    reviews.decide(connection, seen.id, ReviewState.APPROVED, ADA, revision=seen.revision)
    with pytest.raises(CatalogError, match="was approved by Ada meanwhile"):
        reviews.decide(connection, seen.id, ReviewState.REJECTED, BOB, reason="no", revision=seen.revision)


@pytest.mark.parametrize(
    "changes", [{"x": 1.5}, {"radius": 0}, {"a": 300}, {"source": " "}, {"y": float("nan")}]
)
def test_unusable_hint_keeps_the_decision_from_being_made(connection: Connection, changes):
    review = make(connection)
    with pytest.raises(CatalogError, match="hint"):
        reviews.decide(
            connection,
            review.id,
            ReviewState.RETURNED,
            ADA,
            reason="coat",
            given=[Hint(**{**vars(COAT), **changes})],
        )
    assert reviews.get(connection, review.id).state is ReviewState.PENDING


def test_hint_is_given_once_and_withdrawn_on_record(connection: Connection):
    scan_id = make(connection).scan_id
    given_hints.give(connection, scan_id, [COAT, COAT], ADA)
    given_hints.give(connection, scan_id, [COAT], BOB)
    (hint,) = given_hints.standing(connection, scan_id)
    assert (hint.author, hint.withdrawn_by) == (ADA.name, None)
    for somebody in (BOB, ADA):
        given_hints.withdraw(connection, hint.id, somebody)
    assert given_hints.standing(connection, scan_id) == ()
    (kept,) = given_hints.of_scan(connection, scan_id)
    assert kept.withdrawn_at is not None
    assert (kept.author, kept.withdrawn_by) == (ADA.name, BOB.name)


def test_a_colorization_followed_the_hints_that_stood_when_it_began():
    given, withdrawn = BEGAN, BEGAN + timedelta(hours=2)
    hint = GivenHint(
        **vars(COAT), id=1, scan_id=1, author="Ada", given_at=given, withdrawn_at=withdrawn, withdrawn_by=None
    )
    moments = (given - timedelta(seconds=1), given, withdrawn - timedelta(seconds=1), withdrawn)
    assert [bool(given_hints.followed([hint], began)) for began in moments] == [False, True, True, False]
    assert given_hints.followed([replace(hint, withdrawn_at=None)], withdrawn)
