from __future__ import annotations

import pytest
from sqlalchemy import Connection

from catalog import collections, derivatives, kinds, objects, queue, reviews, scans
from catalog.agents import person
from catalog.objects import ObjectRecord
from catalog.queue import Order
from catalog.queue_filter import QueueFilter, Range
from catalog.schema import ReviewState
from imaging.errors import OptionsError
from imaging.scan_kind import ScanKind, ScanKindReport
from tests.catalog.records import EVENT_CONTEXT, colorization, digest, restoration, scan_record

CONFIDENCES = [0.5, 0.25, 0.75, 0.25, 0.125, 1.0, 0.25]


@pytest.fixture
def waiting(connection: Connection) -> list[int]:
    return [open_one(connection, f"{number}", confidence) for number, confidence in enumerate(CONFIDENCES)]


def open_one(connection: Connection, name: str, confidence: float | None) -> int:
    shown = objects.ensure(connection, ObjectRecord(accession_number=name, title=f"Plate {name}"))
    scan = scans.register(connection, scan_record(name, shown.id)).scan
    version = derivatives.record(connection, scan.id, digest(f"{name} 1"), restoration(name)).version
    if confidence is not None:
        result = colorization(name, confidence=confidence)
        version = derivatives.record(connection, scan.id, digest(f"{name} 2"), result).version
    return reviews.open_review(connection, version.id).id


def walk(connection: Connection, order: Order, limit: int) -> list[list[str]]:
    pages, token = [], None
    while True:
        page = queue.page(connection, order=order, after=token, limit=limit)
        pages.append([item.accession_number for item in page.items])
        token = page.following
        if token is None:
            return pages


@pytest.mark.usefixtures("waiting")
class TestPages:
    def test_least_certain_come_first_and_pages_neither_repeat_nor_skip(self, connection: Connection):
        assert walk(connection, Order.CERTAINTY, 3) == [["4", "1", "3"], ["6", "0", "2"], ["5"]]

    def test_other_orders(self, connection: Connection):
        assert walk(connection, Order.ARRIVAL, 5) == [["0", "1", "2", "3", "4"], ["5", "6"]]
        assert walk(connection, Order.DAMAGE, 4) == [["6", "5", "4", "3"], ["2", "1", "0"]]

    @pytest.mark.parametrize("order", list(Order))
    def test_pages_before_are_those_that_came_before(self, connection: Connection, order: Order):
        first = queue.page(connection, order=order, limit=3)
        second = queue.page(connection, order=order, after=first.following, limit=3)
        third = queue.page(connection, order=order, after=second.following, limit=3)
        assert first.preceding is None
        assert queue.page(connection, order=order, before=third.preceding, limit=3) == second
        assert queue.page(connection, order=order, before=second.preceding, limit=3) == first
        with pytest.raises(OptionsError, match="two tokens"):
            queue.page(connection, order=order, after=first.following, before=first.following)

    @pytest.mark.parametrize("order", list(Order))
    def test_neighbors_are_those_of_the_whole_queue(self, connection: Connection, order: Order):
        items = queue.page(connection, order=order).items
        for before, item, after in zip((None, *items), items, (*items[1:], None), strict=False):
            found = queue.neighbors(connection, QueueFilter(), order, item.review)
            assert (found.previous, found.following) == (before, after)

    def test_a_decided_photograph_keeps_its_place(self, connection: Connection):
        before, item, after = queue.page(connection).items[2:5]
        decided = reviews.decide(connection, item.review.id, ReviewState.APPROVED, person("Ada"))
        found = queue.neighbors(connection, QueueFilter(), Order.CERTAINTY, decided)
        assert (found.previous, found.following) == (before, after)

    def test_exactly_full_page_is_the_last(self, connection: Connection):
        assert len(walk(connection, Order.CERTAINTY, len(CONFIDENCES))) == 1

    def test_ranges_and_collection_narrow_the_queue(self, connection: Connection):
        def found(**which) -> list[str]:
            page = queue.page(connection, QueueFilter(**which))
            return [item.accession_number for item in page.items]

        assert found(confidence=Range(0.25, 0.5)) == ["1", "3", "6", "0"]
        assert found(damage=Range(0.5, 1)) == []
        assert found(state=ReviewState.APPROVED) == []
        collections.upsert(connection, "plates")
        collections.add(connection, "plates", [objects.get(connection, number).id for number in ("2", "3")])
        assert found(collection="plates") == ["3", "2"]

    def test_uncolored_photographs_come_last(self, connection: Connection):
        open_one(connection, "uncolored", None)
        last = queue.page(connection).items[-1]
        assert (last.accession_number, last.review.confidence, last.stage) == (
            "uncolored",
            None,
            "restoration",
        )

    def test_items_say_what_archivists_know_a_photograph_by(self, connection: Connection):
        item = queue.page(connection, limit=1).items[0]
        assert (item.title, item.original_name, item.stage, item.number) == (
            "Plate 4",
            "4.tif",
            "colorization",
            1,
        )

    @pytest.mark.parametrize(
        "token", ["", "x", "bm8=", "WyJhcnJpdmFsIiwgMCwgMV0=", "WyJjZXJ0YWludHkiLDEsSW5maW5pdHld"]
    )
    def test_foreign_tokens_are_refused(self, connection: Connection, token: str):
        with pytest.raises(OptionsError, match="token"):
            queue.page(connection, after=token)

    @pytest.mark.parametrize("limit", [0, 501])
    def test_page_size_is_bounded(self, connection: Connection, limit: int):
        with pytest.raises(OptionsError, match="outside 1–500"):
            queue.page(connection, limit=limit)


