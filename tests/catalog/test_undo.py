from __future__ import annotations

import pytest
from sqlalchemy import Connection

from catalog import activities, decisions, events, given_hints, objects, reviews
from catalog.agents import person
from catalog.schema import ActivityType, ReviewState
from catalog.undo import undo
from imaging.errors import CatalogError
from tests.catalog.test_reviews import ADA, BOB, COAT, make


def latest(connection: Connection, review: int) -> int:
    found = decisions.latest(connection, review)
    assert found is not None
    return found.id


def test_an_approval_that_is_undone_leaves_everything_as_it_was(connection: Connection):
    first = make(connection, take="1")
    reviews.decide(connection, first.id, ReviewState.APPROVED, ADA)
    second = make(connection, take="2")
    before = reviews.of_scan(connection, first.scan_id)
    reviews.decide(connection, second.id, ReviewState.APPROVED, BOB)
    assert reviews.get(connection, first.id).state is ReviewState.SUPERSEDED
    undone = undo(connection, latest(connection, second.id), BOB)
    assert undone.state is ReviewState.PENDING
    now = reviews.of_scan(connection, first.scan_id)
    seen = ("state", "reason", "reviewer", "decided_at")
    assert [[getattr(one, name) for name in seen] for one in now] == [
        [getattr(one, name) for name in seen] for one in before
    ]
    assert reviews.approved_version(connection, first.scan_id).id == first.version_id


def test_undoing_the_only_approval_withdraws_the_object_and_is_on_record(connection: Connection):
    review = make(connection)
    reviews.decide(connection, review.id, ReviewState.APPROVED, ADA)
    undo(connection, latest(connection, review.id), BOB)
    assert objects.get(connection, "1").published_at is None
    assert [one.type for one in activities.entries(connection)] == [ActivityType.CREATE, ActivityType.DELETE]
    undoing = events.of_scan(connection, review.scan_id)[-1]
    assert (undoing.detail, undoing.participants[0].agent) == ("undone: approved", BOB)
    (decision,) = decisions.recent(connection)
    assert (decision.stands, decision.reviewer, decision.undone_by) == (False, "Ada", "Bob")


def test_hints_of_a_return_that_is_undone_are_withdrawn_and_others_stay(connection: Connection):
    review = make(connection)
    given_hints.give(connection, review.scan_id, [COAT], ADA)
    sky = given_hints.Hint(x=0.1, y=0.1, radius=0.05, a=0, b=-20, source="diary")
    reviews.decide(connection, review.id, ReviewState.RETURNED, ADA, reason="sky", given=[sky, COAT])
    undo(connection, latest(connection, review.id), ADA)
    assert [hint.source for hint in given_hints.standing(connection, review.scan_id)] == [COAT.source]


def test_nothing_is_undone_twice(connection: Connection):
    review = make(connection)
    reviews.decide(connection, review.id, ReviewState.REJECTED, ADA, reason="blurred")
    number = latest(connection, review.id)
    undo(connection, number, ADA)
    with pytest.raises(CatalogError, match="was undone by Ada"):
        undo(connection, number, BOB)
    assert decisions.latest(connection, review.id) is None


def test_what_was_followed_by_another_decision_stands(connection: Connection):
    review = make(connection)
    reviews.decide(connection, review.id, ReviewState.REJECTED, ADA, reason="blurred")
    rejected = latest(connection, review.id)
    reviews.decide(connection, review.id, ReviewState.PENDING, BOB)
    with pytest.raises(CatalogError, match="pending by Bob"):
        undo(connection, rejected, ADA)
    assert not decisions.get(connection, rejected).stands
    undo(connection, latest(connection, review.id), BOB)
    assert reviews.get(connection, review.id).reason == "blurred"


def test_a_return_that_led_to_a_newer_version_stands(connection: Connection):
    review = make(connection)
    reviews.decide(connection, review.id, ReviewState.RETURNED, ADA, reason="coat", given=[COAT])
    number = latest(connection, review.id)
    # A transaction has one time of its own.
    connection.exec_driver_sql("UPDATE decisions SET decided_at = decided_at - interval '1 hour'")
    connection.exec_driver_sql("UPDATE reviews SET opened_at = opened_at - interval '2 hours'")
    make(connection, take="with hint")
    with pytest.raises(CatalogError, match="newer version"):
        undo(connection, number, person("Ada"))


def test_a_decision_that_nobody_made_is_told(connection: Connection):
    with pytest.raises(CatalogError, match="decision 999"):
        undo(connection, 999, ADA)
