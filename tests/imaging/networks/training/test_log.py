import json
from pathlib import Path

import torch

from imaging.networks.training.log import TrainingLog


def lines(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_losses_are_written_as_means_since_the_last_line(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "log.jsonl")
    for loss in (1.0, 2.0, 6.0):
        log.add({"loss": torch.tensor(loss), "part": torch.tensor(loss / 2)})
    log.write_losses(3, 1.26, rate=0.1234567)
    log.add({"loss": torch.tensor(5.0)})
    log.write_losses(4, 2.0)
    first, second = lines(tmp_path / "log.jsonl")
    assert (first["step"], first["seconds"], first["loss"], first["part"]) == (3, 1.3, 3.0, 1.5)
    assert first["rate"] == 0.12346
    assert first["steps_per_second"] > 0
    assert second["loss"] == 5.0


def test_a_resumed_run_appends_and_measuring_drops_what_is_pending(tmp_path: Path) -> None:
    TrainingLog(tmp_path / "log.jsonl").write(1, 0.0, error=0.5)
    log = TrainingLog(tmp_path / "log.jsonl")
    log.add({"loss": torch.tensor(1.0)})
    log.write(2, 0.0, error=0.25, end=True)
    log.write_losses(2, 0.0)
    former, measured, after = lines(tmp_path / "log.jsonl")
    assert (former["error"], measured["error"], measured["end"]) == (0.5, 0.25, True)
    assert "loss" not in after
