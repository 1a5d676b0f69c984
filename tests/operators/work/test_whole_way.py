"""One photograph's way through all workers, without Airflow: what comes out, and what a repeat changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from sqlalchemy import Engine, func, select

from catalog import derivatives, events, hints, kinds, manifests, reviews, scans
from catalog.agents import person
from catalog.iiif.addresses import Addresses
from catalog.provenance.cataloged import CatalogRegister
from catalog.provenance.identity import development_identity
from catalog.provenance.verify import verify_object
from catalog.schema import ReviewState, ScanState, metadata
from catalog.store import Store
from colorization.options import ColorizationOptions
from imaging.scan import open_scan
from imaging.scan_kind import ScanKind
from imaging.stage import ModelReference, Role
from operators.outcome import Passage
from operators.progress import Progress
from operators.work.colorization import Coloring
from operators.work.description import Describing
from operators.work.ingestion import Ingestion
from operators.work.restoration import Restoring
from operators.work.tagging import Tagging
from restoration.options import RestorationOptions
from tests.operators.conftest import Photographer, picture

Way = Callable[..., tuple[Passage, ...]]


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

    def go(name: str = "1987.12.tif") -> tuple[Passage, ...]:
        workers = (
            Restoring(engine, store, RestorationOptions(tile=128, device="cpu", threads=1)),
            Coloring(engine, store, ColorizationOptions(), Sepia()),
            Tagging(engine, store, identity=identity, agent="a test"),
            Describing(engine, Addresses("https://photographs.example")),
        )
        passages = Ingestion(engine, store, inbox).process(name, Progress(1)).scans
        for worker in workers:
            passages = tuple(worker.process(passage, Progress(1)).scans[0] for passage in passages)
        return passages

    return go


def test_photograph_comes_out_colored_documented_and_under_review(engine: Engine, way: Way) -> None:
    (passage,) = way()
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
    (first,) = way()
    with engine.begin() as connection:
        blue = hints.Hint(
            x=0.5, y=0.5, radius=0.9, a=2, b=-30, source="coat: Prussian blue, letter 1912-04-03"
        )
        hints.give(connection, first.scan, [blue], person("A. Novak"))
    (second,) = way()
    assert second.versions[0] == first.versions[0]
    assert second.versions[1:] != first.versions[1:]
    with engine.connect() as connection:
        states = [review.state for review in reviews.of_scan(connection, first.scan)]
    assert states == [ReviewState.SUPERSEDED, ReviewState.PENDING]


def test_every_page_of_a_file_goes_the_whole_way(engine: Engine, store: Store, inbox: Path, way: Way) -> None:
    first, second = (picture("L", seed, (96, 64)) for seed in (1, 2))
    first.save(inbox / "1991.4.tif", save_all=True, append_images=[second])
    passages = way("1991.4.tif")
    assert way("1991.4.tif") == passages
    with engine.connect() as connection:
        shown = [scans.get(connection, passage.scan) for passage in passages]
        states = [reviews.of_version(connection, passage.versions[-1]).state for passage in passages]
        register = CatalogRegister(connection, store)
        verified = [v for page in (1, 2) for v in verify_object(f"1991.4 p. {page}", register)]
    assert [scan.page for scan in shown] == [0, 1]
    assert states == [ReviewState.PENDING] * 2
    assert all(verification.agrees for verification in verified)


def test_scans_of_equal_pixels_are_told_apart(engine: Engine, store: Store, inbox: Path, way: Way) -> None:
    picture("L").save(inbox / "1990.1.tif", compression="tiff_lzw")
    picture("L").save(inbox / "1990.2.tif")
    (one,), (other,) = way("1990.1.tif"), way("1990.2.tif")
    with engine.connect() as connection:
        masters = [derivatives.get(connection, p.versions[0]).derivative(Role.RESTORED) for p in (one, other)]
        for passage in (one, other):
            assert len(events.of_scan(connection, passage.scan)) == 2 + len(passage.versions)
        register = CatalogRegister(connection, store)
        verified = [v for number in ("1990.1", "1990.2") for v in verify_object(number, register)]
    assert masters[0].sha256 == masters[1].sha256
    assert all(verification.agrees for verification in verified)


def _rows(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in metadata.sorted_tables
        }


def _files(store: Store) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in store.root.rglob("*") if path.is_file()}


def test_a_color_photograph_keeps_its_colors_until_somebody_says_it_has_none(
    engine: Engine, store: Store, inbox: Path, way: Way
) -> None:
    Image.fromarray(data.coffee()[:200, :300]).save(inbox / "1992.1.tif")
    (kept,) = way("1992.1.tif")
    with engine.connect() as connection:
        tagged = derivatives.get(connection, kept.versions[-1])
        scan = scans.get(connection, kept.scan)
        manifest = manifests.find(connection, scan.object_id).document
    roles = {file.role for file in tagged.derivatives}
    assert Role.RESTORED in roles and not roles & {Role.COLORIZED, Role.CONFIDENCE}
    assert "inferred by a model" not in manifest
    restored = open_scan(store.resolve(tagged.derivative(Role.RESTORED).path)).numpy().astype(int)
    assert restored.shape[2] == 3
    assert np.abs(restored - data.coffee()[:200, :300]).mean() < 4

    archivist = person("A. Novak")
    with engine.begin() as connection:
        kinds.overrule(connection, kept.scan, ScanKind.TONED, archivist)
    (colored,) = way("1992.1.tif")
    with engine.begin() as connection:
        tagged = derivatives.get(connection, colored.versions[-1])
        kinds.forbid(connection, scan.object_id, True, archivist)
    assert tagged.derivative(Role.COLORIZED)
    (forbidden,) = way("1992.1.tif")
    assert forbidden.versions == kept.versions
    with engine.connect() as connection:
        assert reviews.of_version(connection, forbidden.versions[-1]).state is ReviewState.PENDING
        assert reviews.of_version(connection, colored.versions[-1]).state is ReviewState.SUPERSEDED
