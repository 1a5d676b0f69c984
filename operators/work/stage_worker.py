"""One stage on one scan: look into the store, else work, commit, and record it in one catalog transaction.

A repeat finds the outcome in the store and the record in the catalog and writes neither. A kill leaves a
partial folder that the next try resumes in; a kill between commit and record leaves an outcome that the next
try finds and records.

What a stage read is compared with what it was asked to read before anything is committed: work on a corrupted
file would otherwise be found forever under the good one's key. What is altered goes to quarantine, and the
scan waits until its original comes in again or the earlier stage has made its derivative anew.
"""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from catalog import derivatives, outcomes, scans
from catalog.database import in_transaction
from catalog.derivatives import Version
from catalog.provenance.audit import AuditOptions, examine
from catalog.scans import Scan
from catalog.store import Produced, Store
from catalog.store_files import RESULT
from imaging.errors import CatalogError, HeliochromeError, ScanError, StoredFileError, StoreError
from imaging.stage import Role, StageResult
from operators.outcome import ItemResult, ScanReference
from operators.progress import Progress
from operators.work.estimates import Estimate
from operators.work.event_context import event_context, machine, program

Share = Callable[[float], None]
AGAIN = "Put the file into the inbox again, or bring the original back from the store's backup."
ANEW = "The next run makes it anew."


@dataclass(frozen=True)
class Input:
    """A stored file that a stage reads: its digest and place, and the version that it is a file of.

    An original is of no version.
    """

    sha256: str
    path: Path
    version: Version | None = None

    @property
    def address(self) -> str:
        """Its address in the store."""
        return self.sha256 if self.version is None else self.version.store_key


@dataclass(frozen=True)
class StageTask:
    """What a stage has to do for one scan: the key of its outcome, the function that does it, its inputs."""

    key: str
    work: Callable[[Path, Share], StageResult]
    reads: tuple[Input, ...]


