"""Restoration of a scan: original in, restored photograph and damage mask out.

The second and further pages of a file are first cut out of it, which is a stage of its own with a record.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from catalog.scans import Scan
from catalog.store import Store, stage_key
from imaging.fixity import sha256_file
from imaging.pages import cut_out_page
from imaging.scan import inspect_scan
from imaging.stage import Role, StageResult
from operators.outcome import Done, Passage
from operators.progress import Progress
from operators.work.stage import Commission, Input, Share, StageWorker
from restoration.models import shipped
from restoration.options import RestorationOptions
from restoration.restore import STAGE, VERSION, restore

PAGE_STAGE = "page"
PAGE_VERSION = "2"


class Restoring(StageWorker):
    """Restores scans with the same options."""

    stage = STAGE

    def __init__(self, engine: Engine, store: Store, options: RestorationOptions) -> None:
        super().__init__(engine, store)
        self.options = options

    def process(self, item: Passage, progress: Progress) -> Done:
        """Restore one scan; a further page is cut out of its file first."""
        scan = self._scan(item)
        if scan.page:
            page, _ = self.carry_out(scan, self._cutting_out(scan), progress.share)
            item = replace(item, versions=(page.id,))
        return super().process(item, progress)

    def commission(self, scan: Scan, passage: Passage) -> Commission:
        """Return the restoration of a scan or of a page that was cut out."""
        source = self._source(scan, passage)

        def work(folder: Path, share: Share) -> StageResult:
            return restore(source.path, folder, self.options, progress=share)

        key = stage_key(
            input_sha256=source.sha256,
            stage=STAGE,
            version=VERSION,
            parameters=self.options.parameters(),
            # All that ship, whichever take part in this scan: new weights mean a new outcome.
            models=[descriptor.reference for descriptor in shipped()],
        )
        return Commission(key, work, (source,))

    def _source(self, scan: Scan, passage: Passage) -> Input:
        for version in self.versions(passage):
            if version.stage == PAGE_STAGE:
                return self.derivative(version, Role.ORIGINAL)
        return self.original(scan)

    def _cutting_out(self, scan: Scan) -> Commission:
        original = self.original(scan)
        parameters = {"page": scan.page}

        def work(folder: Path, share: Share) -> StageResult:
            output = cut_out_page(original.path, scan.page, folder / "page.tif")
            read = inspect_scan(original.path, page=scan.page).as_parameters()
            digest, told = sha256_file(original.path), {**parameters, **read}
            return StageResult(PAGE_STAGE, PAGE_VERSION, digest, (output,), parameters=told)

        key = stage_key(
            input_sha256=original.sha256, stage=PAGE_STAGE, version=PAGE_VERSION, parameters=parameters
        )
        return Commission(key, work, (original,))
