"""From a scan to a restored photograph and a mask of what was mended."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from restoration.options import RestorationOptions
    from restoration.restore import restore

__all__ = ["RestorationOptions", "restore"]

_HOMES = {"RestorationOptions": "restoration.options", "restore": "restoration.restore"}


def __getattr__(name: str) -> Any:
    """Import the stage when it is first asked for: it brings torch, OpenCV and libvips with it."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # The submodule and the function share a name: importing the one must not hide the other.
    globals()[name] = getattr(import_module(home), name)
    return globals()[name]
