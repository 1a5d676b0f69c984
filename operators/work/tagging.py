"""Provenance tagging of what a run made of a scan; the last stage, which opens the review."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from catalog.provenance import tag
from catalog.provenance.cataloged import tag_inputs
from catalog.provenance.identity import SigningIdentity
from catalog.provenance.tag import TagOptions
from catalog.scans import Scan
from catalog.store import Store, stage_key
from catalog.vocabulary import Stage
from imaging.stage import StageResult
from operators.outcome import ScanReference
from operators.work import estimates
from operators.work.estimates import Estimate
from operators.work.stage_worker import Input, Share, StageTask, StageWorker


class Tagging(StageWorker):
    """Tags the outcomes of one run.

    Parameters
    ----------
    engine, store
        Where outcomes are recorded and kept.
    identity
        Who signs content credentials; ``None`` to write none.
    agent
        Who started the run, as the record names it.
    """

    stage = str(Stage.PROVENANCE)
    for_review = True

    def __init__(self, engine: Engine, store: Store, *, identity: SigningIdentity | None, agent: str) -> None:
        super().__init__(engine, store)
        self.options = TagOptions(identity=identity)
        self.agent = agent

    def estimate(self, item: ScanReference) -> Estimate:
        """Return what the tagging of what was made of a scan needs, at most."""
        masters = [file for version in self.versions(item) for file in version.derivatives]
        return estimates.tagging(self._scan(item), len(masters), sum(file.bytes for file in masters))

    def stage_task(self, scan: Scan, reference: ScanReference) -> StageTask:
        """Return the tagging of what the earlier stages of this run made or found."""
        versions = self.versions(reference)
        with self.engine.connect() as connection:
            inputs = tag_inputs(connection, self.store, scan.id, versions=versions, agent=self.agent)

        def work(folder: Path, share: Share) -> StageResult:
            return tag.tag(inputs, folder, self.options)

        made = (
            Input(file.sha256, self.store.resolve(file.path), version)
            for version in versions
            for file in version.derivatives
        )
        reads = (*made, self.original(scan))
        return StageTask(stage_key(**tag.determinants(inputs, self.options)), work, reads)
