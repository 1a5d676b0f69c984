from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, update

from catalog import decisions, reviews, scans
from catalog.schema import ReviewState
from catalog.schema import decisions as decision_rows
from catalog.undo import undo
from catalog.workload import DAYS, Person, workload
from imaging.errors import ScanError
from tests.catalog.test_reviews import ADA, BOB, make


def test_it_tells_who_decided_how_much_and_what_waits(connection: Connection):
    one, two, three, four = (make(connection, f"{n}", number=f"{n}") for n in range(4))
    reviews.decide(connection, one.id, ReviewState.APPROVED, ADA)
    reviews.decide(connection, two.id, ReviewState.RETURNED, ADA, reason="coat")
    reviews.decide(connection, three.id, ReviewState.APPROVED, BOB)
    undone = decisions.latest(connection, three.id)
    assert undone is not None
    undo(connection, undone.id, BOB)
    yesterday = decision_rows.c.decided_at - timedelta(days=1)
    earlier = update(decision_rows).where(decision_rows.c.review_id == one.id)
    connection.execute(earlier.values(decided_at=yesterday))
    scans.refuse(connection, "broken.tif", ScanError("broken.tif", "is cut off", "Scan it again."))
    told = workload(connection)
    assert told.states[ReviewState.PENDING] == 2
    assert (told.unanswered, told.troubled) == (1, 1)
    assert told.people == (Person("Ada", 1, 2),)
    assert len(told.days) == DAYS
    assert [(day.opened, day.decided) for day in told.days[-2:]] == [(0, 1), (4, 1)]
    assert four.state is ReviewState.PENDING


def test_days_long_past_are_not_told(connection: Connection):
    review = make(connection)
    reviews.decide(connection, review.id, ReviewState.APPROVED, ADA)
    later = workload(connection, datetime.now(UTC) + timedelta(days=DAYS))
    assert later.people == ()
    assert {(day.opened, day.decided) for day in later.days} == {(0, 0)}
