from __future__ import annotations

import pytest
from sqlalchemy import Connection

from catalog import activities, collections, objects
from catalog.objects import ObjectRecord
from imaging.errors import CatalogError


@pytest.fixture
def plates(connection: Connection) -> list[int]:
    objects.upsert(connection, [ObjectRecord(accession_number=f"{n}") for n in range(5)])
    collections.upsert(connection, "plates", title="Glass plates")
    return [objects.get(connection, f"{n}").id for n in range(5)]


def test_repeated_upsert_changes_nothing(connection: Connection):
    first = collections.upsert(connection, "plates", title="Glass plates")
    assert collections.upsert(connection, "plates", title="Glass plates") == first
    assert collections.upsert(connection, "plates", title="Plates").title == "Plates"
    assert collections.ensure(connection, "plates", "other").title == "Plates"


def test_members_are_added_once_listed_in_order_and_removed(connection: Connection, plates: list[int]):
    assert collections.add(connection, "plates", plates[:4]) == 4
    assert collections.add(connection, "plates", plates[2:]) == 1
    assert collections.size(connection, "plates") == 5
    page = collections.members(connection, "plates", limit=2)
    rest = collections.members(connection, "plates", after=page[-1].accession_number)
    assert [found.accession_number for found in page + rest] == ["0", "1", "2", "3", "4"]
    assert collections.remove(connection, "plates", plates[:1]) == 1
    assert collections.remove(connection, "plates", plates[:1]) == 0
    assert [found.slug for found in collections.of_object(connection, plates[1])] == ["plates"]


def test_public_members_only(connection: Connection, plates: list[int]):
    collections.add(connection, "plates", plates)
    activities.publish(connection, plates[3])
    public = collections.members(connection, "plates", published=True)
    assert [found.accession_number for found in public] == ["3"]
    assert collections.size(connection, "plates", published=True) == 1


def test_collections_nest_but_not_in_circles(connection: Connection):
    collections.upsert(connection, "a")
    collections.upsert(connection, "b", parent="a")
    collections.upsert(connection, "c", parent="b")
    assert [found.slug for found in collections.children(connection)] == ["a"]
    assert [found.parent for found in collections.children(connection, "a")] == ["a"]
    for parent in ("a", "b", "c"):
        with pytest.raises(CatalogError, match="part of it"):
            collections.upsert(connection, "a", parent=parent)
    collections.upsert(connection, "c")
    assert [found.slug for found in collections.children(connection)] == ["a", "c"]


@pytest.mark.parametrize("slug", ["", "Glass Plates", "a--b", "../a", "ä"])
def test_slug_must_fit_in_an_address(connection: Connection, slug: str):
    with pytest.raises(CatalogError, match="not a slug"):
        collections.upsert(connection, slug)


def test_unknown_collection_is_named(connection: Connection):
    with pytest.raises(CatalogError, match="plates: is no collection"):
        collections.members(connection, "plates")
