"""Stage work is done once, recorded once, and survives being killed at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvips
from sqlalchemy import Engine, func, select

from catalog import derivatives, events
from catalog.schema import metadata
from catalog.store import Store
from imaging.errors import StoreError
from imaging.scan import inspect_scan
from imaging.scan_kind import ScanKind
from imaging.stage import Role
from operators.outcome import ScanReference
from operators.progress import Progress
from operators.work.ingestion import Ingestion
from operators.work.restoration import Restoring
from restoration.options import RestorationOptions
from restoration.pipeline import restore
from restoration.tone import ToneOptions
from tests.operators.conftest import Photographer, picture

OPTIONS = RestorationOptions(tile=128, device="cpu", threads=1)

RESTORE_AND_STALL = """
import sys, time
from pathlib import Path
from catalog.database import connect
from catalog.store import Store
from operators.outcome import ScanReference
from operators.progress import Progress
from operators.work.restoration import Restoring
from restoration.options import RestorationOptions

dsn, store, scan, tile = sys.argv[1:]
class Stalling(Progress):
    def share(self, share):
        if share > 0.3:
            print("in the middle", flush=True)
            time.sleep(600)
options = RestorationOptions(tile=int(tile), device="cpu", threads=1)
worker = Restoring(connect(dsn), Store(Path(store)), options)
worker.process(ScanReference(int(scan)), Stalling(1))
"""


def take_in(engine: Engine, store: Store, inbox: Path, name: str) -> ScanReference:
    (reference,) = Ingestion(engine, store, inbox).process(name, Progress(1)).scans
    return reference


def rows(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in metadata.sorted_tables
        }


def test_work_is_done_once_and_its_event_written_once(
    engine: Engine, store: Store, inbox: Path, photograph: Photographer
) -> None:
    photograph("a.tif")
    reference = take_in(engine, store, inbox, "a.tif")
    worker = Restoring(engine, store, OPTIONS)
    first = worker.process(reference, Progress(1))
    before = rows(engine)
    second = worker.process(reference, Progress(1))
    assert (first.fresh, second.fresh) == (1, 0)
    assert first.scans == second.scans
    assert rows(engine) == before


def test_other_options_make_another_version(
    engine: Engine, store: Store, inbox: Path, photograph: Photographer
) -> None:
    photograph("a.tif")
    reference = take_in(engine, store, inbox, "a.tif")
    for denoise in (0.5, 0.0, 0.5):
        Restoring(engine, store, RestorationOptions(denoise=denoise, tile=128)).process(
            reference, Progress(1)
        )
    with engine.connect() as connection:
        assert [v.number for v in derivatives.of_scan(connection, reference.scan)] == [1, 2]


def test_outcome_that_was_stored_but_not_recorded_is_recorded(
    engine: Engine, store: Store, inbox: Path, photograph: Photographer, monkeypatch: pytest.MonkeyPatch
) -> None:
    photograph("a.tif")
    reference = take_in(engine, store, inbox, "a.tif")
    worker = Restoring(engine, store, OPTIONS)
    with monkeypatch.context() as patch:
        patch.setattr("operators.work.stage_worker.outcomes.record_success", _die)
        with pytest.raises(KeyboardInterrupt):
            worker.process(reference, Progress(1))
    assert worker.process(reference, Progress(1)).fresh == 0
    with engine.connect() as connection:
        *_, event = events.of_scan(connection, reference.scan)
    assert event.stage == "restoration" and event.started_at < event.ended_at


def test_original_that_the_store_lost_is_named_with_what_to_do(
    engine: Engine, store: Store, inbox: Path, photograph: Photographer
) -> None:
    photograph("a.tif")
    reference = take_in(engine, store, inbox, "a.tif")
    (sha256,) = store.originals()
    store.quarantine(sha256)
    with pytest.raises(StoreError, match=r"a\.tif: its original is missing .* Put the file into the inbox"):
        Restoring(engine, store, OPTIONS).process(reference, Progress(1))


def test_further_pages_are_cut_out_and_restored(engine: Engine, store: Store, inbox: Path) -> None:
    pages = [picture("L", seed, size) for seed, size in enumerate([(96, 64), (80, 70)])]
    pages[0].save(inbox / "album.tif", save_all=True, append_images=pages[1:], dpi=(600, 600))
    _, page = Ingestion(engine, store, inbox).process("album.tif", Progress(1)).scans
    done = Restoring(engine, store, OPTIONS).process(page, Progress(1))
    with engine.connect() as connection:
        cut, restored = derivatives.of_scan(connection, page.scan)
    assert done.scans == (ScanReference(page.scan, (cut.id, restored.id)),)
    assert restored.input_sha256 == cut.derivative(Role.ORIGINAL).sha256
    assert (restored.derivative(Role.RESTORED).width, restored.derivative(Role.RESTORED).height) == (80, 70)
    for page_file in (cut.derivative(Role.ORIGINAL), restored.derivative(Role.RESTORED)):
        assert inspect_scan(store.resolve(page_file.path)).dpi == pytest.approx(600)


def test_killed_in_the_middle_and_run_again_gives_the_same(
    engine: Engine, store: Store, inbox: Path, photograph: Photographer, tmp_path: Path
) -> None:
    photograph("a.tif", size=(160, 900))
    reference = take_in(engine, store, inbox, "a.tif")
    _kill_in_the_middle(engine, store, reference)
    before = rows(engine)
    assert not list(store.keys()), "nothing half done is visible"

    Restoring(engine, store, OPTIONS).process(reference, Progress(1))
    after = rows(engine)
    (key,) = store.keys()
    assert not store.verify(key)
    assert after["versions"] == before["versions"] + 1
    assert after["events"] == before["events"] + 1
    assert not list(store.root.glob("partial/*"))

    (undisturbed := tmp_path / "undisturbed").mkdir()
    expected = restore(inbox / "a.tif", undisturbed, OPTIONS)
    assert store.find(key).files == expected.files


def _kill_in_the_middle(engine: Engine, store: Store, reference: ScanReference) -> None:
    dsn = engine.url.render_as_string(hide_password=False)
    arguments = (dsn, str(store.root), str(reference.scan), str(OPTIONS.tile))
    with subprocess.Popen(
        [sys.executable, "-c", RESTORE_AND_STALL, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in the middle\n"
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def _die(*arguments: object, **options: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("kind", "mended", "neutral"),
    [(ScanKind.DOCUMENT, False, False), (ScanKind.COLOR, True, False), (ScanKind.TONED, True, True)],
)
def test_what_a_scan_is_decides_how_it_is_restored(
    engine: Engine, store: Store, inbox: Path, kind: ScanKind, mended: bool, neutral: bool
) -> None:
    picture("RGB").save(inbox / "a.tif")
    (reference,) = Ingestion(engine, store, inbox, kind=kind).process("a.tif", Progress(1)).scans
    options = replace(OPTIONS, tone=ToneOptions(neutral=True))
    (done,) = Restoring(engine, store, options).process(reference, Progress(1)).scans
    with engine.connect() as connection:
        version = derivatives.get(connection, done.versions[-1])
    assert version.parameters["mend"] is mended
    assert (version.parameters["denoise"] > 0) is mended
    assert version.parameters["tone_neutral"] is neutral
    if not mended:
        restored = pyvips.Image.tiffload(str(store.resolve(version.derivative(Role.RESTORED).path)))
        assert np.array_equal(restored.numpy(), np.asarray(picture("RGB")))
