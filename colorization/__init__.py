"""From a restored photograph to color, with its doubt and its alternatives: `colorization.colorize`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from colorization.hints import Hint
    from colorization.options import ColorizationOptions
    from colorization.pipeline import colorize
else:
    from imaging.lazy_exports import lazy_exports

    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "hints": ("Hint",),
            "options": ("ColorizationOptions",),
            "pipeline": ("colorize",),
        },
    )

__all__ = [
    "ColorizationOptions",
    "Hint",
    "colorize",
]
