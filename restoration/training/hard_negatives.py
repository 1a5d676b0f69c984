"""Mine hard negatives for the detector: ``python -m restoration.training.hard_negatives FILE …``.

Runs the detector on small photographs without damage and writes the numbers of those in which it finds most
into FILE, for `restoration.training.detector --mistaken FILE`. Few of the things that look like damage can be
drawn (`restoration.training.distractors`): polka dots, masts, roof edges and branches are better taken from
photographs. Old ones are left out, for their damage may be real. (Bootstrapping: Sung & Poggio 1998.)
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from imaging.networks.training.shards import read_photographs, training_shards
from restoration.defects import DETECTOR, cues_of
from restoration.models import load
from restoration.network import MultiscaleDetector, TileRunner

_LEAST_EVIDENCE = -1.0
"""Log-odds from which a pixel counts as mistaken; near misses are instructive, too."""
_LEAST_PIXELS = 24
"""Mistaken pixels from which a photograph is worth keeping."""
_OLD = frozenset({"fsac"})
"""Sources in the index whose photographs may be damaged."""


class _Process:
    """State of each process."""

    runner: TileRunner

    @classmethod
    def start(cls, weights: Path) -> None:
        torch.set_num_threads(1)
        cv2.setNumThreads(0)
        descriptor, network = load(DETECTOR, MultiscaleDetector, weights)
        cls.runner = TileRunner(network, descriptor.size)

    @classmethod
    def mistaken(cls, photograph: NDArray[np.uint8]) -> int:
        evidence = cls.runner(cues_of(photograph.astype(np.float32) / np.float32(255)))[0]
        return int((evidence > _LEAST_EVIDENCE).sum())


def may_be_damaged(index: Path) -> frozenset[tuple[str, str]]:
    """Return shard and file of the photographs that the `index`, a tab-separated table, marks as old."""
    with index.open(newline="") as table:
        rows = csv.DictReader(table, delimiter="\t")
        return frozenset((row["shard"], row["file"]) for row in rows if row["source"] in _OLD)


def hardest(mistaken: Sequence[int], most: int) -> list[int]:
    """Return the indices of the at most `most` photographs with most `mistaken` pixels, ascending."""
    order = sorted(range(len(mistaken)), key=lambda number: -mistaken[number])[:most]
    return sorted(number for number in order if mistaken[number] >= _LEAST_PIXELS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the detector on every n-th photograph and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="to write: numbers of photographs, JSON")
    parser.add_argument("--photos", type=Path, required=True, help="folder of the tar shards")
    parser.add_argument("--weights", type=Path, required=True, help="folder of the detector's weights")
    parser.add_argument("--every", type=int, default=1, help="take every n-th photograph only")
    parser.add_argument("--most", type=int, default=600)
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args(arguments)
    names: list[tuple[str, str]] = []
    photographs = read_photographs(training_shards(chosen.photos), names=names)
    old = may_be_damaged(chosen.photos / "index.tsv")
    numbers = [n for n in range(0, len(photographs), chosen.every) if names[n] not in old]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        chosen.processes, mp_context=spawn, initializer=_Process.start, initargs=(chosen.weights,)
    ) as pool:
        mistaken = list(pool.map(_Process.mistaken, (photographs[n] for n in numbers), chunksize=64))
    found = [numbers[n] for n in hardest(mistaken, chosen.most)]
    chosen.file.write_text(json.dumps(found))
    print(f"{len(found)} of {len(numbers)} photographs are hard negatives")


if __name__ == "__main__":
    main()
