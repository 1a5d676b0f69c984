"""The file store: finished work, addressed by what determines it, and originals, addressed by their bytes.

Reads nothing but what it wrote. A repeat of finished work finds it; a killed task leaves at most a
private partial folder, which the next one resumes; what `find` returns is always whole. Layout::

    originals/ab/<sha256>          scans as they came, read-only
    entries/ab/<key>/…             a stage's files and, written last, result.json
    partial/<key>/…                work under way, guarded by partial/<key>.lock
    quarantine/<key>-<time>/…      what failed its fixity check, kept for a person to look at
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile

from catalog.durability import exclusive, storage_faults, sync_folder
from catalog.store_files import (
    RESULT,
    addresses,
    chunks,
    drop_scratch,
    file_fault,
    relative_path,
    seal_output,
    size_fault,
    sync_tree,
    write_durably,
)
from imaging.errors import StoredFileError, StoreError
from imaging.stage import ModelReference, OutputFile, Scalar, StageResult

logger = logging.getLogger(__name__)


def stage_key(
    *,
    input_sha256: str,
    stage: str,
    version: str,
    parameters: Mapping[str, Scalar],
    models: Iterable[ModelReference] = (),
) -> str:
    """Return the address of a stage's outcome: the sha256 of everything that determines it.

    Examples
    --------
    >>> asked = {"input_sha256": "0" * 64, "stage": "restoration", "version": "1"}
    >>> stage_key(**asked, parameters={"a": 1, "b": 2}) == stage_key(**asked, parameters={"b": 2, "a": 1})
    True
    >>> stage_key(**asked, parameters={"a": 1}) == stage_key(**asked, parameters={"a": 2})
    False
    """
    determinants = {
        "input": input_sha256,
        "stage": stage,
        "version": version,
        "parameters": dict(parameters),
        "models": [model.sha256 for model in models],
    }
    canonical = json.dumps(
        determinants, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def entry_path(key: str, name: str) -> PurePosixPath:
    """Return where the file `name` of the entry `key` lies, relative to a store's root."""
    return PurePosixPath("entries", key[:2], key) / relative_path(name)


@dataclass(frozen=True)
class Produced:
    """A stage's outcome, and whether this call did the work (`fresh`) or found it done."""

    key: str
    result: StageResult
    fresh: bool


@dataclass(frozen=True)
class Damage:
    """A stored file that is not what was stored: its path, and what is wrong with it."""

    path: Path
    fault: str


