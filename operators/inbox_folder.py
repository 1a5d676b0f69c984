"""Which folders may be inboxes: the right to start a run must not be the right to read the whole machine."""

from __future__ import annotations

from pathlib import Path

from imaging.errors import ForbiddenScan, OptionsError
from imaging.files import resolve_inside
from operators import settings


def inbox_folder(name: str | Path = "") -> Path:
    """Return the inbox `name`, which must lie in the configured inbox or in the home folder.

    A relative name is looked up in the former, then in the latter. The configured inbox is made when absent.

    Raises
    ------
    ForbiddenScan
        It is elsewhere, because the right to start a run is not the right to read the whole machine; or it
        contains or is part of what Heliochrome keeps for itself.
    OptionsError
        There is no such folder.
    """
    inbox, home = settings.inbox(), settings.home()
    if not str(name):
        inbox.mkdir(parents=True, exist_ok=True)
        return inbox
    named = next((named for root in (inbox, home) if (named := root / name).is_dir()), inbox / name)
    folder = resolve_inside(named, inbox if named.is_relative_to(inbox) else home)
    for own in (settings.store(), home / "secrets"):
        if folder.is_relative_to(own) or own.is_relative_to(folder):
            raise ForbiddenScan(folder, f"{own} cannot be an inbox", "Name a folder of scans.")
    if not folder.is_dir():
        fault = f"there is no folder {name} in {inbox} or {home}"
        raise OptionsError("inbox", fault, "Correct the name, or make the folder.")
    return folder
