"""A folder that a site is published into: whole files, rewritten only when they say something new.

Keeps ``.heliochrome-site.json`` in the folder: what was published, and the changes so far. A crash leaves
whole files of the old and the new state; the next publication completes it. A folder that holds other things
is refused, for what a publication no longer needs is removed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from catalog.durability import exclusive
from imaging.errors import OptionsError, StoreError
from imaging.fixity import atomic_path

STATE = ".heliochrome-site.json"
_LOCK = ".heliochrome-site.lock"
_OWNED = ("page-*.html", "iiif/*", "photographs/*", "collections/*", "masters/*", "static/*")


@dataclass(frozen=True)
class SiteChange:
    """An entry of the change feed: number, ``Create``, ``Update`` or ``Delete``, of what, ISO time."""

    number: int
    type: str
    accession: str
    ended: str


@dataclass
class SiteState:
    """What the folder holds: digests of manifests, how images were rendered, and the changes so far.

    Images of the manifests in `outdated` may still be as an earlier publication rendered them.
    """

    manifests: dict[str, str] = field(default_factory=dict)
    rendering: str = ""
    changes: list[SiteChange] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)


class SiteFolder:
    """One publication into a folder; make it with `publishing`.

    Parameters
    ----------
    root
        The folder.
    state
        What it held before; kept up to date by the caller.
    """

    def __init__(self, root: Path, state: SiteState) -> None:
        self.root = root
        self.state = state
        self.written = 0
        self.unchanged = 0
        self.removed = 0
        self._kept: set[Path] = set()

    def put(self, relative: str, body: bytes) -> bool:
        """Make the file at `relative` hold `body`; return whether it had to be written."""
        path = self.root / relative
        self._kept.add(path)
        if path.is_file() and path.read_bytes() == body:
            self.unchanged += 1
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as partial:
            partial.write_bytes(body)
        self.written += 1
        return True

    def put_copy(self, relative: str, source: Path) -> None:
        """Make the file at `relative` a copy of `source`, whose content never changes under its name.

        Raises
        ------
        StoreError
            When there is no `source`.
        """
        if not source.is_file():
            raise StoreError(source, "is gone", "Restore it from its backup.")
        path = self.root / relative
        self._kept.add(path)
        if path.is_file() and path.stat().st_size == source.stat().st_size:
            self.unchanged += 1
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as partial:
            shutil.copyfile(source, partial)
        self.written += 1

    @contextmanager
    def put_folder(self, relative: str, *, again: bool) -> Iterator[Path | None]:
        """Yield a new folder that becomes `relative` whole; ``None`` when that exists, unless `again`."""
        target = self.root / relative
        self._kept.add(target)
        if target.is_dir() and not again:
            self.unchanged += 1
            yield None
            return
        partial = target.with_name(f".{target.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            if target.exists():
                # A folder cannot replace another in one step: the old one is gone for a moment.
                shutil.rmtree(target)
            os.replace(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        self.written += 1

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let `prune` remove what is put in the block, unless the block ends well or it was put before."""
        before, self._kept = self._kept, set()
        try:
            yield
            before |= self._kept
        finally:
            self._kept = before

    def keep(self, relatives: Iterable[str]) -> bool:
        """Keep what an earlier publication left there, all of it or nothing; return whether all is there."""
        paths = [self.root / relative for relative in relatives]
        whole = all(path.exists() for path in paths)
        self._kept.update(paths if whole else ())
        return whole

    def prune(self) -> None:
        """Remove what this publication did not put."""
        needed = {parent for path in self._kept for parent in path.parents}
        for pattern in _OWNED:
            self._prune(self.root.glob(pattern), needed)

    def _prune(self, paths: Iterable[Path], needed: set[Path]) -> None:
        for path in sorted(paths):
            if path in self._kept:
                continue
            if path in needed:
                self._prune(path.iterdir(), needed)
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            self.removed += 1


@contextmanager
def publishing(root: Path, rendering: str) -> Iterator[SiteFolder]:
    """Open the folder `root` for one publication, alone; the state is written when all went well.

    Parameters
    ----------
    root
        The folder.
    rendering
        How images are rendered now: those that an interrupted first publication left are so.

    Raises
    ------
    OptionsError
        When the folder holds something that was not published there.
    """
    root.mkdir(parents=True, exist_ok=True)
    with exclusive(root / _LOCK):
        state = root / STATE
        foreign = {path.name for path in root.iterdir()} - {_LOCK}
        if foreign and not state.exists():
            raise OptionsError(
                str(root), "holds other files, which publishing would remove", "Name an empty folder."
            )
        if not state.exists():
            _write(state, SiteState(rendering=rendering))
        folder = SiteFolder(root, _read(state))
        yield folder
        _write(state, folder.state)


def _read(path: Path) -> SiteState:
    raw = json.loads(path.read_text())
    return SiteState(
        manifests=raw["manifests"],
        rendering=raw["rendering"],
        changes=[SiteChange(**change) for change in raw["changes"]],
        # Not in what earlier versions of the program wrote.
        outdated=raw.get("outdated", []),
    )


def _write(path: Path, state: SiteState) -> None:
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(asdict(state), ensure_ascii=False))
