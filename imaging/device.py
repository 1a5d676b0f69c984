"""Where networks run: on the processor, or on a GPU when there is one."""

from __future__ import annotations

import torch

from imaging.errors import OptionsError

_REMEDY = "Choose cpu or auto."


def choose_device(wish: str) -> str:
    """Return the device for ``auto``: CUDA when there is one; any other wish as it is.

    Raises
    ------
    OptionsError
        It is no device that networks can run on here.
    """
    if wish == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(wish)
    except RuntimeError:
        raise OptionsError("device", f"there is no {wish}", _REMEDY) from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise OptionsError("device", f"{wish} is asked for, and PyTorch sees no CUDA", _REMEDY)
    if device.type not in {"cpu", "cuda"}:
        raise OptionsError("device", f"networks do not run on {wish}", _REMEDY)
    return wish
