"""The inbox only takes in; a finished one costs a look at its names, and no file of it is opened again."""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from catalog import collections, objects, scans
from catalog.due import Reason, Redo
from catalog.store import Store
from imaging.errors import CorruptScan, StoreError
from operators.due import Inquiry, Work, work_due
from operators.inbox import list_inbox
from operators.outcome import ScanReference
from operators.progress import Progress
from operators.version import software_version
from operators.work.ingestion import Ingestion
from tests.operators.conftest import Photographer, picture

Look = Callable[..., Work]
VERSION = software_version()


@pytest.fixture
def ingestion(engine: Engine, store: Store, inbox: Path) -> Ingestion:
    return Ingestion(engine, store, inbox)


@pytest.fixture
def look(engine: Engine, store: Store, inbox: Path) -> Look:
    def work(**asked: object) -> Work:
        inquiry = Inquiry(**{"software_version": VERSION, **asked})
        return work_due(engine, store, inbox, list_inbox(inbox, 0).scans, inquiry)

    return work


def finished(ingestion: Ingestion, name: str) -> int:
    (reference,) = ingestion.process(name, Progress(1)).scans
    with ingestion.engine.begin() as connection:
        scans.mark_processed(connection, reference.scan)
    return reference.scan


def refused(ingestion: Ingestion, name: str) -> None:
    with pytest.raises(CorruptScan) as refusal:
        ingestion.process(name, Progress(1))
    ingestion.refuse(name, refusal.value)


def test_new_file_is_taken_in_and_then_due_from_the_store(
    ingestion: Ingestion, look: Look, photograph: Photographer
) -> None:
    path = photograph("a.tif")
    assert (look().names, look().scans) == (("a.tif",), ())
    (reference,) = ingestion.process("a.tif", Progress(1)).scans
    path.unlink()
    work = look()
    assert work.names == () and [(one.scan, one.reason) for one in work.scans] == [
        (reference.scan, Reason.NEW)
    ]


def test_finished_inbox_is_not_opened(
    ingestion: Ingestion, look: Look, photograph: Photographer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, name in enumerate(("a.tif", "box/b.jpg", "caf\u00e9.png")):
        photograph(name, seed=seed)
        finished(ingestion, name)
    photograph("cut.jpg").write_bytes(photograph("cut.jpg").read_bytes()[:300])
    refused(ingestion, "cut.jpg")
    for module, name in ((builtins, "open"), (io, "open"), (os, "open")):
        monkeypatch.setattr(module, name, _never)
    work = look()
    assert (work.names, work.scans, work.before) == ((), (), 3)
    assert [failure.photograph for failure in work.refused] == ["cut.jpg"] and work.refused[0].known


def test_file_that_changed_is_taken_in_again(
    ingestion: Ingestion, look: Look, photograph: Photographer
) -> None:
    path = photograph("a.tif")
    finished(ingestion, "a.tif")
    picture("L", seed=1).save(path)
    assert look().names == ("a.tif",)


def test_file_of_which_a_page_is_missing_is_taken_in_again(
    ingestion: Ingestion, look: Look, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [picture("L", seed) for seed in range(2)]
    pages[0].save(inbox / "album.tif", save_all=True, append_images=pages[1:])
    take_in = Ingestion._take_in
    with monkeypatch.context() as patch:
        patch.setattr(Ingestion, "_take_in", lambda self, *a: _never() if a[-1] else take_in(self, *a))
        with pytest.raises(AssertionError):
            ingestion.process("album.tif", Progress(1))
    assert look().names == ("album.tif",)
    assert len(ingestion.process("album.tif", Progress(1)).scans) == 2


def test_file_whose_original_is_lost_is_taken_in_again(
    ingestion: Ingestion, look: Look, store: Store, photograph: Photographer
) -> None:
    photograph("a.tif")
    scan = finished(ingestion, "a.tif")
    (sha256,) = store.originals()
    store.quarantine(sha256)
    assert (look().names, look().before) == (("a.tif",), 0)
    assert ingestion.process("a.tif", Progress(1)).scans == (ScanReference(scan),)
    assert (look().names, look().before) == ((), 1)


def test_store_that_is_not_mounted_stops_the_run(
    ingestion: Ingestion, look: Look, store: Store, photograph: Photographer
) -> None:
    photograph("a.tif")
    finished(ingestion, "a.tif")
    store.root.rename(store.root.with_name("elsewhere"))
    with pytest.raises(StoreError, match="whether the store's disk is mounted"):
        look()


def test_refused_file_is_looked_at_again_by_another_version_of_the_software(
    ingestion: Ingestion, look: Look, photograph: Photographer
) -> None:
    photograph("cut.jpg").write_bytes(photograph("cut.jpg").read_bytes()[:300])
    refused(ingestion, "cut.jpg")
    assert look().names == ()
    assert look(software_version="99").names == look(again=True).names == ("cut.jpg",)
    with ingestion.engine.begin() as connection:
        assert scans.retry(connection) == 1
    assert look().names == ("cut.jpg",)


def test_files_join_a_collection_that_is_named_later(
    ingestion: Ingestion, look: Look, photograph: Photographer, engine: Engine
) -> None:
    photograph("a.tif")
    finished(ingestion, "a.tif")
    assert look(collection="harbor").names == ("a.tif",)
    with engine.begin() as connection:
        collections.ensure(connection, "harbor")
        collections.add(connection, "harbor", [objects.get(connection, "a").id])
    assert look(collection="harbor").names == ()


def test_run_over_one_folder_takes_nothing_from_elsewhere(
    engine: Engine, store: Store, inbox: Path, photograph: Photographer
) -> None:
    photograph("box1/a.tif", seed=1)
    photograph("box2/b.tif", seed=2)
    first = finished(Ingestion(engine, store, inbox / "box1"), "a.tif")
    finished(Ingestion(engine, store, inbox / "box2"), "b.tif")
    inquiry = Inquiry(VERSION, redo=Redo.ALL, everything=False)
    work = work_due(engine, store, inbox / "box1", ["a.tif"], inquiry)
    assert [(one.scan, one.reason) for one in work.scans] == [(first, Reason.REDONE)]


def _never(*arguments: object, **options: object) -> None:
    raise AssertionError("a file was opened")
