"""A run's first tasks: files and due scans in batches, and how they go on together."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

from catalog import scans
from imaging.errors import StoredFileError
from operators.due import MADE_OF_EACH_BYTE
from operators.find_scans import LISTING, FindScansOperator
from operators.ingest import IngestOperator
from operators.outcome import BatchOutcome, ScanReference
from operators.space import Space
from tests.operators.conftest import Photographer


@pytest.fixture
def home(engine: Engine, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HELIOCHROME_HOME", str(tmp_path))
    monkeypatch.setenv("HELIOCHROME_CATALOG_DSN", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("AIRFLOW__HELIOCHROME__QUIET_SECONDS", "0")
    monkeypatch.setattr("operators.hooks.CatalogHook._connection_dsn", lambda self: None)
    return tmp_path


def find(**asked: Any) -> tuple[list[dict[str, Any]], dict[str, int]]:
    pushed: dict[str, Any] = {}
    context = {"ti": SimpleNamespace(xcom_push=pushed.__setitem__)}
    return FindScansOperator(task_id="find", **asked).execute(context), pushed[LISTING]


def ingest(batch: dict[str, Any]) -> BatchOutcome:
    context = {"ti": SimpleNamespace(try_number=1, max_tries=2), "run_id": "run"}
    return BatchOutcome.from_xcom(IngestOperator(task_id="ingest", batch=batch).execute(context))


@pytest.mark.usefixtures("home")
def test_failed_scan_goes_on_from_the_store_beside_a_new_file(
    engine: Engine, photograph: Photographer
) -> None:
    path = photograph("a.tif", seed=1)
    (batch,), counts = find()
    assert batch == {"index": 0, "names": ["a.tif"], "scans": []}
    (taken,) = ingest(batch).scans
    with engine.begin() as connection:
        error = StoredFileError("a.tif", "its restoration was altered", "The next run makes it anew.")
        scans.mark_failed(connection, taken.scan, error)
    path.unlink()
    photograph("b.tif", seed=2)
    (batch,), counts = find()
    assert batch == {"index": 0, "names": ["b.tif"], "scans": [taken.scan]}
    assert (counts["found"], counts["before"], counts["due"]) == (1, 0, 1)
    outcome = ingest(batch)
    assert outcome.scans == (ScanReference(2), taken) and not outcome.lost
    assert ingest({"index": 1, "names": [], "scans": [taken.scan]}).scans == (taken,)


@pytest.mark.usefixtures("home")
def test_finished_inbox_makes_no_batch_unless_somebody_asks(engine: Engine, photograph: Photographer) -> None:
    photograph("box/a.tif")
    (batch,), _ = find()
    (taken,) = ingest(batch).scans
    with engine.begin() as connection:
        scans.mark_processed(connection, taken.scan)
    batches, counts = find()
    assert batches == [] and (counts["found"], counts["before"], counts["due"]) == (1, 1, 0)
    (batch,), counts = find(redo="all")
    assert (batch["scans"], counts["before"], counts["due"]) == ([taken.scan], 0, 1)


@pytest.mark.usefixtures("home")
def test_disk_too_small_for_the_run_is_told_before_it_begins(
    photograph: Photographer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    size = photograph("a.tif").stat().st_size
    needed = int(size * (1 + MADE_OF_EACH_BYTE))
    for free in (needed, needed - 1):
        disk = Space(Path("/store"), 0, lambda folder, free=free: free)  # type: ignore[misc]
        monkeypatch.setattr("operators.find_scans.store_space", lambda disk=disk: disk)
        _, counts = find()
        assert counts["bytes"] == needed
        assert ("the disk will not do for the whole run" in capsys.readouterr().out) == (free < needed)
