"""Where networks run: on the processor, or on a GPU when there is one."""

from __future__ import annotations

import re

import torch

from imaging.errors import OptionsError

_REMEDY = "Choose cpu or auto."
_DEVICE = re.compile(r"cpu|auto|cuda(?::(?P<number>\d{1,3}))?")


def check_device(wish: str) -> None:
    """Raise `OptionsError` when this names no device; whether it is there, `choose_device` knows."""
    if _DEVICE.fullmatch(wish) is None:
        raise OptionsError("device", f"networks do not run on {wish!r}", "Choose cpu, cuda or auto.")


def choose_device(wish: str) -> str:
    """Return the device for ``auto``: CUDA when there is one; any other wish as it is.

    Raises
    ------
    OptionsError
        It is no device that networks can run on here.
    """
    check_device(wish)
    if wish == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wish != "cpu" and not torch.cuda.is_available():
        raise OptionsError("device", f"{wish} is asked for, and PyTorch sees no CUDA", _REMEDY)
    _, _, number = wish.partition(":")
    if number and int(number) >= torch.cuda.device_count():
        raise OptionsError("device", f"there is no {wish}", _REMEDY)
    return wish
