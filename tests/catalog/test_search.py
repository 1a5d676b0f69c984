from __future__ import annotations

import unicodedata
from datetime import date

import pytest
from sqlalchemy import Connection

from catalog import activities, collections, objects
from catalog.objects import ObjectRecord
from catalog.queue_filter import Range
from catalog.schema import ReviewState
from catalog.search import ObjectSearch, search
from tests.catalog.test_queue import open_one

RECORDS = (
    ObjectRecord(
        accession_number="1984.12/3",
        title="Žďár nad Sázavou, zámek",
        maker="Josef Šechtl",
        date_text="ca. 1890",
        date_from=date(1885, 1, 1),
        date_to=date(1895, 12, 31),
        description="Glass plate, cracked",
    ),
    ObjectRecord(
        accession_number="1984.13", title="Railway bridge", date_text="1912", date_from=date(1912, 5, 1)
    ),
    ObjectRecord(accession_number="2001.1", title="Bridge at night, 100% rain", source="Gift of the railway"),
)


@pytest.fixture
def catalog(connection: Connection) -> Connection:
    objects.upsert(connection, RECORDS)
    return connection


def found(connection: Connection, **which) -> list[str]:
    return [hit.object.accession_number for hit in search(connection, ObjectSearch(**which))]


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("zdar", ["1984.12/3"]),
        ("ŽĎÁR", ["1984.12/3"]),
        (unicodedata.normalize("NFD", "ŽĎÁR"), ["1984.12/3"]),
        ("sechtl", ["1984.12/3"]),
        ("1984.12/3", ["1984.12/3"]),
        ("cracked plate", ["1984.12/3"]),
        ("railway", ["1984.13", "2001.1"]),
        ("bridge -night", ["1984.13"]),
        ('"railway bridge"', ["1984.13"]),
        ("railwy bridg", ["1984.13"]),
        ("Sazav", ["1984.12/3"]),
        ("100%", ["2001.1"]),
        ("zeppelin", []),
        ("'; DROP TABLE objects; --", []),
    ],
)
def test_words_are_found_with_accents_folded_and_mistakes_forgiven(catalog, words: str, numbers: list[str]):
    assert found(catalog, words=words) == numbers


def test_accession_numbers_are_found_by_their_beginning(catalog):
    assert found(catalog, accession_number="1984") == ["1984.12/3", "1984.13"]
    assert found(catalog, accession_number="1984_1") == []


@pytest.mark.parametrize(
    ("dated_from", "dated_to", "numbers"),
    [
        (date(1895, 1, 1), None, ["1984.12/3", "1984.13"]),
        (date(1896, 1, 1), date(1912, 5, 1), ["1984.13"]),
        (None, date(1884, 12, 31), []),
    ],
)
def test_date_ranges_meet(catalog, dated_from, dated_to, numbers):
    assert found(catalog, dated_from=dated_from, dated_to=dated_to) == numbers


def test_collection_and_publication_narrow_the_search(catalog):
    collections.upsert(catalog, "bridges")
    collections.add(catalog, "bridges", [objects.get(catalog, "2001.1").id])
    activities.publish(catalog, objects.get(catalog, "1984.13").id)
    assert found(catalog, words="railway", collection="bridges") == ["2001.1"]
    assert found(catalog, words="railway", published=True) == ["1984.13"]


def test_state_confidence_and_damage_of_photographs_narrow_the_search(catalog):
    open_one(catalog, "1984.13", 0.25)
    open_one(catalog, "2001.1", 0.75)
    assert found(catalog, confidence=Range(0, 0.5)) == ["1984.13"]
    assert found(catalog, words="bridge", state=ReviewState.PENDING) == ["1984.13", "2001.1"]
    assert found(catalog, state=ReviewState.APPROVED) == []
    assert found(catalog, damage=Range(0.1, 0.2)) == ["1984.13", "2001.1"]


def test_better_matches_come_first(catalog):
    hits = search(catalog, ObjectSearch(words="bridge or railway"))
    assert hits[0].object.accession_number == "1984.13"
    assert hits[0].rank > hits[-1].rank


def test_page_after_the_last_is_empty_not_a_guess(catalog):
    assert search(catalog, ObjectSearch(words="railway"), offset=2) == ()


def test_pages_of_hits(catalog):
    first = search(catalog, ObjectSearch(), limit=2)
    second = search(catalog, ObjectSearch(), limit=2, offset=2)
    assert [hit.object.accession_number for hit in first + second] == ["1984.12/3", "1984.13", "2001.1"]
