"""The log of a run: one JSON object per line, appended, flushed as it is written."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

logger = logging.getLogger(__name__)


class TrainingLog:
    """Writes what a run reached.

    Parameters
    ----------
    path
        The JSON-lines file; a resumed run appends to it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending: list[Mapping[str, Tensor]] = []
        self._since = time.monotonic()

    def add(self, parts: Mapping[str, Tensor]) -> None:
        """Remember one step's losses; nothing is read back from the device yet."""
        self._pending.append(parts)

    def write_losses(self, step: int, seconds: float, **figures: float) -> None:
        """Write the means of the losses added since the last time, and the pace."""
        now = time.monotonic()
        names = self._pending[0] if self._pending else {}
        means = {name: float(torch.stack([p[name] for p in self._pending]).mean()) for name in names}
        pace = len(self._pending) / max(now - self._since, 1e-9)
        self.write(step, seconds, steps_per_second=pace, **figures, **means)

    def write(self, step: int, seconds: float, **figures: float) -> None:
        """Write one line; losses pending are dropped, for the time of measuring is not theirs."""
        rounded = {n: v if isinstance(v, int) else float(f"{v:.5g}") for n, v in figures.items()}
        line = json.dumps({"step": step, "seconds": round(seconds, 1), **rounded})
        logger.info(line)
        with self._path.open("a") as log:
            log.write(line + "\n")
        self._pending.clear()
        self._since = time.monotonic()