class Store:
    """A file store under `root`, shared by every task that can see the folder.

    Parameters
    ----------
    root
        The store's folder; made when absent. Partial and finished work must lie on one file system.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._originals = root / "originals"
        self._entries = root / "entries"
        self._partial = root / "partial"
        self._quarantine = root / "quarantine"

    def produce(self, key: str, work: Callable[[Path], StageResult]) -> Produced:
        """Return the outcome under `key`, calling ``work(folder)`` only when it is not there yet.

        Of two tasks that ask for the same key at once one works and the other waits, then finds. A damaged
        entry goes to quarantine and is made anew.
        """
        # A damaged entry is looked at again below, where no other task can move it at the same time.
        with suppress(StoredFileError):
            if (found := self.find(key)) is not None:
                return Produced(key, found, fresh=False)
        with self.workspace(key) as folder:
            if (found := self._find_or_quarantine(key)) is not None:
                return Produced(key, found, fresh=False)
            return Produced(key, self.commit(key, folder, work(folder)), fresh=True)

    def find(self, key: str) -> StageResult | None:
        """Return the outcome under `key`, or ``None`` when there is none.

        Files are looked at, not read: `verify` does that.

        Raises
        ------
        StoredFileError
            The entry is there, but a file of it is missing or has another size.
        """
        folder = self.folder(key)
        try:
            result = StageResult.from_json((folder / RESULT).read_text())
        except FileNotFoundError:
            if not folder.exists():
                return None
            raise _damaged(folder, f"{RESULT} is missing") from None
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(folder, f"{RESULT} is unreadable ({error})") from error
        for file in result.files:
            if fault := size_fault(folder / file.name, file.bytes):
                raise _damaged(folder / file.name, fault)
        return result

    @contextmanager
    def workspace(self, key: str) -> Iterator[Path]:
        """Lend the partial folder of `key` to one task at a time.

        What a killed or failed task left in it is still there, so that the stage can resume. A task that had
        to wait should look with `find` first: the one before it has probably finished the work.
        """
        folder = self._partial / key
        with storage_faults(folder):
            self._partial.mkdir(parents=True, exist_ok=True)
            with exclusive(_lock(folder)):
                folder.mkdir(exist_ok=True)
                yield folder
                if folder.exists() and not any(folder.iterdir()):
                    folder.rmdir()

    def commit(self, key: str, folder: Path, result: StageResult) -> StageResult:
        """Make `folder` the entry of `key`: checked, on disk, and visible all at once.

        Files that `result` does not name are scratch and are removed. Where the entry exists already it stays
        and is returned, for nothing in the store is overwritten.

        Raises
        ------
        StoredFileError
            A file is missing or is not what `result` says.
        StoreError
            The disk is full.
        """
        with storage_faults(folder):
            if (found := self.find(key)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                return found
            for file in result.files:
                seal_output(folder, file)
            drop_scratch(folder, {PurePosixPath(file.name) for file in result.files})
            write_durably(folder / RESULT, result.to_json())
            sync_tree(folder)
            entry = self.folder(key)
            entry.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(entry)
            sync_folder(entry.parent)
            sync_folder(self._entries)
        return result

    def folder(self, key: str) -> Path:
        """Return the folder of the entry `key`, which need not exist."""
        return self._entries / key[:2] / key

    def path(self, key: str, file: OutputFile) -> Path:
        """Return where `file` of the entry `key` lies."""
        return self.root / entry_path(key, file.name)

    def relative(self, path: Path) -> str:
        """Return a stored file's path as the catalog records it: relative to the root, POSIX separators."""
        return path.relative_to(self.root).as_posix()

    def resolve(self, relative: str) -> Path:
        """Return the file at the catalog's `relative` path; raise `StoredFileError` when it climbs out."""
        return self.root / relative_path(relative)

    def add_original(self, path: Path) -> tuple[str, Path]:
        """Copy a scan into the store, unless its bytes are there; return their sha256 and where they lie.

        The digest is that of the copied bytes, whatever happens to `path` meanwhile. A stored original that
        is not what it was goes to quarantine and is replaced.

        Raises
        ------
        HeliochromeError
            `path` cannot be read to its end.
        StoreError
            The disk is full.
        """
        with storage_faults(self._originals):
            self._originals.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self._originals, prefix=".", delete=False) as copy:
                temporary = Path(copy.name)
                try:
                    digest = hashlib.sha256()
                    for chunk in chunks(path):
                        digest.update(chunk)
                        copy.write(chunk)
                    copy.flush()
                    sha256 = digest.hexdigest()
                    stored = self.original(sha256)
                    if fault := file_fault(stored, copy.tell(), sha256):
                        if stored.exists():
                            logger.warning("%s %s; moved to %s", stored, fault, self.quarantine(sha256))
                        shutil.copystat(path, temporary)
                        temporary.chmod(0o444)
                        os.fsync(copy.fileno())
                        stored.parent.mkdir(exist_ok=True)
                        temporary.rename(stored)
                        sync_folder(stored.parent)
                        sync_folder(self._originals)
                finally:
                    temporary.unlink(missing_ok=True)
        return sha256, stored

    def require_originals(self) -> None:
        """Raise `StoreError` when the folder of originals is not there, as on a disk that is not mounted."""
        if not self._originals.is_dir():
            remedy = (
                "Look whether the store's disk is mounted. If all is lost, bring it back from its backup, or "
                f"make the folder {self._originals}: what lies in the inbox then comes in anew."
            )
            raise StoreError(self.root, "no original is there any more", remedy)

    def original(self, sha256: str) -> Path:
        """Return where the original with these bytes lies or would lie."""
        return self._originals / sha256[:2] / sha256

    def keys(self) -> Iterator[str]:
        """Yield the key of each entry, in order."""
        return addresses(self._entries)

    def originals(self) -> Iterator[str]:
        """Yield the sha256 of each original, in order."""
        return addresses(self._originals)

    def verify(self, key: str) -> tuple[Damage, ...]:
        """Read every file of the entry `key` again and return what is not as it was stored."""
        folder = self.folder(key)
        try:
            result = StageResult.from_json((folder / RESULT).read_text())
        except (OSError, ValueError, KeyError, TypeError) as error:
            return (Damage(folder / RESULT, f"unreadable ({error})"),)
        checked = ((folder / file.name, file) for file in result.files)
        return tuple(
            Damage(path, fault)
            for path, file in checked
            if (fault := file_fault(path, file.bytes, file.sha256))
        )

    def verify_original(self, sha256: str) -> tuple[Damage, ...]:
        """Read an original again and return its damage, if any."""
        path = self.original(sha256)
        fault = file_fault(path, None, sha256)
        return (Damage(path, fault),) if fault else ()

    def quarantine(self, key: str) -> Path:
        """Take the entry or original `key` out of the store's sight and return where it lies now.

        The next task that asks for an entry makes it anew; an original has to be scanned or restored again.
        """
        source = self.folder(key) if self.folder(key).exists() else self.original(key)
        target = self._quarantine / f"{key}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        with storage_faults(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                source.rename(target)
            except FileNotFoundError:
                raise StoredFileError(key, "is not in the store", "Check the key.") from None
            sync_folder(source.parent)
            sync_folder(target.parent)
        return target

    def quarantined(self, key: str) -> Path | None:
        """Return where the entry or original `key` lies that was quarantined last, if any was."""
        return max(self._quarantine.glob(f"{key}-*"), default=None)

    def drop_abandoned(self, older_than: timedelta) -> tuple[str, ...]:
        """Remove partial work that nobody has touched for so long or is working on; return its keys."""
        latest = (datetime.now(UTC) - older_than).timestamp()
        dropped = []
        for folder in sorted(path for path in self._partial.glob("*") if path.is_dir()):
            with suppress(BlockingIOError), exclusive(_lock(folder), wait=False):
                if _last_touched(folder) < latest:
                    shutil.rmtree(folder)
                    dropped.append(folder.name)
        return tuple(dropped)

    def _find_or_quarantine(self, key: str) -> StageResult | None:
        try:
            return self.find(key)
        except StoredFileError as error:
            logger.warning("%s Moved to %s.", error, self.quarantine(key))
            return None


def rotating_share(addresses: Iterable[str], turn: int, of: int) -> Iterator[str]:
    """Yield those of the store's `addresses` whose turn it is, so that `of` turns look at each exactly once.

    The share of an address never changes, so additions between turns disturb nothing.

    Examples
    --------
    >>> list(rotating_share(["00000000", "00000001", "00000002", "00000003"], turn=5, of=4))
    ['00000001']
    """
    return (address for address in addresses if int(address[:8], 16) % of == turn % of)


def _lock(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _last_touched(folder: Path) -> float:
    return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))


def _damaged(path: Path, fault: str) -> StoredFileError:
    remedy = "Quarantine the entry and run its stage again."
    return StoredFileError(path, f"the store is damaged: {fault}", remedy)
