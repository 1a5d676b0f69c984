"""Damage components: a defect is counted once, however many bands it crosses."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration.bands import BandFolder
from restoration.damage_components import (
    MINIMUM_NEIGHBORS,
    NEIGHBORHOOD,
    damage_mask,
    find_components,
    trace_regions,
)
from restoration.kinds import SURE, SUSPECTED, DamageKind


def _bands(folder: Path, verdicts: np.ndarray, height: int) -> BandFolder:
    bands = BandFolder(folder, verdicts.shape[1], verdicts.shape[0], 1, height)
    for band in bands:
        bands.save("found", band, verdicts[band.top : band.top + band.height])
    return bands


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**16), height=st.integers(3, 40), share=st.floats(0.0, 0.6))
def test_components_of_bands_equal_those_of_the_whole_mask(
    tmp_path_factory: pytest.TempPathFactory, seed: int, height: int, share: float
) -> None:
    random = np.random.default_rng(seed)
    mask = (random.random((53, 31)) < share).astype(np.uint8) * random.integers(1, 7, (53, 31), np.uint8)
    sure = np.where(mask > 0, mask + SURE, 0).astype(np.uint8)
    components = find_components(_bands(tmp_path_factory.mktemp("bands"), sure, height), "found", "mask")
    count, _, stats, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8), connectivity=8)
    assert components.count == count - 1
    assert sorted(components.areas.sum(axis=1)) == sorted(stats[1:, cv2.CC_STAT_AREA])
    assert components.damage_share == pytest.approx((mask > 0).mean())
    widths = components.boxes[:, 2] - components.boxes[:, 0]
    assert sorted(widths) == sorted(stats[1:, cv2.CC_STAT_WIDTH])


def test_regions_are_the_largest_first_and_lie_over_their_defects(tmp_path: Path) -> None:
    mask = np.zeros((400, 300), np.uint8)
    cv2.line(mask, (5, 5), (280, 390), int(DamageKind.SCRATCH), 3)
    cv2.circle(mask, (250, 60), 9, int(DamageKind.DUST), -1)
    mask[350, 40] = DamageKind.MOLD
    bands = _bands(tmp_path, np.where(mask > 0, mask + SURE, 0).astype(np.uint8), 64)
    components = find_components(bands, "found", "mask")
    regions = trace_regions(components, bands, "mask")
    assert [region["kind"] for region in regions] == ["scratch", "dust", "mold"]
    drawn = np.zeros_like(mask)
    cv2.fillPoly(drawn, [np.array(regions[1]["polygon"])], 1)
    assert (drawn[mask == DamageKind.DUST] > 0).mean() > 0.9
    assert len(trace_regions(components, bands, "mask", most=2)) == 2


def test_a_region_is_outlined_where_it_is_though_a_larger_one_lies_in_its_box(tmp_path: Path) -> None:
    mask = np.zeros((1600, 1600), np.uint8)
    cv2.line(mask, (10, 10), (1580, 1580), int(DamageKind.SCRATCH), 3)
    cv2.circle(mask, (1200, 400), 90, int(DamageKind.LOSS), -1)
    bands = _bands(tmp_path, np.where(mask > 0, mask + SURE, 0).astype(np.uint8), 512)
    components = find_components(bands, "found", "mask")
    regions = trace_regions(components, bands, "mask", mended={DamageKind.SCRATCH})
    assert [(region["kind"], region["mended"]) for region in regions] == [("loss", False), ("scratch", True)]
    low, high = np.min(regions[1]["polygon"]), np.max(regions[1]["polygon"])
    assert low < 20 and high > 1570


def test_what_is_likely_counts_only_where_it_touches_what_is_sure_even_bands_away(tmp_path: Path) -> None:
    verdicts = np.zeros((100, 40), np.uint8)
    verdicts[:, 10] = DamageKind.SCRATCH
    verdicts[3, 10] += SURE
    verdicts[:, 30] = DamageKind.HAIR
    bands = _bands(tmp_path, verdicts, 16)
    components = find_components(bands, "found", "mask")
    mask = bands.rows("mask", 0, 100)
    assert components.count == components.count_of(DamageKind.SCRATCH) == 1
    assert (mask[:, 10] == DamageKind.SCRATCH).all()
    assert not mask[:, 30].any()
    assert np.array_equal(mask, damage_mask(verdicts))


def test_a_sure_speck_on_a_line_does_not_make_it_a_defect(tmp_path: Path) -> None:
    verdicts = np.zeros((60, 40), np.uint8)
    verdicts[:, 10] = DamageKind.SCRATCH
    verdicts[30, 10] = DamageKind.DUST + SURE
    assert not _found(tmp_path / "speck", verdicts).any()
    verdicts[5, 10] += SURE
    assert (_found(tmp_path / "line", verdicts)[:, 10] > 0).all()


def test_suspected_specks_count_only_near_sure_defects(tmp_path: Path) -> None:
    side = 6 * NEIGHBORHOOD
    verdicts = np.zeros((side, side), np.uint8)
    far, near = side - 20, 40
    verdicts[near, near] = verdicts[far, far] = DamageKind.DUST + SUSPECTED
    verdicts[near + 9, near : near + 30] = DamageKind.SCRATCH + SUSPECTED
    for number in range(MINIMUM_NEIGHBORS):
        assert not _found(tmp_path / str(number), verdicts)[near, near]
        verdicts[near + NEIGHBORHOOD // 2, near + 30 * number] = DamageKind.MOLD + SURE
    found = _found(tmp_path / "company", verdicts)
    assert found[near, near] == DamageKind.DUST
    assert not found[far, far] and not found[near + 9].any()
    assert np.count_nonzero(found) == MINIMUM_NEIGHBORS + 1


def _found(folder: Path, verdicts: np.ndarray) -> np.ndarray:
    """Return the kinds that come of verdicts, after asserting that bands and a whole picture agree."""
    bands = _bands(folder, verdicts, 100)
    find_components(bands, "found", "mask")
    mask = bands.rows("mask", 0, len(verdicts))
    assert np.array_equal(mask, damage_mask(verdicts))
    return mask


def test_a_defect_is_mended_only_when_all_of_it_is(tmp_path: Path) -> None:
    verdicts = np.zeros((40, 60), np.uint8)
    verdicts[10:13, 5:45] = DamageKind.SCRATCH + SURE
    verdicts[10:20, 45:55] = DamageKind.LOSS
    bands = _bands(tmp_path, verdicts, 40)
    components = find_components(bands, "found", "mask")
    kinds = [DamageKind.SCRATCH, DamageKind.LOSS]

    (region,) = trace_regions(components, bands, "mask", mended=kinds[:1])
    assert (region["kind"], region["mended"]) == ("scratch", False)
    (region,) = trace_regions(components, bands, "mask", mended=kinds)
    assert (region["kind"], region["mended"]) == ("scratch", True)