class StageWorker(ABC):
    """Takes scans through one stage; subclasses define its task.

    Parameters
    ----------
    engine, store
        Where outcomes are recorded and kept.
    """

    stage: str
    for_review = False
    """Whether the scan goes to review after this stage."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self.engine = engine
        self.store = store

    @abstractmethod
    def stage_task(self, scan: Scan, reference: ScanReference) -> StageTask:
        """Return the task for a scan."""

    def name(self, item: ScanReference) -> str:
        """Return the name under which the scan came in."""
        return self._scan(item).original_name

    @abstractmethod
    def estimate(self, item: ScanReference) -> Estimate:
        """Return what the stage needs for the scan, at most."""

    def process(self, item: ScanReference, progress: Progress) -> ItemResult:
        """Take one scan through the stage."""
        scan = self._scan(item)
        version, fresh = self.run_stage(scan, self.stage_task(scan, item), progress.share)
        return ItemResult(scans=(item.with_version(version.id),), fresh=int(fresh))

    def run_stage(self, scan: Scan, task: StageTask, share: Share) -> tuple[Version, bool]:
        """Run a task; return its recorded outcome, and whether it was made just now."""
        started = datetime.now(UTC)
        try:
            produced = self.store.produce(task.key, lambda folder: _work(task, folder, share))
        except (HeliochromeError, OSError) as error:
            if _may_come_of_an_input(error):
                self._examine(scan, task, error)
            if isinstance(error, ScanError):
                raise _named(error, scan, task) from error
            raise
        context = event_context(started) if produced.fresh else event_context(*self._period(produced))
        recorded = outcomes.record_success(
            self.engine, scan.id, produced.key, produced.result, context, for_review=self.for_review
        )
        return recorded.version, produced.fresh

    def refuse(self, item: ScanReference, error: ScanError) -> bool:
        """Record that the scan cannot be used; return that this was not known before."""
        scan = self._scan(item)
        context = event_context(datetime.now(UTC))
        outcomes.record_refusal(
            self.engine,
            scan.original_name,
            error,
            context,
            sha256=scan.sha256,
            page=scan.page,
            size=scan.bytes,
        )
        return False

    def fail(self, item: ScanReference, error: HeliochromeError, attempt: str) -> None:
        """Record that work on the scan was lost."""
        context = event_context(datetime.now(UTC))
        outcomes.record_failure(self.engine, item.scan, self.stage, error, context, attempt=attempt)

    def original(self, scan: Scan) -> Input:
        """Return the scan's original.

        Raises
        ------
        CatalogError
            The scan has none.
        StoredFileError
            It was there and is lost.
        StoreError
            All originals are.
        """
        if scan.path is None or scan.sha256 is None:
            raise CatalogError(scan.original_name, "has no original in the store", "Ingest it again.")
        original = self.store.resolve(scan.path)
        if original.is_file():
            return Input(scan.sha256, original)
        self.store.require_originals()
        sha256 = scan.sha256
        in_transaction(self.engine, lambda connection: scans.mark_lost(connection, sha256))
        fault = f"its original is missing from the store: {original}"
        raise StoredFileError(scan.original_name, fault, AGAIN)

    def derivative(self, version: Version, role: Role) -> Input:
        """Return the file of a version that has this role."""
        file = version.derivative(role)
        return Input(file.sha256, self.store.resolve(file.path), version)

    def versions(self, reference: ScanReference) -> tuple[Version, ...]:
        """Return what this run's earlier stages made or found, in order."""
        with self.engine.connect() as connection:
            return tuple(derivatives.get(connection, version) for version in reference.versions)

    def _examine(self, scan: Scan, task: StageTask, error: Exception) -> None:
        """Raise `StoredFileError` when an input is not what was stored, and take it out of use."""
        occasion = f"{self.stage} of {scan.sha256} page {scan.page} at {datetime.now(UTC).isoformat()}"
        options = AuditOptions(turn=0, of=1, occasion=occasion, machine=machine(), participants=(program(),))
        for address, version in {read.address: read.version for read in task.reads}.items():
            number = version.id if version else None
            failure = examine(self.engine, self.store, options, address, scan_id=scan.id, version_id=number)
            if failure is not None:
                what, remedy = (version.stage, ANEW) if version else ("original", AGAIN)
                moved = f"; it was moved to {failure.quarantined}" if failure.quarantined else ""
                fault = f"its {what} in the store has changed ({'; '.join(failure.faults)}){moved}"
                raise StoredFileError(scan.original_name, fault, remedy) from error

    def _scan(self, item: ScanReference) -> Scan:
        with self.engine.connect() as connection:
            return scans.get(connection, item.scan)

    def _period(self, produced: Produced) -> tuple[datetime, datetime]:
        # A task crashed between store and catalog: its files show when it worked.
        written = (self.store.folder(produced.key) / RESULT).stat().st_mtime
        ended = datetime.fromtimestamp(written, UTC)
        seconds = produced.result.figures.get("seconds")
        return ended - timedelta(seconds=float(seconds) if isinstance(seconds, int | float) else 0), ended


def _work(task: StageTask, folder: Path, share: Share) -> StageResult:
    result = task.work(folder, share)
    if result.input_sha256 not in {read.sha256 for read in task.reads}:
        fault = f"was read with other bytes than were stored, sha256 {result.input_sha256}"
        remedy = "Run it again; check the machine's memory and disks if that repeats."
        raise StoredFileError(task.reads[0].path, fault, remedy)
    return result


def _may_come_of_an_input(error: HeliochromeError | OSError) -> bool:
    cause = error.__cause__ if isinstance(error, StoreError) else error
    unreadable = isinstance(cause, OSError) and cause.errno in {errno.EIO, errno.ENOENT}
    return unreadable or isinstance(error, ScanError | StoredFileError)


def _named(error: ScanError, scan: Scan, task: StageTask) -> HeliochromeError:
    """Return `error` under the scan's file name, blaming the earlier stage where that wrote the input."""
    if any(read.version is not None for read in task.reads):
        # An earlier stage's file is unusable, though it is what that stage wrote.
        return StoredFileError(scan.original_name, f"{error.subject}: {error.fault}", error.remedy)
    return type(error)(scan.original_name, error.fault, error.remedy)
