"""Detectors: what must be found, what must be left alone."""

from __future__ import annotations

import numpy as np
import pytest
import pyvips
import skimage.data
from numpy.typing import NDArray

from imaging.errors import ModelError
from restoration.damage_components import damage_mask
from restoration.defects import NetworkDetector, thresholds, verdicts, with_rims
from restoration.kinds import KIND, SURE, SUSPECTED, DamageKind

Picture = NDArray[np.float32]


@pytest.fixture(scope="module")
def detector() -> NetworkDetector:
    return NetworkDetector()


def test_specks_are_found_and_little_else(
    photograph: Picture, damaged: Picture, detector: NetworkDetector
) -> None:
    found = damage_mask(detector.detect(damaged, 0.6)) > 0
    specks = abs(damaged - photograph) > 0.1
    assert found[specks].mean() > 0.5
    assert found[~specks].mean() < 0.02


def test_an_even_picture_has_no_damage(detector: NetworkDetector) -> None:
    assert not detector.detect(np.full((200, 150), 0.6, np.float32), 1.0).any()


def test_a_higher_sensitivity_misses_less(damaged: Picture, detector: NetworkDetector) -> None:
    found = [damage_mask(detector.detect(damaged, s)) > 0 for s in (0.1, 0.5, 0.9)]
    assert found[0].sum() <= found[1].sum() <= found[2].sum()
    assert found[2].any()


def test_verdicts_are_kinds_with_their_grades(damaged: Picture, detector: NetworkDetector) -> None:
    found = detector.detect(damaged, 0.7)
    kinds = found & KIND
    assert found.dtype == np.uint8
    assert set(np.unique(found)) <= {0} | {k + s for k in DamageKind for s in (0, SUSPECTED, SURE)}
    assert ((kinds > 0) == (found > 0)).all()


def test_a_tile_of_a_small_scan_has_the_evidence_of_the_whole(
    damaged: Picture, detector: NetworkDetector
) -> None:
    grey = np.rint(damaged[:201, :151] * 255).astype(np.uint8)
    overview = detector.survey(pyvips.Image.new_from_array(grey))
    whole = detector.evidence(grey / np.float32(255))
    tile = detector.evidence(grey[30:130, 20:120] / np.float32(255), overview, 20, 30)
    assert whole.shape == (1 + len(DamageKind), 201, 151)
    np.testing.assert_allclose(tile, whole[:, 30:130, 20:120], atol=0.02)  # kept in float16


def test_looks_in_parts_agree_with_one_look(damaged: Picture, detector: NetworkDetector) -> None:
    large = np.tile(damaged, (1, 8))[:, :1500]
    parted = detector.look(np.tile(large, (4, 1))[:1100])
    height = large.shape[0]
    # Far from where parts meet, the rest of the picture hardly matters.
    np.testing.assert_allclose(
        parted[:, 100 : height - 100, 300:700], detector.look(large)[:, 100:-100, 300:700], atol=1.0
    )


def test_what_is_too_small_for_the_overview_is_seen_from_near(detector: NetworkDetector) -> None:
    columns = np.linspace(0.2, 0.5, 2800, dtype=np.float32)
    grey = np.tile(columns, (400, 1))
    grey[100:103, 1000:1003] = 1  # one pixel of the overview, and a pale one
    coded = np.rint(grey * 255).astype(np.uint8)
    overview = detector.survey(pyvips.Image.new_from_array(coded))
    assert overview.step == 3
    tile = slice(0, 256), slice(900, 1156)
    evidence = detector.evidence(coded[tile] / np.float32(255), overview, 900, 0)
    afar = overview.under((256, 256), 900, 0)
    assert evidence[0, 101, 101] > afar[0, 101, 101]
    assert (evidence[0] >= afar[0]).all()


def test_what_is_sure_is_suspected_and_likely_too() -> None:
    for sensitivity in np.linspace(0, 1, 11):
        sure, suspected, likely = thresholds(float(sensitivity))
        assert likely < suspected <= sure


def test_a_rim_is_of_its_defects_kind_and_makes_nothing_sure() -> None:
    found = np.zeros((9, 9), np.uint8)
    found[4, 4] = DamageKind.CRACK + SURE
    grown = with_rims(found)
    assert grown[4, 4] == DamageKind.CRACK + SURE
    assert (grown[3:6, 3:6] & KIND == DamageKind.CRACK).all()
    assert (grown >= SURE).sum() == 1
    assert (grown > 0).sum() == 9


def test_absent_weights_are_refused(tmp_path: object) -> None:
    with pytest.raises(ModelError, match="detector"):
        NetworkDetector(folder=tmp_path)  # type: ignore[arg-type]


def test_the_legs_of_a_tripod_are_left_alone(detector: NetworkDetector) -> None:
    photographer = skimage.data.camera() / np.float32(255)
    assert not damage_mask(detector.detect(photographer, 0.5))[325:, 220:420].any()


def test_a_broad_scratch_takes_more_to_be_sure_of_than_a_thin_one() -> None:
    evidence = np.full((1 + len(DamageKind), 60, 100), -9, np.float32)
    sure = thresholds(0.5)[0]
    for rows in (slice(10, 12), slice(30, 40)):
        evidence[0, rows] = sure + 1.5
        evidence[DamageKind.SCRATCH, rows] = 5
    found = verdicts(evidence, 0.5)
    assert (found[10:12] == DamageKind.SCRATCH + SURE).all()
    assert (found[31:39] & KIND == DamageKind.SCRATCH).all()
    assert not (found[30:40] >= SURE).any()
