"""From a scan to a restored photograph and a mask of what was mended: `restoration.restore`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from restoration.kinds import DamageKind
    from restoration.options import RestorationOptions
    from restoration.pipeline import restore
    from restoration.tone import ToneOptions
    from restoration.undo import undo_tones
else:
    from imaging.lazy_exports import lazy_exports

    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "kinds": ("DamageKind",),
            "options": ("RestorationOptions",),
            "pipeline": ("restore",),
            "tone": ("ToneOptions",),
            "undo": ("undo_tones",),
        },
    )

__all__ = [
    "DamageKind",
    "RestorationOptions",
    "ToneOptions",
    "restore",
    "undo_tones",
]
