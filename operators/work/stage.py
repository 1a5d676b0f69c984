"""One stage on one scan: look into the store, else work, commit, and record it in one catalog transaction.

A repeat finds the outcome in the store and the record in the catalog and writes neither. A kill leaves a
partial folder that the next try resumes in; a kill between commit and record leaves an outcome that the next
try finds and records.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from catalog import derivatives, outcomes, scans
from catalog.derivatives import Version
from catalog.scans import Scan
from catalog.store import RESULT, Produced, Store
from imaging.errors import CatalogError, HeliochromeError, ScanError, StoreError
from imaging.stage import StageResult
from operators.outcome import Done, Passage
from operators.progress import Progress
from operators.work.circumstances import since

Share = Callable[[float], None]


@dataclass(frozen=True)
class Commission:
    """One piece of work: the key that its outcome is stored under, and how it is done."""

    key: str
    work: Callable[[Path, Share], StageResult]


class StageWorker(ABC):
    """Takes scans through one stage; subclasses say what there is to do.

    Parameters
    ----------
    engine, store
        Where outcomes are recorded and kept.
    """

    stage: str
    for_review = False
    """Whether the scan is done after this stage and goes to the archivists."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self.engine = engine
        self.store = store

    @abstractmethod
    def commission(self, scan: Scan, passage: Passage) -> Commission:
        """Return what there is to do for a scan."""

    def name(self, item: Passage) -> str:
        """Return the name under which the scan came in."""
        return self._scan(item).original_name

    def process(self, item: Passage, progress: Progress) -> Done:
        """Take one scan through the stage."""
        scan = self._scan(item)
        version, fresh = self.carry_out(scan, self.commission(scan, item), progress.share)
        return Done(scans=(item.with_version(version.id),), fresh=int(fresh))

    def carry_out(self, scan: Scan, commission: Commission, share: Share) -> tuple[Version, bool]:
        """Return the recorded outcome of a commission, and whether it was made just now."""
        started = datetime.now(UTC)
        try:
            produced = self.store.produce(commission.key, lambda folder: commission.work(folder, share))
        except ScanError as error:
            # Named as people know it, not as the store does.
            raise type(error)(scan.original_name, error.fault, error.remedy) from error
        circumstances = since(started) if produced.fresh else since(*self._period(produced))
        recorded = outcomes.record_success(
            self.engine, scan.id, produced.key, produced.result, circumstances, for_review=self.for_review
        )
        return recorded.version, produced.fresh

    def refuse(self, item: Passage, error: ScanError) -> bool:
        """Record that the scan can not be used; had it been known, it would not have come so far."""
        scan = self._scan(item)
        circumstances = since(datetime.now(UTC))
        outcomes.record_refusal(
            self.engine,
            scan.original_name,
            error,
            circumstances,
            sha256=scan.sha256,
            page=scan.page,
            size=scan.bytes,
        )
        return False

    def fail(self, item: Passage, error: HeliochromeError, attempt: str) -> None:
        """Record that work on the scan was lost."""
        circumstances = since(datetime.now(UTC))
        outcomes.record_failure(self.engine, item.scan, self.stage, error, circumstances, attempt=attempt)

    def original(self, scan: Scan) -> Path:
        """Return where the scan's original lies.

        Raises
        ------
        CatalogError
            The scan has none.
        StoreError
            It was there and is lost.
        """
        if scan.path is None:
            raise CatalogError(scan.original_name, "has no original in the store", "Ingest it again.")
        original = self.store.resolve(scan.path)
        if not original.is_file():
            fault = f"its original is missing from the store: {original}"
            remedy = "Look whether the store's disk is there; else put the file into the inbox for a new run."
            raise StoreError(scan.original_name, fault, remedy)
        return original

    def versions(self, passage: Passage) -> tuple[Version, ...]:
        """Return what this run's earlier stages made or found, in order."""
        with self.engine.connect() as connection:
            return tuple(derivatives.get(connection, version) for version in passage.versions)

    def _scan(self, item: Passage) -> Scan:
        with self.engine.connect() as connection:
            return scans.get(connection, item.scan)

    def _period(self, produced: Produced) -> tuple[datetime, datetime]:
        # A task died between store and catalog: when it worked is told by the files it left.
        written = (self.store.folder(produced.key) / RESULT).stat().st_mtime
        ended = datetime.fromtimestamp(written, UTC)
        seconds = produced.result.figures.get("seconds")
        return ended - timedelta(seconds=float(seconds) if isinstance(seconds, int | float) else 0), ended
