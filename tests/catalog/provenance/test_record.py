"""The record that everything else is written from: chains without gaps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from catalog.provenance.record import (
    ProvenanceRecord,
    StageRun,
    assemble,
    document_id,
    instance_id,
    timestamp,
)
from catalog.provenance.signing import derivative_record
from catalog.provenance.vocabulary import DigitalSourceType
from imaging.errors import CatalogError
from imaging.stage import ModelReference, Role
from tests.catalog.provenance.conftest import HINT, MODEL, START, Photograph


@pytest.fixture
def runs(photograph: Photograph) -> list[StageRun]:
    return [stored.run for stored in photograph.inputs.runs]


def _assembled(photograph: Photograph, runs: list[StageRun]) -> ProvenanceRecord:
    return assemble(photograph.inputs.description, photograph.inputs.scan, runs)


def test_the_lineage_of_a_colorized_photograph_leads_back_to_the_scan(photograph: Photograph) -> None:
    record, colorized = photograph.record, photograph.result(1).file(Role.COLORIZED)
    restored = photograph.result(0).file(Role.RESTORED)
    chain = record.lineage(colorized.sha256)
    assert [step.stage for step in chain] == ["restoration", "colorization"]
    assert chain[0].input_sha256 == (record.scan.sha256,)
    assert chain[1].input_sha256 == (restored.sha256,)
    assert [step.stage for step in record.lineage(restored.sha256)] == ["restoration"]
    assert record.lineage(record.scan.sha256) == ()


def test_a_derivative_record_carries_what_was_done_with_what_by_whom_and_when(photograph: Photograph) -> None:
    colorized = photograph.result(1).file(Role.COLORIZED)
    record = derivative_record(photograph.record, colorized.sha256)
    step = record["steps"][1]
    assert record["scan"]["sha256"] == photograph.record.scan.sha256
    assert step["input"] == [photograph.result(0).file(Role.RESTORED).sha256]
    assert colorized.sha256 in step["outputs"]
    assert step["software"] == "Heliochrome 0.1.0"
    assert step["models"] == [{"name": MODEL.name, "version": MODEL.version, "sha256": MODEL.sha256}]
    assert step["parameters"] == {"vividness": 1.0}
    assert step["hints"][0]["source"] == HINT.source
    assert step["machine"] == "2 cores, 4 GiB, no accelerator"
    assert step["agent"] == "DAG digitize, run manual__2026-11-20"
    assert (step["started"], step["ended"]) == ("2026-11-20T09:33:00Z", "2026-11-20T09:34:30Z")
    assert step["outcome"] == "success"


def test_a_gap_in_the_chain_is_refused(photograph: Photograph, runs: list[StageRun]) -> None:
    with pytest.raises(CatalogError, match="colorization read a file of unknown origin"):
        _assembled(photograph, runs[1:])


def test_runs_out_of_order_are_refused(photograph: Photograph, runs: list[StageRun]) -> None:
    with pytest.raises(CatalogError, match="in order"):
        _assembled(photograph, runs[::-1])


def test_times_need_a_zone_and_an_order(photograph: Photograph, runs: list[StageRun]) -> None:
    with pytest.raises(CatalogError, match="no time zone"):
        _assembled(photograph, [replace(runs[0], started=datetime(2026, 1, 1))])
    with pytest.raises(CatalogError, match="ended before it started"):
        _assembled(photograph, [replace(runs[0], ended=START - timedelta(seconds=1))])


def test_an_object_without_a_number_is_refused(photograph: Photograph, runs: list[StageRun]) -> None:
    nameless = replace(photograph.inputs.description, accession_number=" ")
    with pytest.raises(CatalogError, match="no accession number"):
        assemble(nameless, photograph.inputs.scan, runs)


def test_a_stranger_has_no_lineage(photograph: Photograph) -> None:
    with pytest.raises(CatalogError, match="has no file"):
        photograph.record.lineage("ab" * 32)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (None, DigitalSourceType.ENHANCED),
        ("heliochrome-defects", DigitalSourceType.ENHANCED),
        ("heliochrome-denoise", DigitalSourceType.ENHANCED),
        ("heliochrome-mending", DigitalSourceType.COMPOSITE_WITH_MODEL),
        ("lama-inpainting", DigitalSourceType.COMPOSITE_WITH_MODEL),
    ],
)
def test_only_what_a_model_paints_is_called_trained_media(
    photograph: Photograph, runs: list[StageRun], model: str | None, expected: DigitalSourceType
) -> None:
    models = () if model is None else (ModelReference(model, "1", "ab" * 32),)
    result = replace(runs[0].result, models=models)
    record = _assembled(photograph, [replace(runs[0], result=result)])
    assert record.source_type(result.file(Role.RESTORED).sha256) is expected


def test_identifiers_are_stable_and_distinct(photograph: Photograph) -> None:
    assert instance_id("ab" * 32) == instance_id("ab" * 32) != instance_id("ab" * 32, "access copy")
    identifiers = {document_id(photograph.record, role) for role in Role}
    assert len(identifiers) == len(Role)


def test_times_are_told_in_utc() -> None:
    prague = timezone(timedelta(hours=2))
    assert timestamp(datetime(2026, 7, 1, 14, 0, 30, 999, tzinfo=prague)) == "2026-07-01T12:00:30Z"
    assert timestamp(datetime(2026, 7, 1, tzinfo=UTC)) == "2026-07-01T00:00:00Z"
