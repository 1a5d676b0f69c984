"""Files that somebody damaged, by the hundred: refused in words, or read as other decoders read them.

``HELIOCHROME_FUZZ`` says how many of each format; `make fuzz` makes more.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COUNT = int(os.environ.get("HELIOCHROME_FUZZ", "300"))
SEED = int(os.environ.get("HELIOCHROME_FUZZ_SEED", "1"))
SECONDS = 60 + COUNT // 5
"""Far beyond what the files take; a decoder that hangs is found."""
TOLERANCE = {"jpeg": 2, "png": 1, "webp": 1, "tiff": 1}
"""Codes of 8 bits; laying opacity on white rounds."""
PECULIAR = {
    "ccitt",  # libtiff calls a line that is cut short a warning, and each decoder fills it in its way
    "jpeg said to be rgb",  # libtiff believes the tag, Pillow the stream
    "tags out of order",  # of a tag that stands twice, libtiff takes the first and Pillow the last
}
"""Classes of TIFF files that decoders read differently."""


@pytest.mark.parametrize("form", TOLERANCE)
def test_mutated_files_are_refused_in_words_or_read_alike(tmp_path: Path, form: str) -> None:
    outcomes = fuzzed(form, tmp_path)
    assert len(outcomes) == COUNT
    read = [o for o in outcomes if o["ours"] == "read"]
    refused = [o for o in outcomes if o["ours"] == "refused"]
    assert [o for o in outcomes if o["ours"] == "traceback"] == []
    assert [o for o in refused if not is_told_in_words(o, tmp_path)] == []
    different = [o for o in read if o.get("difference", 0) > TOLERANCE[form]]
    assert [o for o in different if o["peculiar"] not in PECULIAR] == []
    # Mutations that are always refused, or never, would try nothing.
    assert min(len(read), len(refused)) >= COUNT // 100
    assert sum("difference" in o for o in read) >= len(read) // 2


def is_told_in_words(outcome: dict[str, Any], folder: Path) -> bool:
    fault, remedy = outcome["fault"], outcome["remedy"]
    return (
        outcome["subject"] == str(folder / outcome["file"])
        and len(fault) > 10
        and not any(
            own in fault for own in ("unable to call", "unable to write", "Vips", "Error", "Traceback")
        )
        and remedy.endswith(".")
        and len(remedy.split()) >= 3
    )


def fuzzed(form: str, folder: Path) -> list[dict[str, Any]]:
    """Return what became of each file; a process that dies or hangs names the file it had in hand."""
    command = [sys.executable, "-m", "tests.imaging.fuzzing", form, str(COUNT), str(SEED), str(folder)]
    outcomes: dict[str, dict[str, Any]] = {}
    try:
        run = subprocess.run(
            command, cwd=Path(__file__).parents[2], capture_output=True, timeout=SECONDS, check=False
        )
        output, ended = run.stdout, f"ended with {run.returncode}: {run.stderr[-2000:].decode()}"
    except subprocess.TimeoutExpired as hang:
        output, ended = hang.stdout or b"", f"hung for {SECONDS} s"
    for line in output.decode().splitlines():
        outcome = json.loads(line)
        outcomes[outcome["file"]] = outcome
    unfinished = [name for name, outcome in outcomes.items() if "ours" not in outcome]
    assert not unfinished, f"{unfinished[0]}: the process {ended}"
    assert ended.startswith("ended with 0"), ended
    return list(outcomes.values())
