"""From a restored photograph to color, with its doubt and its alternatives: `colorization.colorize`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from colorization.hints import Hint
    from colorization.options import ColorizationOptions
    from colorization.pipeline import colorize
else:
    from imaging.face import face

    __getattr__, __dir__ = face(
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
