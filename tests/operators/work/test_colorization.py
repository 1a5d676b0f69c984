from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from catalog.store import Store
from colorization.options import ColorizationOptions
from imaging.scan_kind import ScanKind
from operators.progress import Progress
from operators.work.colorization import Coloring
from operators.work.ingestion import Ingestion
from tests.operators.conftest import picture


def test_what_must_not_be_colored_goes_on_as_it_is(engine: Engine, store: Store, inbox: Path) -> None:
    picture("RGB").save(inbox / "a.tif")
    (reference,) = Ingestion(engine, store, inbox, kind=ScanKind.COLOR).process("a.tif", Progress(1)).scans

    def predictor(*arguments: object) -> None:
        raise AssertionError("nothing is to be colored")

    done = Coloring(engine, store, ColorizationOptions(), predictor).process(reference, Progress(1))
    assert done.scans == (reference,)
    assert done.fresh == 0
