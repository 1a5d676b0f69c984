"""One photograph's way through all workers, without Airflow: what comes out, and what a repeat changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from catalog import derivatives, hints, manifests, reviews, scans
from catalog.agents import person
from catalog.iiif.addresses import Addresses
from catalog.provenance.identity import development_identity
from catalog.schema import ReviewState, ScanState, metadata
from catalog.store import Store
from colorization.options import ColorizationOptions
from imaging.stage import ModelReference, Role
from operators.outcome import Passage
from operators.progress import Progress
from operators.work.colorization import Coloring
from operators.work.description import Describing
from operators.work.ingestion import Ingestion
from operators.work.restoration import Restoring
from operators.work.tagging import Tagging
from restoration.options import RestorationOptions
from tests.operators.conftest import Photographer

Way = Callable[[], Passage]


@dataclass(frozen=True)
class Seen:
    ab: np.ndarray
    confidence: np.ndarray


class Sepia:
    """Stands in for the network: one warm color everywhere, and half sure of it."""

    reference = ModelReference("sepia", "1", "0" * 64)

    def predict(self, lightness: np.ndarray, hints: np.ndarray | None = None) -> Seen:
        count, _, height, width = lightness.shape
        color = np.broadcast_to(np.float32([5, 15])[None, :, None, None], (count, 2, height, width))
        return Seen(color.copy(), np.full((count, 1, height, width), 0.5, np.float32))


@pytest.fixture
def way(engine: Engine, store: Store, inbox: Path, photograph: Photographer, tmp_path: Path) -> Way:
    photograph("1987.12.tif")
    identity = development_identity(tmp_path / "signing")

    def go() -> Passage:
        workers = (
            Restoring(engine, store, RestorationOptions(tile=128, device="cpu", threads=1)),
            Coloring(engine, store, ColorizationOptions(), Sepia()),
            Tagging(engine, store, identity=identity, agent="a test"),
            Describing(engine, Addresses("https://photographs.example")),
        )
        (passage,) = Ingestion(engine, store, inbox).process("1987.12.tif", Progress(1)).scans
        for worker in workers:
            (passage,) = worker.process(passage, Progress(1)).scans
        return passage

    return go


def test_photograph_comes_out_colored_documented_and_under_review(engine: Engine, way: Way) -> None:
    passage = way()
    with engine.connect() as connection:
        restored, colorized, tagged = (derivatives.get(connection, number) for number in passage.versions)
        review = reviews.of_version(connection, tagged.id)
        scan = scans.get(connection, passage.scan)
        manifest = json.loads(manifests.find(connection, scan.object_id).document)
    assert colorized.input_sha256 == restored.derivative(Role.RESTORED).sha256
    assert colorized.figures["mean_confidence"] == pytest.approx(0.5, abs=0.01)
    roles = {file.role for file in tagged.derivatives}
    assert roles >= {Role.RESTORED, Role.COLORIZED, Role.ACCESS_COPY, Role.PROVENANCE}
    assert (review.state, scan.state) == (ReviewState.PENDING, ScanState.PROCESSED)
    (body,) = (a["body"] for a in manifest["items"][0]["items"][0]["items"])
    assert body["type"] == "Choice" and len(body["items"]) >= 4
    assert "inferred by a model" in json.dumps(manifest["requiredStatement"])


def test_repeat_changes_no_row_and_no_file(engine: Engine, store: Store, way: Way) -> None:
    first = way()
    before = _rows(engine), _files(store)
    assert way() == first
    assert (_rows(engine), _files(store)) == before


def test_hint_makes_a_new_version_and_supersedes_the_review(engine: Engine, way: Way) -> None:
    first = way()
    with engine.begin() as connection:
        blue = hints.Hint(
            x=0.5, y=0.5, radius=0.9, a=2, b=-30, source="coat: Prussian blue, letter 1912-04-03"
        )
        hints.give(connection, first.scan, [blue], person("A. Novak"))
    second = way()
    assert second.versions[0] == first.versions[0]
    assert second.versions[1:] != first.versions[1:]
    with engine.connect() as connection:
        states = [review.state for review in reviews.of_scan(connection, first.scan)]
    assert states == [ReviewState.SUPERSEDED, ReviewState.PENDING]


def _rows(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in metadata.sorted_tables
        }


def _files(store: Store) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in store.root.rglob("*") if path.is_file()}
