"""Restoration of a scan: original in, restored photograph and damage mask out.

The second and further pages of a file are first cut out of it, which is a stage of its own with a record.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from catalog import kinds
from catalog.scans import Scan
from catalog.store import Store, stage_key
from imaging.fixity import sha256_file
from imaging.page_extraction import extract_page
from imaging.scan import inspect_scan
from imaging.stage import Role, StageResult
from operators.outcome import ItemResult, ScanReference
from operators.progress import Progress
from operators.work import estimates
from operators.work.estimates import Estimate
from operators.work.stage_worker import Input, Share, StageTask, StageWorker
from restoration.models import shipped
from restoration.options import RestorationOptions
from restoration.pipeline import STAGE, VERSION, restore
from restoration.tone import ToneOptions

PAGE_STAGE = "page"
PAGE_VERSION = "2"


def suited(options: RestorationOptions, *, mended: bool, keeps_color: bool) -> RestorationOptions:
    """Return the options that suit a scan: whether it is mended at all, whether its color is its own."""
    if not mended:
        return replace(options, mend=False, mend_losses=False, denoise=0.0, tone=ToneOptions())
    if keeps_color:
        # What tone takes for a tint may be the photograph's own color.
        return replace(options, tone=replace(options.tone, neutral=False))
    return options


def restoration_key(input_sha256: str, options: RestorationOptions) -> str:
    """Return the store's key of a restoration."""
    return stage_key(
        input_sha256=input_sha256,
        stage=STAGE,
        version=VERSION,
        parameters=options.parameters(),
        # All that ship, whichever are used for this scan: new weights mean a new outcome.
        models=[descriptor.reference for descriptor in shipped()],
    )


class Restoring(StageWorker):
    """Restores scans with the same options."""

    stage = STAGE

    def __init__(self, engine: Engine, store: Store, options: RestorationOptions) -> None:
        super().__init__(engine, store)
        self.options = options

    def estimate(self, item: ScanReference) -> Estimate:
        """Return what the restoration of a scan needs, at most."""
        return estimates.restoration(self._scan(item))

    def process(self, item: ScanReference, progress: Progress) -> ItemResult:
        """Restore one scan; a further page is cut out of its file first."""
        scan = self._scan(item)
        if scan.page:
            page, _ = self.run_stage(scan, self._cutting_out(scan), progress.share)
            item = replace(item, versions=(page.id,))
        return super().process(item, progress)

    def stage_task(self, scan: Scan, reference: ScanReference) -> StageTask:
        """Return the restoration of a scan or of a page that was cut out."""
        source = self._source(scan, reference)
        options = self._suited(scan)

        def work(folder: Path, share: Share) -> StageResult:
            return restore(source.path, folder, options, progress=share)

        return StageTask(restoration_key(source.sha256, options), work, (source,))

    def _suited(self, scan: Scan) -> RestorationOptions:
        """Return the options that suit the scan's kind."""
        with self.engine.connect() as connection:
            treatment = kinds.treatment(connection, scan.id)
        return suited(self.options, mended=treatment.mended, keeps_color=treatment.keeps_color)

    def _source(self, scan: Scan, reference: ScanReference) -> Input:
        for version in self.versions(reference):
            if version.stage == PAGE_STAGE:
                return self.derivative(version, Role.ORIGINAL)
        return self.original(scan)

    def _cutting_out(self, scan: Scan) -> StageTask:
        original = self.original(scan)
        parameters = {"page": scan.page}

        def work(folder: Path, share: Share) -> StageResult:
            output = extract_page(original.path, scan.page, folder / "page.tif")
            read = inspect_scan(original.path, page=scan.page).as_parameters()
            digest, recorded = sha256_file(original.path), {**parameters, **read}
            return StageResult(PAGE_STAGE, PAGE_VERSION, digest, (output,), parameters=recorded)

        key = stage_key(
            input_sha256=original.sha256, stage=PAGE_STAGE, version=PAGE_VERSION, parameters=parameters
        )
        return StageTask(key, work, (original,))
