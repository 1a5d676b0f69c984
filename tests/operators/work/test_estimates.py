"""What the stages write is never more than was estimated before, scratch left aside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from catalog import derivatives
from catalog.store import Store
from colorization.options import ColorizationOptions
from operators.outcome import ScanReference
from operators.progress import Progress
from operators.work.colorization import Coloring
from operators.work.ingestion import Ingestion
from operators.work.restoration import Restoring
from operators.work.stage_worker import StageWorker
from operators.work.tagging import Tagging
from restoration.options import RestorationOptions
from tests.operators.conftest import Photographer
from tests.operators.work.test_whole_way import Sepia

OPTIONS = RestorationOptions(tile=128, device="cpu", threads=1)
SIZE = (384, 256)


@pytest.fixture(params=["L", "RGB", "I;16"])
def reference(
    request: pytest.FixtureRequest, engine: Engine, store: Store, inbox: Path, photograph: Photographer
) -> ScanReference:
    path = photograph("a.tif", request.param, size=SIZE)
    ingestion = Ingestion(engine, store, inbox)
    assert ingestion.estimate("a.tif").bytes == path.stat().st_size
    (taken,) = ingestion.process("a.tif", Progress(1)).scans
    return taken


def test_stages_write_no_more_than_was_estimated(
    engine: Engine, store: Store, reference: ScanReference
) -> None:
    workers: tuple[Callable[[], StageWorker], ...] = (
        lambda: Restoring(engine, store, OPTIONS),
        lambda: Coloring(engine, store, ColorizationOptions(alternatives=1), Sepia()),
        lambda: Tagging(engine, store, identity=None, agent="a test"),
    )
    total = 0
    for make in workers:
        worker = make()
        estimated = worker.estimate(reference).bytes
        (reference,) = worker.process(reference, Progress(1)).scans
        with engine.connect() as connection:
            files = derivatives.get(connection, reference.versions[-1]).derivatives
        written = sum(file.bytes for file in files)
        assert 0 < written <= estimated < 12 * written, worker.stage
        total += written
    with engine.connect() as connection:
        original = store.resolve(worker._scan(reference).path or "").stat().st_size
        assert derivatives.bytes_per_original_byte(connection) == pytest.approx(total / original)
