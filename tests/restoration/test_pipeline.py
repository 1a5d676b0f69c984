"""The stage: what it may change, what it must keep, and that a kill costs no more than a band."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray

from imaging.errors import CorruptScan, OptionsError, UnfinishedScan
from imaging.pyramid import Compression, PyramidOptions
from imaging.scan import open_scan
from imaging.stage import Role, StageResult
from restoration.bands import BandFolder
from restoration.defects import NetworkDetector
from restoration.kinds import SURE, DamageKind
from restoration.options import RestorationOptions
from restoration.pipeline import restore
from restoration.setup import mendable
from restoration.tone import Tone, ToneOptions

Picture = NDArray[np.float32]
ONLY_MEND = RestorationOptions(denoise=0.0, sensitivity=0.6, threads=1)
SMALL_TILES = RestorationOptions(denoise=0.0, sensitivity=0.6, tile=128, threads=2)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(("bits", "bands"), [(8, 1), (16, 1), (8, 3), (16, 3)])
def test_only_masked_pixels_change_and_depth_and_bands_stay(
    damaged: Picture, write: Callable, pixels: Callable, into: Path, bits: int, bands: int
) -> None:
    scan = write(damaged, bits, bands)
    result = restore(scan, into, ONLY_MEND)
    before, after = pixels(scan), pixels(into / "restored.tif")
    mask = pixels(into / "damage-mask.tif")[:, :, 0] > 0
    assert after.dtype == before.dtype
    assert after.shape == before.shape
    assert mask.any()
    assert np.array_equal(after[~mask], before[~mask])
    assert not np.array_equal(after[mask], before[mask])
    assert result.file(Role.RESTORED).bits == bits


def test_sixteen_bits_pass_through_no_eight_bit_step(
    damaged: Picture, write: Callable, pixels: Callable, into: Path
) -> None:
    restore(write(damaged, 16), into, ONLY_MEND)
    mended = pixels(into / "restored.tif")[pixels(into / "damage-mask.tif") > 0]
    assert len(np.unique(mended % 257)) > 50  # values that 8 bits cannot hold


def test_mending_brings_the_picture_closer_to_the_truth(
    photograph: Picture, damaged: Picture, write: Callable, pixels: Callable, into: Path
) -> None:
    restore(write(damaged, 16), into, ONLY_MEND)
    restored = pixels(into / "restored.tif")[:, :, 0] / 65535
    assert np.square(restored - photograph).sum() < 0.1 * np.square(damaged - photograph).sum()


def test_the_mask_holds_kinds_and_the_figures_agree_with_it(
    damaged: Picture, write: Callable, pixels: Callable, into: Path
) -> None:
    result = restore(write(damaged), into, ONLY_MEND)
    mask = pixels(into / "damage-mask.tif")
    assert set(np.unique(mask)) <= {0, *DamageKind}
    assert result.figures["damage_share"] == pytest.approx((mask > 0).mean())
    shares = [result.figures[f"damage_{kind.label}"] for kind in DamageKind]
    assert sum(shares) == pytest.approx(result.figures["damage_share"])
    assert result.figures["defects"] == len(result.regions)
    assert all(len(region["polygon"]) >= 3 for region in result.regions)


def test_without_mending_damage_is_shown_and_nothing_changed(
    damaged: Picture, write: Callable, pixels: Callable, into: Path
) -> None:
    scan = write(damaged)
    result = restore(scan, into, RestorationOptions(mend=False, denoise=0.0, sensitivity=0.7))
    assert np.array_equal(pixels(scan), pixels(into / "restored.tif"))
    assert result.figures["defects"] > 0


@pytest.mark.parametrize("tile", [128, 1024])
def test_where_nothing_is_sound_there_is_nothing_to_mend_from(
    photograph: Picture,
    write: Callable,
    pixels: Callable,
    into: Path,
    tile: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everywhere = np.uint8(DamageKind.DUST + SURE)
    monkeypatch.setattr(NetworkDetector, "detect", lambda _, grey, *__: np.full(grey.shape, everywhere))
    scan = write(photograph)
    result = restore(scan, into, replace(ONLY_MEND, tile=tile))
    assert np.array_equal(pixels(scan), pixels(into / "restored.tif"))
    assert result.figures["damage_dust"] == 1
    assert result.figures["mended_dust"] == 0
    assert not any(region["mended"] for region in result.regions)
    assert "mender" not in {model.name for model in result.models}


def test_the_same_work_twice_is_the_same_bytes(damaged: Picture, write: Callable, tmp_path: Path) -> None:
    scan = write(damaged)
    first, second = tmp_path / "first", tmp_path / "second"
    results = []
    for folder in (first, second):
        folder.mkdir()
        results.append(restore(scan, folder))
    assert results[0].files == results[1].files


def test_a_kill_is_survived_with_the_same_bytes(
    damaged: Picture, write: Callable, into: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = write(damaged)
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    expected = restore(scan, undisturbed, SMALL_TILES)
    made = _killed_after(4, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        restore(scan, into, SMALL_TILES)
    monkeypatch.undo()
    kept = {path.name for path in into.glob(".*/*.tif")}
    assert len(kept) == len(made)
    counted = _killed_after(99, monkeypatch)
    result = restore(scan, into, SMALL_TILES)
    assert not kept & set(counted)  # nothing was made twice
    assert result.files == expected.files
    assert [path.name for path in sorted(into.iterdir())] == ["damage-mask.tif", "restored.tif"]


def _killed_after(bands: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []
    save = BandFolder.save

    def counting(self: BandFolder, layer: str, band: object, pixels: object) -> None:
        if len(made) == bands:
            raise KeyboardInterrupt
        save(self, layer, band, pixels)  # type: ignore[arg-type]
        made.append(f"{layer}-{band.index:05d}.tif")  # type: ignore[attr-defined]

    monkeypatch.setattr(BandFolder, "save", counting)
    return made


def test_tiles_do_not_show(
    photograph: Picture, damaged: Picture, write: Callable, pixels: Callable, into: Path, tmp_path: Path
) -> None:
    """Small tiles find the damage that large ones find, and mend it alike; what is doubtful may differ."""
    scan, whole = write(damaged), tmp_path / "whole"
    whole.mkdir()
    restore(scan, whole, ONLY_MEND)
    restore(scan, into, SMALL_TILES)
    masks = [pixels(folder / "damage-mask.tif")[:, :, 0] for folder in (whole, into)]
    alike = masks[0] == masks[1]
    assert alike[damaged != photograph].mean() > 0.999
    assert alike.mean() > 0.998
    difference = pixels(whole / "restored.tif").astype(int) - pixels(into / "restored.tif")
    assert abs(difference).mean() < 0.05


def test_other_options_remove_what_was_left_unfinished(
    damaged: Picture, write: Callable, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = write(damaged)
    _killed_after(4, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        restore(scan, into, SMALL_TILES)
    monkeypatch.undo()
    (into / ".restored.tif.0123456789ab.partial").write_bytes(b"half a picture")
    assert len(list(into.iterdir())) == 2
    restore(scan, into, replace(SMALL_TILES, sensitivity=0.6))
    assert [path.name for path in sorted(into.iterdir())] == ["damage-mask.tif", "restored.tif"]


def test_other_arithmetic_does_not_resume_this_work(
    damaged: Picture, write: Callable, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = write(damaged)
    _killed_after(4, monkeypatch)
    monkeypatch.setattr("restoration.setup.half_is_fast", lambda device: True)
    with pytest.raises(KeyboardInterrupt):
        restore(scan, into, SMALL_TILES)
    monkeypatch.undo()
    monkeypatch.setattr("restoration.setup.half_is_fast", lambda device: False)
    made = _killed_after(99, monkeypatch)
    result = restore(scan, into, SMALL_TILES)
    assert "found-00000.tif" in made
    assert (result.parameters["device"], result.parameters["arithmetic"]) == ("cpu", "float32")


def test_lossy_packing_of_sixteen_bits_is_refused_before_the_work(
    damaged: Picture, write: Callable, into: Path
) -> None:
    options = replace(ONLY_MEND, pyramid=PyramidOptions(compression=Compression.JPEG))
    with pytest.raises(OptionsError, match="16"):
        restore(write(damaged, bits=16), into, options)
    assert not list(into.iterdir())


def test_tones_are_measured_where_specks_are_mended(
    photograph: Picture, write: Callable, pixels: Callable, into: Path
) -> None:
    faded = np.float32(0.3) + np.float32(0.3) * photograph
    options = replace(ONLY_MEND, tone=ToneOptions(levels=True))
    clean = restore(write(faded), into, options)
    specked = np.asarray(faded.copy())
    for x, y in ((30, 30), (80, 120), (150, 90), (180, 250)):
        cv2.circle(specked, (x, y), 4, 0.98, -1)
    dirty = restore(write(cv2.GaussianBlur(specked, (0, 0), 0.5)), into, options)
    assert dirty.figures["defects"] >= 4
    white = [json.loads(str(result.parameters["tone"]))["levels"]["white"] for result in (clean, dirty)]
    assert white[1] == pytest.approx(white[0], abs=0.02)


def test_levels_clip_as_little_of_a_grainy_scan_that_is_only_sampled(
    write: Callable, pixels: Callable, into: Path
) -> None:
    grain = np.random.default_rng(3).normal(0.5, 0.1, (128, 4400)).clip(0.02, 0.98).astype(np.float32)
    options = RestorationOptions(mend=False, denoise=0, tone=ToneOptions(levels=True))
    restore(write(grain), into, options)
    stretched = pixels(into / "restored.tif")
    assert 0.0003 < (stretched == 0).mean() < 0.003
    assert 0.0003 < (stretched == 255).mean() < 0.003


def test_a_page_of_a_file_is_restored(tmp_path: Path, pixels: Callable, into: Path) -> None:
    pages = [pyvips.Image.new_from_array(np.full((20, 30), value, np.uint8)) for value in (40, 200)]
    tall = pyvips.Image.arrayjoin(pages, across=1).copy()
    tall.set_type(pyvips.GValue.gint_type, "page-height", 20)
    tall.tiffsave(str(tmp_path / "album.tif"))
    result = restore(tmp_path / "album.tif", into, RestorationOptions(page=1))
    assert (pixels(into / "restored.tif") == 200).all()
    assert result.parameters["page"] == 1


def test_a_scan_that_is_changed_meanwhile_is_not_recorded(
    damaged: Picture, write: Callable, into: Path
) -> None:
    scan = write(damaged)
    with pytest.raises(UnfinishedScan, match="changed while it was read"):
        restore(scan, into, ONLY_MEND, progress=lambda share: scan.touch())


def test_changed_tones_can_be_undone_from_the_record(
    photograph: Picture, write: Callable, pixels: Callable, into: Path
) -> None:
    faded = np.float32(0.3) + np.float32(0.3) * photograph
    scan = write(faded, bits=16, bands=3)
    everything = ToneOptions(flatten=True, neutral=True, levels=True)
    result = restore(scan, into, RestorationOptions(mend=False, denoise=0, tone=everything))
    tone = Tone.from_dict(json.loads(str(result.parameters["tone"])))
    assert [step.name for step in tone.steps] == ["stain", "fade", "neutral", "levels"]
    undone = tone.undo(open_scan(into / "restored.tif")).numpy()
    difference = abs(undone.astype(float) - pixels(scan)) / 65535
    assert np.quantile(difference, 0.99) < 1e-3
    assert np.abs(pixels(into / "restored.tif").astype(float) - pixels(scan)).mean() / 65535 > 0.05


def test_the_record_says_what_the_file_held(damaged: Picture, write: Callable, into: Path) -> None:
    scan = write(damaged, bits=16)
    parameters = restore(scan, into, ONLY_MEND).parameters
    assert {name: parameters[f"source_{name}"] for name in ("color_model", "bits", "profile")} == {
        "color_model": "grey",
        "bits": 16,
        "profile": "none",
    }


def test_progress_rises_to_one(damaged: Picture, write: Callable, into: Path) -> None:
    shares: list[float] = []
    restore(write(damaged), into, SMALL_TILES, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_the_result_is_json_and_records_the_options(damaged: Picture, write: Callable, into: Path) -> None:
    options = RestorationOptions(tone=ToneOptions(levels=True), denoise=0.3)
    result = restore(write(damaged), into, options)
    assert StageResult.from_json(result.to_json()) == result
    assert result.parameters["denoise"] == 0.3
    assert "levels" in str(result.parameters["tone"])
    assert {"noise_before", "noise_after", "seconds", "megapixels"} <= set(result.figures)
    assert all(len(model.sha256) == 64 for model in result.models)


def _noisy(photograph: Picture, sigma: float) -> Picture:
    noise = np.random.default_rng(5).normal(0, sigma / 255, photograph.shape)
    return np.asarray((0.3 + 0.4 * photograph + noise).clip(0, 1), np.float32)


def test_noise_is_measured_before_tones_are_stretched(
    photograph: Picture, write: Callable, into: Path
) -> None:
    options = RestorationOptions(mend=False, denoise=0.6, tone=ToneOptions(levels=True))
    result = restore(write(_noisy(photograph, 9)), into, options)
    assert result.figures["noise_after"] < 0.7 * result.figures["noise_before"]
    assert 0 < result.figures["flat_before"] <= 1


def test_only_models_that_had_an_effect_are_recorded(
    photograph: Picture, damaged: Picture, write: Callable, into: Path
) -> None:
    assert _models(restore(write(photograph), into, ONLY_MEND)) == {"detector"}
    assert _models(restore(write(damaged), into, ONLY_MEND)) == {"detector", "mender"}
    shown = restore(write(damaged), into, replace(ONLY_MEND, mend=False))
    assert _models(shown) == {"detector"}
    assert shown.regions and not any(region["mended"] for region in shown.regions)
    noisy = write(_noisy(photograph, 9))
    assert "grain" in _models(restore(noisy, into, RestorationOptions(denoise=0.5)))


def _models(result: StageResult) -> set[str]:
    return {model.name for model in result.models}


def test_the_scan_is_never_overwritten(damaged: Picture, write: Callable, tmp_path: Path) -> None:
    scan = write(damaged, name="restored.tif")
    before = scan.read_bytes()
    with pytest.raises(OptionsError, match="overwritten"):
        restore(scan, tmp_path, ONLY_MEND)
    assert scan.read_bytes() == before


@pytest.mark.parametrize(("shape", "bands"), [((1, 1), 1), ((1, 1), 3), ((1, 300), 1), ((1025, 1), 1)])
def test_scans_of_any_size_pass(
    write: Callable, pixels: Callable, into: Path, shape: tuple[int, int], bands: int
) -> None:
    scan = write(np.full(shape, 0.5, np.float32), bands=bands)
    restore(scan, into)
    assert np.array_equal(pixels(into / "restored.tif"), pixels(scan))


@pytest.mark.parametrize(
    "wrong",
    [{"sensitivity": 1.5}, {"denoise": -0.1}, {"tile": 7}, {"tile": 1000}, {"page": -1}, {"device": "tpu"}],
)
def test_options_outside_their_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(OptionsError, match=next(iter(wrong))):
        RestorationOptions(**wrong)


def test_a_truncated_scan_is_refused(damaged: Picture, write: Callable, into: Path) -> None:
    scan = write(damaged)
    scan.write_bytes(scan.read_bytes()[: scan.stat().st_size // 2])
    with pytest.raises(CorruptScan):
        restore(scan, into, ONLY_MEND)


def test_losses_are_shown_and_left_alone_unless_asked() -> None:
    mask = np.array([[0, DamageKind.DUST, DamageKind.LOSS]], np.uint8)

    assert mendable(mask, RestorationOptions()).tolist() == [[False, True, False]]
    assert mendable(mask, RestorationOptions(mend_losses=True)).tolist() == [[False, True, True]]


def test_numbers_on_the_border_are_left_alone(
    damaged: Picture, write: Callable, pixels: Callable, into: Path
) -> None:
    rebate = np.full((damaged.shape[0] + 60, damaged.shape[1]), 0.04, np.float32)
    rebate[60:] = damaged
    for x in range(20, 200, 40):
        cv2.circle(rebate, (x, 30), 3, 0.98, -1)
    restore(write(rebate), into, replace(ONLY_MEND, sensitivity=0.9))
    mask, restored = (pixels(into / name)[:, :, 0] for name in ("damage-mask.tif", "restored.tif"))
    assert not mask[:58].any()
    assert (restored[:58] == np.rint(rebate[:58] * 255)).all()
    assert mask[62:].any()
