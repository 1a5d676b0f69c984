from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from catalog.iiif.addresses import Addresses
from catalog.iiif.discovery import PAGE, Change, build_feed, build_page, numbers_on, page_of

BASE = Addresses("https://museum.example")
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_every_number_is_on_exactly_one_page() -> None:
    for number in (1, PAGE, PAGE + 1, 12_345):
        assert number in numbers_on(page_of(number))


def test_pages_are_chained_from_the_oldest_to_the_newest() -> None:
    last = 2 * PAGE + 5
    feed = json.loads(build_feed(last, last, BASE))
    address, seen = feed["first"]["id"], []
    while address:
        number = int(address.removesuffix(".json").rpartition("-")[2])
        changes = [
            Change(n, "Create", f"1987.{n}", NOON + timedelta(seconds=n))
            for n in numbers_on(number)
            if n <= last
        ]
        page = json.loads(build_page(number, last, changes, BASE))
        assert page["id"] == address
        assert page["partOf"]["id"] == feed["id"]
        seen += page["orderedItems"]
        end, address = address, page.get("next", {}).get("id")
    assert end == feed["last"]["id"]
    assert len(seen) == feed["totalItems"] == last
    times = [activity["endTime"] for activity in seen]
    assert times == sorted(times)
    assert times[0] == "2026-11-01T12:00:01.000000Z"
    assert len({activity["id"] for activity in seen}) == last


def test_an_activity_names_what_it_did_and_to_which_manifest() -> None:
    page = json.loads(build_page(0, 1, [Change(1, "Delete", "1987.1", NOON)], BASE))
    (activity,) = page["orderedItems"]
    assert activity["type"] == "Delete"
    assert activity["object"] == {"id": BASE.manifest("1987.1"), "type": "Manifest"}
    assert {"prev", "next"}.isdisjoint(page)


def test_an_empty_feed_has_one_empty_page() -> None:
    feed = json.loads(build_feed(0, 0, BASE))
    assert feed["first"]["id"] == feed["last"]["id"] == BASE.activities(0)
    assert json.loads(build_page(0, 0, [], BASE))["orderedItems"] == []
