"""Ingestion takes what the deployment configures."""

from __future__ import annotations

from pathlib import Path

import pytest

from imaging.errors import OptionsError
from operators.hooks import CatalogHook
from operators.ingest import IngestOperator
from operators.work.ingestion import Ingestion

PATTERN = r"(?P<number>\d{4}\.\d+)(?:_p(?P<page>\d+))?"


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> IngestOperator:
    monkeypatch.setenv("HELIOCHROME_HOME", str(tmp_path))
    monkeypatch.setenv("HELIOCHROME_CATALOG_DSN", "postgresql://museum@db/catalog")
    return IngestOperator(task_id="ingest", batch={"index": 0, "names": []})


def test_file_names_are_read_by_the_configured_pattern(
    operator: IngestOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__HELIOCHROME__NAME_PATTERN", PATTERN)
    worker = operator.worker(CatalogHook(), {})
    assert isinstance(worker, Ingestion)
    assert worker.name_pattern.read("1987.12_p03.tif").accession_number == "1987.12 p. 3"


def test_an_unusable_pattern_is_everyones_fault(
    operator: IngestOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__HELIOCHROME__NAME_PATTERN", "(.*)")
    with pytest.raises(OptionsError, match="no group 'number'"):
        operator.worker(CatalogHook(), {})
