"""Memory of a process that does nothing but serve pictures.

Changes how libvips works in the whole process; libraries and workers leave it alone.
"""

from __future__ import annotations


def forget_operations() -> None:
    """Let libvips forget operations that are finished.

    Pictures are kept open by `catalog.iiif.rendering`: what libvips remembers besides holds their tiles, some
    150 MB of a gigapixel. glibc is left to keep what it was given back: to return it after each tile takes
    three quarters more processor time.
    """
    import pyvips

    pyvips.cache_set_max(0)
