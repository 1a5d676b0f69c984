"""Colorization of a restored photograph, with the hints that archivists gave for its scan."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from catalog import given_hints, kinds
from catalog.scans import Scan
from catalog.store import Store, stage_key
from colorization.hints import Hint
from colorization.models import load
from colorization.options import ColorizationOptions
from colorization.pipeline import STAGE, VERSION, ReferencedPredictor, colorize
from imaging.errors import CatalogError
from imaging.networks.device import choose_device
from imaging.stage import ModelReference, Role, StageResult
from operators.outcome import ItemResult, ScanReference
from operators.progress import Progress
from operators.work import estimates
from operators.work.estimates import Estimate
from operators.work.stage_worker import Share, StageTask, StageWorker

log = logging.getLogger(__name__)

LARGEST_RADIUS = 0.5
"""The catalog accepts spots up to the longer side; the network up to half of it."""


def colorization_key(input_sha256: str, options: ColorizationOptions, model: ModelReference) -> str:
    """Return the store's key of a colorization."""
    return stage_key(
        input_sha256=input_sha256,
        stage=STAGE,
        version=VERSION,
        parameters=options.parameters(),
        models=[model],
    )


class Coloring(StageWorker):
    """Colorizes photographs with one model, loaded once.

    Parameters
    ----------
    engine, store
        Where outcomes are recorded and kept.
    options
        Those of all photographs; each one's hints are added to them.
    predictor
        Instead of the model that the options name.
    """

    stage = STAGE

    def __init__(
        self,
        engine: Engine,
        store: Store,
        options: ColorizationOptions,
        predictor: ReferencedPredictor | None = None,
    ) -> None:
        super().__init__(engine, store)
        self.options = options
        self.predictor = predictor or load(
            options.model, choose_device(options.device), options.model_folder, options.restraint
        )

    def estimate(self, item: ScanReference) -> Estimate:
        """Return what the colorization of a photograph needs, at most."""
        return estimates.colorization(self._scan(item), self.options.alternatives)

    def process(self, item: ScanReference, progress: Progress) -> ItemResult:
        """Colorize one photograph; one that has colors, or must not get any, goes on as it is."""
        with self.engine.connect() as connection:
            treatment = kinds.treatment(connection, item.scan)
        if treatment.colorized:
            return super().process(item, progress)
        log.info("%s is not colorized: %s", self.name(item), treatment.explanation)
        return ItemResult(scans=(item,))

    def stage_task(self, scan: Scan, reference: ScanReference) -> StageTask:
        """Return the colorization of what this run restored."""
        restored = next((v for v in reversed(self.versions(reference)) if v.stage == "restoration"), None)
        if restored is None:
            raise CatalogError(scan.original_name, "was not restored in this run", "Restore it first.")
        photograph = self.derivative(restored, Role.RESTORED)
        options = replace(self.options, hints=self._hints(scan))

        def work(folder: Path, share: Share) -> StageResult:
            return colorize(photograph.path, folder, options, progress=share, predictor=self.predictor)

        key = colorization_key(photograph.sha256, options, self.predictor.reference)
        return StageTask(key, work, (photograph,))

    def _hints(self, scan: Scan) -> tuple[Hint, ...]:
        with self.engine.connect() as connection:
            return tuple(
                Hint(h.x, h.y, min(h.radius, LARGEST_RADIUS), h.a, h.b, h.source)
                for h in given_hints.standing(connection, scan.id)
            )
