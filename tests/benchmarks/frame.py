"""The frame of every benchmark: a table for people, a JSON file for machines.

A benchmark measures, calls `report` with its figures, and exits with the status it returns. Speed is
always a ratio of two things measured in the same run, because machines are noisy.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Reached:
    """One promised figure: what was measured, the bound, and which side of it is good."""

    figure: str
    value: float
    bound: float
    at_most: bool = True

    @property
    def holds(self) -> bool:
        """Whether the measured value is on the good side of the bound."""
        return self.value <= self.bound if self.at_most else self.value >= self.bound


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print one table; floats get three significant digits."""
    table = Table(title=title, title_justify="left")
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right")
    for row in rows:
        table.add_row(*(f"{v:.3g}" if isinstance(v, float) and abs(v) < 1000 else str(v) for v in row))
    Console(width=max(120, Console().width)).print(table)


def report(name: str, figures: Mapping[str, Any], reached: Sequence[Reached]) -> int:
    """Print what was reached, write ``$HELIOCHROME_HOME/bench/NAME.json``, return an exit status.

    The status is 0 when every promised figure holds and 1 when one falls short.
    """
    show(
        f"{name}: promised figures",
        ("figure", "value", "bound", "holds"),
        [
            (r.figure, float(r.value), f"{'≤' if r.at_most else '≥'} {r.bound:g}", "yes" if r.holds else "NO")
            for r in reached
        ],
    )
    folder = Path(os.environ.get("HELIOCHROME_HOME", ".heliochrome")) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    document = {
        "name": name,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "figures": figures,
        "reached": {r.figure: {"value": r.value, "bound": r.bound, "holds": r.holds} for r in reached},
    }
    path.write_text(json.dumps(document, indent=2, default=float) + "\n")
    sys.stdout.write(f"{path}\n")
    return 0 if all(r.holds for r in reached) else 1


def peak_rss_mib() -> float:
    """Return the peak resident memory of this process so far, MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # getrusage also counts what the parent held when it started this process.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _machine() -> dict[str, Any]:
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        model = next(
            (
                line.split(":", 1)[1].strip()
                for line in cpuinfo.read_text().splitlines()
                if line.startswith("model name")
            ),
            "",
        )
    return {
        "system": platform.system(),
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
