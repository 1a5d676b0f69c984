"""Which version of the software this is."""

from __future__ import annotations

from importlib.metadata import version


def software_version() -> str:
    """Return the version of the installed package."""
    return version("heliochrome")
