"""Tiles agree with the whole, leave no seam, and are computed once."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colorization.checkpoint import Checkpoints, fingerprint
from colorization.gigapixel import ChromaMap, Tiling, blended, predict_global, refine, scales
from colorization.picture_grid import holds_several_pictures
from tests.colorization.standin import Killed, StandIn


@pytest.fixture(scope="module")
def lightness() -> np.ndarray:
    """300×420: soft shapes with grain."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:300, :420]
    soft = 50 + 25 * np.sin(x / 40) * np.cos(y / 55) + 15 * (np.hypot(x - 200, y - 100) < 60)
    return (soft + rng.normal(0, 1.5, soft.shape)).astype(np.float32)


def paint(into: Path, lightness: np.ndarray, predictor: StandIn, tiling: Tiling) -> ChromaMap:
    whole = predict_global(predictor, lightness, 128)
    return refine(
        predictor,
        lightness,
        whole,
        tiling=tiling,
        checkpoints=Checkpoints(into, fingerprint({})),
    )


def seam_index(chroma: np.ndarray, edges: list[int]) -> float:
    """Mean chroma step across given columns ÷ mean step elsewhere."""
    steps = np.hypot(*np.diff(chroma, axis=2)).mean(axis=0)
    at = np.zeros(len(steps), bool)
    at[[e - 1 for e in edges]] = True
    return float(steps[at].mean() / steps[~at].mean())


def test_scales_go_from_the_whole_to_the_working_scale() -> None:
    assert scales(2048, 1024, 256) == [(256, 128), (1024, 512), (2048, 1024)]
    assert scales(200, 100, 256) == [(200, 100)]
    assert scales(400, 100, 256) == [(256, 64), (400, 100)]


def test_tiles_leave_no_seam_and_independent_tiles_do(tmp_path: Path, lightness: np.ndarray) -> None:
    ours = paint(tmp_path, lightness, StandIn(), Tiling(128, 32))
    assert ours.chroma.shape == (2, 300, 420)
    apart = paint(tmp_path / "apart", lightness, StandIn(), Tiling(105, 0))
    from imaging.tiles import TileGrid

    edges = sorted({t.left for t in TileGrid(420, 300, 105, 0)} - {0})
    lefts = sorted({t.left for t in TileGrid(420, 300, 128, 32)} - {0})
    assert seam_index(ours.chroma, lefts) < 1.05
    assert seam_index(apart.chroma, edges) > 1.5


def test_scales_are_mixed_at_the_size_of_the_finer_one() -> None:
    coarse = ChromaMap(np.full((2, 60, 80), 10, np.float32), np.full((60, 80), 0.5, np.float32), Tiling())
    fine = ChromaMap(
        np.full((2, 240, 320), -20, np.float32), np.full((240, 320), 0.7, np.float32), Tiling(64)
    )
    merged = blended(coarse, fine, 0.3)
    assert np.allclose(merged.chroma, 1)
    assert np.allclose(merged.confidence, 0.56)
    assert merged.tiling == Tiling(64)


def test_a_page_of_pictures_is_colored_from_near(tmp_path: Path, lightness: np.ndarray) -> None:
    rng = np.random.default_rng(4)
    cells = [
        np.clip(lightness[:150, :210] * 0.3 + level, 0, 100) for level in rng.permutation([5, 30, 50, 70])
    ]
    page = np.vstack([np.hstack(cells[:2]), np.hstack(cells[2:])]).astype(np.float32)
    assert holds_several_pictures(page)
    whole = predict_global(StandIn(), page, 128)
    near = paint(tmp_path, page, StandIn(), Tiling(128, 32))
    apart = np.abs(near.chroma - np.stack([cv2.resize(p, (420, 300)) for p in whole.chroma])).mean()
    alike = paint(tmp_path / "one", lightness, StandIn(), Tiling(128, 32))
    one = predict_global(StandIn(), lightness, 128)
    assert apart > 2 * np.abs(alike.chroma - np.stack([cv2.resize(p, (420, 300)) for p in one.chroma])).mean()


def test_a_scale_that_shows_nothing_new_is_not_made() -> None:
    assert scales(481, 321, 384) == [(384, 256)]
    assert scales(1024, 683, 384) == [(384, 256), (1024, 683)]


