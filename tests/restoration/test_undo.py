"""Changes of tone can be taken back, and nothing else is taken for a record of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.errors import OptionsError, StoreError
from imaging.stage import Role, StageResult
from restoration.options import RestorationOptions
from restoration.pipeline import restore
from restoration.tone import ToneOptions
from restoration.undo import undo_tones

Picture = NDArray[np.float32]
KEEP = RestorationOptions(mend=False, denoise=0)


@pytest.fixture
def restored(photograph: Picture, write: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """Restore a faded photograph and return the record, with the scan beside its folder."""

    def work(tone: ToneOptions) -> Path:
        scan, into = write(np.float32(0.3) + np.float32(0.3) * photograph, 16), tmp_path / "out"
        into.mkdir()
        return _record(into, restore(scan, into, replace(KEEP, tone=tone)))

    return work


def _record(into: Path, result: StageResult) -> Path:
    record = into / "restoration.json"
    record.write_text(result.to_json())
    return record


def test_tones_come_back(restored: Callable[..., Path], pixels: Callable[[Path], Picture]) -> None:
    record = restored(ToneOptions(flatten=True, levels=True))
    target = record.with_name("before.tif")
    written = undo_tones(record, target)
    scan = pixels(record.parent.parent / "scan.tif").astype(float)
    assert (written.name, written.bits, written.height) == ("before.tif", 16, scan.shape[0])
    assert np.quantile(np.abs(pixels(target) - scan), 0.99) < 65535 * 1e-3
    assert np.abs(pixels(record.with_name("restored.tif")) - scan).mean() > 65535 * 0.05


def test_where_no_tones_were_changed_there_is_nothing_to_undo(restored: Callable[..., Path]) -> None:
    record = restored(ToneOptions())
    with pytest.raises(OptionsError, match="no tones were changed"):
        undo_tones(record, record.with_name("before.tif"))


def test_another_picture_than_the_recorded_one_is_refused(restored: Callable[..., Path]) -> None:
    record = restored(ToneOptions(levels=True))
    picture = record.with_name("restored.tif")
    picture.write_bytes(picture.read_bytes() + b"\0")
    with pytest.raises(StoreError, match="not the file"):
        undo_tones(record, record.with_name("before.tif"))


@pytest.mark.parametrize("name", ["restored.tif", "restoration.json", "../scan.tif"])
def test_nothing_is_overwritten(restored: Callable[..., Path], name: str) -> None:
    record = restored(ToneOptions(levels=True))
    before = (record.parent / name).read_bytes()
    with pytest.raises(OptionsError, match="already exists"):
        undo_tones(record, record.parent / name)
    assert (record.parent / name).read_bytes() == before
    with pytest.raises(OptionsError, match="folder that does not exist"):
        undo_tones(record, record.parent / "nowhere" / "before.tif")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"stage": "restoration"}', "\x00", "II*\x00"])
def test_other_files_than_records_are_refused(tmp_path: Path, text: str) -> None:
    record = tmp_path / "record.json"
    record.write_text(text)
    with pytest.raises(OptionsError, match="not the record of a restoration"):
        undo_tones(record, tmp_path / "before.tif")


def test_the_record_of_another_stage_is_refused(restored: Callable[..., Path]) -> None:
    record = restored(ToneOptions(levels=True))
    result = StageResult.from_json(record.read_text())
    assert result.file(Role.RESTORED)
    _record(record.parent, replace(result, stage="colorization"))
    with pytest.raises(OptionsError, match="another stage: colorization"):
        undo_tones(record, record.with_name("before.tif"))


@pytest.mark.parametrize("tone", ["{", "[]", '{"sharpen": {}}', '{"levels": {"shade": 1}}', None])
def test_a_record_of_invalid_tones_is_refused(restored: Callable[..., Path], tone: str | None) -> None:
    record = restored(ToneOptions(levels=True))
    result = StageResult.from_json(record.read_text())
    parameters = {name: value for name, value in result.parameters.items() if name != "tone"}
    _record(record.parent, replace(result, parameters=parameters | ({} if tone is None else {"tone": tone})))
    with pytest.raises(OptionsError):
        undo_tones(record, record.with_name("before.tif"))
