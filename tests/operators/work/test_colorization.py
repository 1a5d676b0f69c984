from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from catalog.store import Store
from colorization.options import ColorizationOptions
from imaging.scan_kind import ScanKind
from operators import settings
from operators.progress import Progress
from operators.work.colorization import Coloring, chosen
from operators.work.ingestion import Ingestion
from tests.operators.conftest import picture


def test_models_of_the_museum_are_looked_for_where_the_command_line_adds_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HELIOCHROME_HOME", str(tmp_path))
    assert chosen("tiny", 0).model_folder == settings.models() == tmp_path / "models"


def test_what_must_not_be_colored_goes_on_as_it_is(engine: Engine, store: Store, inbox: Path) -> None:
    picture("RGB").save(inbox / "a.tif")
    (passage,) = Ingestion(engine, store, inbox, kind=ScanKind.COLOR).process("a.tif", Progress(1)).scans

    def predictor(*arguments: object) -> None:
        raise AssertionError("nothing is to be colored")

    done = Coloring(engine, store, ColorizationOptions(), predictor).process(passage, Progress(1))
    assert done.scans == (passage,)
    assert done.fresh == 0


def test_a_run_restrains_color_as_its_form_says_and_else_as_the_model_advises() -> None:
    assert chosen("", 0, 0.25).restraint == 0.25
    assert chosen("", 0).restraint is None
