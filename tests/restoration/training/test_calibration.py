"""Calibration: after it, the stated share of clean photographs lies above 0."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from restoration.defects import NetworkDetector
from restoration.models import WEIGHTS
from restoration.training import calibration
from restoration.training.sensitivity import BENCHMARKED


def test_the_threshold_leaves_the_share_above_it() -> None:
    evidence = np.zeros((2, 100, 100), np.float32)
    evidence[0] = np.arange(10_000).reshape(100, 100)
    assert (evidence[0] > calibration.threshold([evidence], 0.01)).sum() == 100


def test_a_calibrated_detector_finds_as_much_of_clean_photographs_as_is_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "ABOVE", 0.05)
    random = np.random.default_rng(1)
    photograph = cv2.GaussianBlur(random.integers(0, 256, (96, 96), np.uint8), (0, 0), 2)
    with tarfile.open(tmp_path / "validation.tar", "w") as tar:
        for number in range(BENCHMARKED + 1):
            data = cv2.imencode(".png", photograph)[1].tobytes()
            member = tarfile.TarInfo(f"{number:03}.png")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    calibration.main([str(WEIGHTS), str(tmp_path / "calibrated"), "--photos", str(tmp_path)])
    judged = NetworkDetector(folder=tmp_path / "calibrated").judge(photograph / np.float32(255))
    # The shipped bias is kept in half precision, and so is this one.
    assert calibration.threshold([judged], calibration.ABOVE) == pytest.approx(0, abs=0.05)
