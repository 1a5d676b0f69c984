"""Files that come in a second time: read again only where that can change something."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from catalog import scans
from catalog.schema import EventType
from catalog.schema import events as event_rows
from catalog.store import Store
from imaging.errors import (
    CorruptScan,
)
from imaging.fixity import sha256_file
from operators.outcome import ScanReference
from operators.progress import Progress
from operators.version import software_version
from operators.work.ingestion import Ingestion
from tests.operators.conftest import Photographer, picture
from tests.operators.work.test_ingestion import ingest, never, processed, refused_meanwhile


def test_second_time_changes_nothing(ingestion: Ingestion, photograph: Photographer) -> None:
    photograph("a.tif")
    first = ingest(ingestion, "a.tif")
    assert ingestion.process("a.tif", Progress(1)).fresh == 0
    assert ingest(ingestion, "a.tif") == first
    with ingestion.engine.connect() as connection:
        told = connection.execute(select(event_rows.c.type).order_by(event_rows.c.id)).scalars().all()
    assert told == [EventType.INGESTION, EventType.METADATA_MODIFICATION]


def test_file_that_did_not_change_is_not_read_again(
    ingestion: Ingestion, photograph: Photographer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = photograph("a.tif")
    scan = processed(ingestion, "a.tif")
    with monkeypatch.context() as patch:
        patch.setattr(Store, "add_original", never)
        assert ingestion.process("a.tif", Progress(1)).scans == (ScanReference(scan.id),)
    picture("L", seed=1, size=(50, 50)).save(path)
    assert ingest(ingestion, "a.tif").sha256 != scan.sha256


def test_file_that_was_touched_is_read_once(
    ingestion: Ingestion, photograph: Photographer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = photograph("a.tif")
    scan = processed(ingestion, "a.tif")
    os.utime(path, (0, 0))
    assert ingest(ingestion, "a.tif") == scan
    monkeypatch.setattr(Store, "add_original", never)
    assert ingest(ingestion, "a.tif") == scan


def test_namesake_of_equal_size_in_another_inbox_is_another_file(
    engine: Engine, store: Store, inbox: Path, photograph: Photographer
) -> None:
    photograph("box1/IMG_0001.tif", seed=1)
    path = photograph("box2/IMG_0001.tif", seed=2)
    known = processed(Ingestion(engine, store, inbox / "box1"), "IMG_0001.tif")
    scan = ingest(Ingestion(engine, store, inbox / "box2"), "IMG_0001.tif")
    assert (scan.bytes, scan.sha256) == (known.bytes, sha256_file(path)) and scan.id != known.id


def test_file_in_a_folder_that_took_anothers_place_is_another_file(
    ingestion: Ingestion, inbox: Path, photograph: Photographer
) -> None:
    paths = [photograph(f"{folder}/a.tif", seed=seed) for seed, folder in enumerate(("today", "staged"))]
    for path in paths:
        os.utime(path, (0, 0))
    known = processed(ingestion, "today/a.tif")
    (inbox / "today").rename(inbox / "done")
    (inbox / "staged").rename(inbox / "today")
    scan = ingest(ingestion, "today/a.tif")
    assert (scan.bytes, scan.sha256) == (known.bytes, sha256_file(paths[0])) and scan.id != known.id


@pytest.mark.parametrize("left", [None, b"half of it"])
def test_original_that_the_store_lost_is_taken_in_again(
    ingestion: Ingestion, store: Store, photograph: Photographer, left: bytes | None
) -> None:
    path = photograph("a.tif")
    scan = processed(ingestion, "a.tif")
    original = store.resolve(scan.path or "")
    original.unlink()
    if left is not None:
        original.write_bytes(left)
    assert ingest(ingestion, "a.tif") == scan
    assert original.read_bytes() == path.read_bytes()


def test_file_that_was_away_for_a_moment_is_no_trouble_any_more(
    ingestion: Ingestion, inbox: Path, photograph: Photographer
) -> None:
    photograph("box/a.tif")
    scan = processed(ingestion, "box/a.tif")
    (inbox / "box").rename(inbox / "elsewhere")
    refused_meanwhile(ingestion, "box/a.tif", "no longer exists")
    (inbox / "elsewhere").rename(inbox / "box")
    assert ingest(ingestion, "box/a.tif") == scan
    with ingestion.engine.connect() as connection:
        assert not scans.unresolved(connection)


def test_what_a_stage_refused_is_tried_again_only_on_request(
    ingestion: Ingestion, photograph: Photographer, engine: Engine, store: Store, inbox: Path
) -> None:
    photograph("a.tif")
    scan = ingest(ingestion, "a.tif")
    with engine.begin() as connection:
        missing = CorruptScan("a.tif", "pixels missing", "Scan again.")
        scans.refuse(connection, "a.tif", missing, sha256=scan.sha256, by=software_version())
    (failure,) = ingestion.process("a.tif", Progress(1)).lost
    assert failure.known and "pixels missing" in failure.reason
    assert Ingestion(engine, store, inbox, again=True).process("a.tif", Progress(1)).scans == (
        ScanReference(scan.id),
    )
