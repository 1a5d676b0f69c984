from __future__ import annotations

from catalog.iiif.addresses import Addresses
from catalog.iiif.collection import (
    PART,
    CollectionRecord,
    Member,
    Nested,
    build_collection,
    build_part,
    build_top,
)
from catalog.iiif.records import Institution
from tests.catalog.iiif.conformance import assert_presentation

BASE = Addresses("https://museum.example")
MUSEUM = Institution("Harbor Museum", "https://museum.example/")
HARBOR = CollectionRecord("harbor", "The harbor", "Boats.", Nested("town", "The town"))
MEMBERS = [Member(f"1987.{n}", f"Boat {n}") for n in range(3)]


def test_a_small_collection_lists_its_photographs() -> None:
    document = assert_presentation(
        build_collection(HARBOR, [Nested("piers", "Piers")], MEMBERS, 3, BASE, institution=MUSEUM)
    )
    assert [item["type"] for item in document["items"]] == ["Collection", *["Manifest"] * 3]
    assert document["partOf"][0]["id"] == BASE.collection("town")
    assert document["service"][0] == {
        "id": BASE.search("harbor"),
        "type": "SearchService2",
        "label": {"en": ["Search"]},
    }


def test_a_large_collection_is_cut_into_parts_that_cover_it() -> None:
    size = 2 * PART + 1
    document = assert_presentation(build_collection(HARBOR, [], [], size, BASE))
    assert [item["id"] for item in document["items"]] == [BASE.collection("harbor", n) for n in (1, 2, 3)]
    assert document["items"][2]["label"]["none"] == [f"The harbor, {2 * PART + 1}–{size}"]
    part = assert_presentation(build_part(HARBOR, 3, MEMBERS[:1], size, BASE))
    assert part["partOf"][0]["id"] == BASE.collection("harbor")
    assert len(part["items"]) == 1


def test_the_top_collection_leads_to_all_others_and_to_the_change_feed() -> None:
    document = assert_presentation(build_top([Nested("town", "The town")], BASE, institution=MUSEUM))
    assert document["items"][0]["id"] == BASE.collection("town")
    assert document["seeAlso"][0]["id"] == BASE.activities()
