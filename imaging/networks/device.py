"""Where networks run: on the processor, or on a GPU when there is one."""

from __future__ import annotations

import re

import torch

from imaging.errors import OptionsError

_REMEDY = "Choose cpu or auto."
_DEVICE = re.compile(r"cpu|auto|cuda(?::(?P<number>\d{1,3}))?")


def check_device(requested: str) -> None:
    """Raise `OptionsError` for an invalid name; `choose_device` checks whether the device exists."""
    if _DEVICE.fullmatch(requested) is None:
        raise OptionsError("device", f"networks do not run on {requested!r}", "Choose cpu, cuda or auto.")


def choose_device(requested: str) -> str:
    """Return the device for ``auto``: CUDA when there is one; any other name as it is.

    Raises
    ------
    OptionsError
        Networks cannot run on this device here.
    """
    check_device(requested)
    if requested == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if requested != "cpu" and not torch.cuda.is_available():
        raise OptionsError("device", f"{requested} is requested, but PyTorch finds no CUDA", _REMEDY)
    _, _, number = requested.partition(":")
    if number and int(number) >= torch.cuda.device_count():
        raise OptionsError("device", f"there is no {requested}", _REMEDY)
    return requested
