"""Calibrating a detector: ``python -m restoration.training.calibration FROM TO --photos …``.

Networks taught alike differ by up to two log-odds in how readily they speak. The bias of what a whole picture
is judged by is moved until a fixed share of clean photographs lies above 0, so that the same thresholds mean
the same for each (`restoration.defects.thresholds`). The photographs are some of ``validation.tar``, which
neither training nor the benchmark of drawn damage knows.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from imaging.networks.training.shards import read_photographs
from restoration.defects import DETECTOR, NetworkDetector
from restoration.models import load
from restoration.network import MultiscaleDetector
from restoration.overview import Evidence
from restoration.training.export import export
from restoration.training.sensitivity import BENCHMARKED

ABOVE = 2e-4
"""Share of clean photographs' pixels that is left above 0."""
EVERY = 4
"""Every so many of the photographs is looked at."""


def threshold(evidence: Iterable[Evidence], above: float) -> float:
    """Return the log-odds of damage that a share `above` of the pixels of clean photographs exceeds."""
    return float(np.quantile(np.concatenate([one[0].ravel() for one in evidence]), 1 - above))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a calibrated copy of a detector."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder of the detector's weights")
    parser.add_argument("target", type=Path, help="folder for the calibrated ones")
    parser.add_argument("--photos", type=Path, required=True, help="folder of the tar shards")
    chosen = parser.parse_args(arguments)
    photographs = read_photographs([chosen.photos / "validation.tar"])[BENCHMARKED::EVERY]
    detector = NetworkDetector(folder=chosen.source)
    found = threshold(
        (detector.judge(one.astype(np.float32) / np.float32(255)) for one in photographs), ABOVE
    )
    descriptor, network = load(DETECTOR, MultiscaleDetector, chosen.source)
    with torch.no_grad():
        bias = network.fuse.say.bias
        assert bias is not None  # noqa: S101
        bias[0] -= found
    export(network, descriptor, chosen.target)
    print(f"{100 * ABOVE:g} % of clean photographs lay above {found:.2f}; now above 0")


if __name__ == "__main__":
    main()
