from __future__ import annotations

import threading

import pytest
from sqlalchemy import Connection, Engine

from catalog import derivatives, scans
from catalog.database import in_transaction
from imaging.errors import CatalogError
from imaging.stage import Role
from tests.catalog.records import colorization, digest, restoration, scan_record


@pytest.fixture
def scan_id(connection: Connection) -> int:
    return scans.register(connection, scan_record()).scan.id


def test_version_comes_back_as_it_was_recorded(connection: Connection, scan_id: int):
    recorded = derivatives.record(connection, scan_id, digest("key"), restoration())
    version = derivatives.get(connection, recorded.version.id)
    assert recorded.fresh
    assert (version.stage, version.number, version.store_key) == ("restoration", 1, digest("key"))
    assert version.figures == {"damage_share": 0.125, "seconds": 1.5}
    assert version.regions == restoration().regions
    restored = version.derivative(Role.RESTORED)
    assert (restored.sha256, restored.width, restored.bits) == (digest("scan+"), 40, 8)
    assert restored.path == f"entries/{digest('key')[:2]}/{digest('key')}/restored.tif"


def test_repeat_finds_and_new_work_counts_on(connection: Connection, scan_id: int):
    first = derivatives.record(connection, scan_id, digest("key"), restoration())
    again = derivatives.record(connection, scan_id, digest("key"), restoration())
    other = derivatives.record(connection, scan_id, digest("other"), restoration(take="2"))
    color = derivatives.record(connection, scan_id, digest("color"), colorization())
    assert (first.version, again.fresh) == (again.version, False)
    assert [other.version.number, color.version.number] == [2, 1]
    assert derivatives.latest(connection, scan_id, "restoration") == other.version
    assert derivatives.latest(connection, scan_id, "provenance") is None
    assert derivatives.of_scan(connection, scan_id) == (first.version, other.version, color.version)


def test_lineage_follows_digests_back_to_the_scan(connection: Connection, scan_id: int):
    unrelated = derivatives.record(connection, scan_id, digest("1"), restoration(take="unused")).version
    restored = derivatives.record(connection, scan_id, digest("2"), restoration()).version
    colorized = derivatives.record(connection, scan_id, digest("3"), colorization()).version
    assert derivatives.lineage(connection, colorized.id) == (restored, colorized)
    assert unrelated not in derivatives.lineage(connection, colorized.id)
    assert derivatives.by_sha256(connection, digest("scan color ")) == (colorized,)


def test_nothing_is_known_of_what_is_made_of_a_byte_before_anything_was(connection: Connection):
    assert derivatives.bytes_per_original_byte(connection) is None


def test_version_of_an_unknown_scan_is_refused(connection: Connection):
    with pytest.raises(CatalogError, match="scan 12345: is not in the catalog"):
        derivatives.record(connection, 12345, digest("key"), restoration())


def test_concurrent_writers_to_one_scan_number_without_gaps_or_twins(engine: Engine):
    scan_id = in_transaction(engine, lambda c: scans.register(c, scan_record())).scan.id

    def write(take: str) -> None:
        key = digest(take)
        in_transaction(engine, lambda c: derivatives.record(c, scan_id, key, restoration(take=take)))

    # Each of four outcomes arrives twice.
    threads = [threading.Thread(target=write, args=(str(n % 4),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        numbers = [version.number for version in derivatives.of_scan(connection, scan_id)]
    assert numbers == [1, 2, 3, 4]