@settings(deadline=None, max_examples=12)
@given(st.data())
def test_a_run_killed_at_any_tile_resumes_to_the_same_color(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    rng = np.random.default_rng(0)
    width, height = data.draw(st.integers(140, 300)), data.draw(st.integers(1, 200))
    tiling = Tiling(
        data.draw(st.integers(64, 120)), data.draw(st.integers(0, 30)), data.draw(st.integers(1, 3))
    )
    light = rng.uniform(10, 90, (height, width)).astype(np.float32)
    undisturbed = StandIn()
    expected = paint(tmp_path_factory.mktemp("whole"), light, undisturbed, tiling)
    into = tmp_path_factory.mktemp("killed")
    victim = StandIn(dies_after=data.draw(st.integers(1, max(1, len(undisturbed.seen) - 1))))
    with pytest.raises(Killed):
        paint(into, light, victim, tiling)
        raise Killed
    heir = StandIn()
    resumed = paint(into, light, heir, tiling)
    assert np.array_equal(resumed.chroma, expected.chroma)
    assert np.array_equal(resumed.confidence, expected.confidence)
    # Only the whole, which is cheap, is seen again.
    assert len(heir.seen) + len(victim.seen) == len(undisturbed.seen) + 1


def test_a_damaged_tile_is_computed_again(tmp_path: Path, lightness: np.ndarray) -> None:
    expected = np.array(paint(tmp_path, lightness, StandIn(), Tiling(128, 32)).chroma)
    tiles = sorted(tmp_path.glob(".chroma-*/*.npy"))
    tiles[3].write_bytes(b"")
    tiles[5].write_bytes(tiles[5].read_bytes()[:1000])
    again = StandIn()
    assert np.array_equal(paint(tmp_path, lightness, again, Tiling(128, 32)).chroma, expected)
    assert len(again.seen) == 1 + 2


def test_a_changed_option_never_meets_old_tiles(tmp_path: Path) -> None:
    first = Checkpoints(tmp_path, fingerprint({"tile": 512}))
    first.save("a", np.zeros(3, np.float32))
    second = Checkpoints(tmp_path, fingerprint({"tile": 256}))
    assert second.load("a") is None
    assert not first.folder.exists()


def test_memory_that_runs_out_halves_the_tile_and_says_so(
    tmp_path: Path, lightness: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    predictor = StandIn(most_pixels=130 * 130)
    with caplog.at_level(logging.WARNING):
        painted = paint(tmp_path, lightness, predictor, Tiling(256, 64))
    assert painted.tiling == Tiling(128, 32)
    assert "memory ran out; continuing with tiles of 128 px" in caplog.text
    assert np.abs(painted.chroma).max() > 5


def test_other_errors_are_not_taken_for_memory(tmp_path: Path, lightness: np.ndarray) -> None:
    class Broken(StandIn):
        def predict(self, *_: object) -> object:  # type: ignore[override]
            raise RuntimeError("shapes do not match")

    whole = predict_global(StandIn(), lightness, 128)
    with pytest.raises(RuntimeError, match="shapes"):
        refine(
            Broken(),
            lightness,
            whole,
            tiling=Tiling(256, 64),
            checkpoints=Checkpoints(tmp_path, fingerprint({})),
        )


def test_the_tile_is_made_to_fit_the_memory_budget() -> None:
    assert Tiling.within(10**9, 512, 96, 2) == Tiling(512, 96, 2)
    small = Tiling.within(50 * 10**6, 512, 96, 4)
    assert small.tile**2 * small.batch * 1100 <= 50 * 10**6
    assert small.overlap == 96 * small.tile // 512
    assert Tiling.within(0, 512, 96, 1).tile == 128


def test_a_picture_that_is_seen_whole_fits_the_memory_budget_too() -> None:
    budget = 512**2 * 1100
    tiling = Tiling.within(budget, 512, 96, 1)
    whole = max(side for side in range(1, 1000) if len(tiling.grid(side, side)) == 1)
    assert tiling.tile < whole
    assert whole**2 * 1100 <= budget


def test_cancelling_keeps_finished_tiles(tmp_path: Path, lightness: np.ndarray) -> None:
    predictor = StandIn()
    whole = predict_global(predictor, lightness, 128)
    checkpoints = Checkpoints(tmp_path, fingerprint({}))
    told: list[int] = []

    def advance(pixels: int) -> None:
        told.append(pixels)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        refine(
            predictor,
            lightness,
            whole,
            tiling=Tiling(128, 32),
            checkpoints=checkpoints,
            advance=advance,
        )
    assert len(list(checkpoints.folder.glob("*.npy"))) == 3
