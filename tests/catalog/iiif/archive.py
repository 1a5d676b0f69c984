"""A small archive with pictures, as the workflow leaves it: scans, versions and reviews."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyvips
from sqlalchemy import Engine

from catalog import collections, objects, outcomes, reviews
from catalog.agents import person
from catalog.objects import ObjectRecord
from catalog.reviews import Review
from catalog.scans import ScanRecord
from catalog.schema import ReviewState
from catalog.store import Store, stage_key
from imaging.fixity import describe_output
from imaging.pyramid import write_pyramid
from imaging.stage import ModelReference, OutputFile, Role, StageResult
from tests.catalog.records import EVENT_CONTEXT

WIDTH, HEIGHT = 700, 500
MODEL = ModelReference("heliochrome-color", "1.0.0", "ab" * 32)
ARCHIVIST = person("M. Archivist", "m@museum.example")


@dataclass(frozen=True)
class Photograph:
    """What `Archive.add` made: object, scan, the version under review, the digests of its files by role."""

    accession: str
    scan_id: int
    version_id: int
    digests: dict[Role, str]


@dataclass(frozen=True)
class Archive:
    engine: Engine
    store: Store
    scratch: Path

    def add(
        self,
        accession: str,
        *,
        title: str = "",
        collection: str | None = None,
        take: int = 0,
        side: str = "",
    ) -> Photograph:
        """Send a synthetic photograph to review; `take` makes another version, `side` another scan."""
        scan_path = self._scan(accession + side)
        sha256, stored = self.store.add_original(scan_path)
        with self.engine.begin() as connection:
            record = ObjectRecord(accession_number=accession, title=title or f"Photograph {accession}")
            held = objects.ensure(connection, record)
            if collection:
                collections.ensure(connection, collection, collection.title())
                collections.add(connection, collection, [held.id])
        scan = outcomes.record_ingestion(
            self.engine,
            ScanRecord(
                sha256=sha256,
                path=self.store.relative(stored),
                original_name=scan_path.name,
                bytes=stored.stat().st_size,
                width=WIDTH,
                height=HEIGHT,
                bits=8,
                media_type="image/png",
                object_id=held.id,
            ),
            EVENT_CONTEXT,
        ).scan
        digests = {Role.ORIGINAL: sha256}
        restored = self._stage("restoration", sha256, scan.id, take, {Role.RESTORED: 1, Role.DAMAGE_MASK: 1})
        digests |= {file.role: file.sha256 for file in restored[1].files}
        colorized = self._stage(
            "colorization",
            digests[Role.RESTORED],
            scan.id,
            take,
            {Role.COLORIZED: 3, Role.CONFIDENCE: 1},
            for_review=True,
        )
        digests |= {file.role: file.sha256 for file in colorized[1].files}
        return Photograph(accession, scan.id, colorized[0], digests)

    def add_provenance(self, photograph: Photograph, *nodes: dict[str, object]) -> Photograph:
        """Send a photograph to review with a provenance record of these nodes; others are another version."""
        colorized = photograph.digests[Role.COLORIZED]
        key = stage_key(
            input_sha256=colorized, stage="provenance", version="1", parameters={"told": str(nodes)}
        )

        def work(folder: Path) -> StageResult:
            path = folder / "provenance.jsonld"
            path.write_text(json.dumps({"@context": {}, "@graph": nodes}))
            record = describe_output(path, folder, Role.PROVENANCE)
            return StageResult("provenance", "1", colorized, (record,))

        result = self.store.produce(key, work).result
        recorded = outcomes.record_success(
            self.engine, photograph.scan_id, key, result, EVENT_CONTEXT, for_review=True
        )
        return replace(photograph, version_id=recorded.version.id)

    def review(self, photograph: Photograph) -> Review:
        with self.engine.connect() as connection:
            return reviews.of_version(connection, photograph.version_id)

    def decide(self, photograph: Photograph, decision: ReviewState, reason: str = "") -> None:
        with self.engine.begin() as connection:
            review = reviews.of_version(connection, photograph.version_id)
            reviews.decide(connection, review.id, decision, ARCHIVIST, reason=reason)

    def _scan(self, accession: str) -> Path:
        path = self.scratch / f"{accession.replace('/', '_')}.png"
        seed = sum(accession.encode())
        ramp = np.add.outer(np.arange(HEIGHT), np.arange(WIDTH) + seed).astype(np.uint8)
        pyvips.Image.new_from_array(ramp).write_to_file(str(path))
        return path

    def _stage(
        self,
        stage: str,
        input_sha256: str,
        scan_id: int,
        take: int,
        bands: dict[Role, int],
        *,
        for_review: bool = False,
    ) -> tuple[int, StageResult]:
        key = stage_key(input_sha256=input_sha256, stage=stage, version="1", parameters={"take": take})

        def work(folder: Path) -> StageResult:
            files = tuple(
                self._picture(folder, role, count, input_sha256, take) for role, count in bands.items()
            )
            coloring = stage == "colorization"
            return StageResult(
                stage,
                "1",
                input_sha256,
                files,
                models=(MODEL,) if coloring else (),
                figures={"mean_confidence": 0.8} if coloring else {"damage_share": 0.05},
                regions=() if coloring else ({"kind": "dust", "polygon": [[5, 5], [9, 5], [9, 9]]},),
            )

        # Hints are followed or not by when they were given: the stages need true times.
        now = datetime.now(UTC)
        result = self.store.produce(key, work).result
        recorded = outcomes.record_success(
            self.engine,
            scan_id,
            key,
            result,
            replace(EVENT_CONTEXT, started_at=now, ended_at=now),
            for_review=for_review,
        )
        return recorded.version.id, result

    def _picture(self, folder: Path, role: Role, bands: int, seed: str, take: int) -> OutputFile:
        path = folder / f"{role}.tif"
        level = (int(seed[:4], 16) + 40 * take + 7 * len(role)) % 200
        image = pyvips.Image.black(WIDTH, HEIGHT, bands=bands) + [level + 10 * band for band in range(bands)]
        image = image.cast("uchar").copy(interpretation="srgb" if bands == 3 else "b-w")
        write_pyramid(image, path)
        return describe_output(path, folder, role, width=WIDTH, height=HEIGHT, bits=8)


def make_archive(engine: Engine, folder: Path) -> Archive:
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    return Archive(engine, Store(folder / "store"), scratch)