def test_states_are_counted(connection: Connection, waiting: list[int]):
    reviews.decide(connection, waiting[0], ReviewState.APPROVED, person("Ada"))
    counted = queue.counts(connection)
    assert (counted[ReviewState.PENDING], counted[ReviewState.APPROVED]) == (6, 1)
    assert counted[ReviewState.REJECTED] == 0


class TestFilters:
    def found(self, connection: Connection, **which: object) -> list[str | None]:
        return [item.accession_number for item in queue.page(connection, QueueFilter(**which)).items]

    @pytest.mark.usefixtures("waiting")
    def test_words_are_looked_for_in_number_title_text_and_file_name(self, connection: Connection):
        described = ObjectRecord(accession_number="2", title="Plate 2", description="The Café at the harbor")
        objects.upsert(connection, [described])
        assert self.found(connection, words="cafe") == ["2"]
        assert self.found(connection, words="ate 4") == ["4"]
        assert self.found(connection, words="6.TIF") == ["6"]
        assert self.found(connection, words="100%") == []
        assert self.found(connection, words=" ") == self.found(connection)

    def test_kinds_that_people_set_count_for_more(self, connection: Connection):
        for name in ("1", "2"):
            open_one(connection, name, 0.5)
        for item in queue.page(connection).items:
            report = ScanKindReport(ScanKind.TONED, "", {}, "1")
            kinds.record(connection, item.review.scan_id, report, EVENT_CONTEXT)
        kinds.overrule(connection, item.review.scan_id, ScanKind.COLOR, person("Ada"))
        assert self.found(connection, kind=ScanKind.TONED) == ["1"]
        assert self.found(connection, kind=ScanKind.COLOR) == ["2"]

    def test_who_decided_and_what_no_newer_version_has_answered(
        self, connection: Connection, waiting: list[int]
    ):
        for number, name in zip(waiting[:2], ("Ada", "Bob"), strict=True):
            reviews.decide(connection, number, ReviewState.RETURNED, person(name), reason="coat")
        returned = ReviewState.RETURNED
        assert queue.reviewers(connection) == ("Ada", "Bob")
        assert self.found(connection, state=returned, reviewer="Bob") == ["1"]
        assert queue.count(connection, QueueFilter(state=returned, unanswered=True)) == 2
        # A transaction has one time of its own.
        connection.exec_driver_sql("UPDATE reviews SET opened_at = opened_at - interval '1 hour'")
        scan = reviews.get(connection, waiting[0]).scan_id
        newer = derivatives.record(connection, scan, digest("newer"), colorization("0", "newer")).version
        connection.exec_driver_sql("UPDATE reviews SET decided_at = decided_at - interval '1 minute'")
        reviews.open_review(connection, newer.id)
        assert self.found(connection, state=returned, unanswered=True) == ["1"]

    def test_a_selection_has_the_least_certain_first(self, connection: Connection, waiting: list[int]):
        chosen = queue.of_reviews(connection, [waiting[2], waiting[4], waiting[0], 999])
        assert [item.review.id for item in chosen] == [waiting[4], waiting[0], waiting[2]]
