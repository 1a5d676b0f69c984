"""Devices: a wish that cannot be granted is told from the start."""

import pytest
import torch

from imaging.errors import OptionsError
from imaging.networks.device import choose_device


@pytest.mark.parametrize("wish", ["tpu", "", "cuda:", "cuda:x", "mps", "CUDA", "auto:1"])
def test_what_is_no_device_is_refused(wish: str) -> None:
    with pytest.raises(OptionsError, match="cpu, cuda or auto"):
        choose_device(wish)


def test_without_cuda_auto_is_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert (choose_device("auto"), choose_device("cpu")) == ("cpu", "cpu")
    for wish in ("cuda", "cuda:1"):
        with pytest.raises(OptionsError, match="no CUDA"):
            choose_device(wish)


def test_with_cuda_only_devices_that_are_there_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [choose_device(wish) for wish in ("auto", "cuda", "cuda:1")] == ["cuda", "cuda", "cuda:1"]
    with pytest.raises(OptionsError, match="there is no cuda:2"):
        choose_device("cuda:2")
