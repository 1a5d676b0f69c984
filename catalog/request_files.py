"""The files of requests: one folder for each photograph, apart from the museum's own store.

Layout: ``ab/<sha256>/`` is a `catalog.store.Store` with the photograph as it came and all that was made of
it. Equal photographs share it, so the same work asked twice is done once; when no request needs it any more
the folder is removed as a whole, which nothing in the museum's own store ever is.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sqlalchemy import Connection, text

from catalog.store import Store
from imaging.errors import StoredFileError
from imaging.stage import OutputFile, Role, StageResult

LOOK, VIEWS = "look", "views"
"""Names of entries: the first look, before anything is restored, and the views of the outcome."""
PREVIEW = "preview.jpg"
DOUBT = "doubt.json"

_SHOWN: Mapping[str, frozenset[Role] | None] = {
    LOOK: None,
    "restoration": frozenset({Role.DAMAGE_MASK}),
    "colorization": frozenset({Role.CONFIDENCE}),
    "provenance": frozenset(
        {Role.RESTORED, Role.COLORIZED, Role.ALTERNATIVE, Role.ACCESS_COPY, Role.PROVENANCE, Role.CREDENTIAL}
    ),
    VIEWS: None,
}
"""Which files of an entry clients can fetch, later entries before earlier ones of the same name."""


@dataclass(frozen=True)
class ResultFile:
    """A file that a client can fetch: what its entry says of it, and where it lies."""

    described: OutputFile
    path: Path


class RequestFiles:
    """The folders of all requests' photographs.

    Parameters
    ----------
    root
        The folder that holds them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def store(self, sha256: str) -> Store:
        """Return the store of the photograph with this digest, which need not exist."""
        return Store(self._folder(sha256))

    def original(self, sha256: str) -> Path:
        """Return where the photograph as it came lies."""
        return self.store(sha256).original(sha256)

    def results(self, sha256: str, entries: Mapping[str, str]) -> dict[str, ResultFile]:
        """Return what clients can fetch of a request, by name."""
        store = self.store(sha256)
        found: dict[str, ResultFile] = {}
        for entry, roles in _SHOWN.items():
            if (key := entries.get(entry)) is None or (result := _find(store, key)) is None:
                continue
            for file in result.files:
                if roles is None or file.role in roles:
                    found[PurePosixPath(file.name).name] = ResultFile(file, store.path(key, file))
        return found

    def complete(self, sha256: str, entries: Mapping[str, str]) -> bool:
        """Return whether all entries are in the store."""
        store = self.store(sha256)
        return bool(entries) and all(_find(store, key) is not None for key in entries.values())

    def remove_unused(self, connection: Connection, sha256: str) -> bool:
        """Remove a photograph with all that was made of it unless a request needs it; return whether."""
        lock(connection, sha256)
        needed = text(
            "SELECT 1 FROM requests WHERE sha256 = :sha256 AND state NOT IN ('withdrawn', 'expired') LIMIT 1"
        )
        if connection.execute(needed, {"sha256": sha256}).scalar() is not None:
            return False
        shutil.rmtree(self._folder(sha256), ignore_errors=True)
        return True

    def photographs(self) -> tuple[str, ...]:
        """Return the digest of every photograph that has a folder."""
        return tuple(sorted(folder.name for folder in self.root.glob("??/*") if len(folder.name) == 64))

    def _folder(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256


def lock(connection: Connection, sha256: str) -> None:
    """Let no other transaction add or remove this photograph until this one ends."""
    number = int.from_bytes(hashlib.sha256(f"request {sha256}".encode()).digest()[:8], signed=True)
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def _find(store: Store, key: str) -> StageResult | None:
    try:
        return store.find(key)
    except StoredFileError:
        return None
