"""One photograph's way through all workers, without Airflow: what comes out, and what a repeat changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage import data
from sqlalchemy import Engine, func, select

from catalog import (
    collections,
    derivatives,
    due,
    events,
    given_hints,
    kinds,
    manifests,
    objects,
    reviews,
    scans,
)
from catalog.agents import person
from catalog.iiif.addresses import Addresses
from catalog.provenance.audit import AuditOptions, audit_fixity
from catalog.provenance.cataloged import CatalogRegister
from catalog.provenance.identity import development_identity
from catalog.provenance.verify import verify_object
from catalog.schema import ReviewState, ScanState, metadata
from catalog.store import Store
from colorization.options import ColorizationOptions
from imaging.scan import open_scan
from imaging.scan_kind import ScanKind
from imaging.stage import ModelReference, Role
from operators.outcome import ScanReference
from operators.progress import Progress
from operators.work.collection_publishing import publish_collection
from operators.work.colorization import Coloring
from operators.work.ingestion import Ingestion
from operators.work.manifest_publishing import ManifestPublishing
from operators.work.restoration import Restoring
from operators.work.tagging import Tagging
from restoration.options import RestorationOptions
from tests.operators.conftest import Photographer, picture

Way = Callable[..., tuple[ScanReference, ...]]


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

    def go(name: str = "1987.12.tif", scans: tuple[int, ...] = ()) -> tuple[ScanReference, ...]:
        workers = (
            Restoring(engine, store, RestorationOptions(tile=128, device="cpu", threads=1)),
            Coloring(engine, store, ColorizationOptions(), Sepia()),
            Tagging(engine, store, identity=identity, agent="a test"),
            ManifestPublishing(engine, Addresses("https://photographs.example")),
        )
        references = tuple(ScanReference(scan) for scan in scans)
        references = references or Ingestion(engine, store, inbox).process(name, Progress(1)).scans
        for worker in workers:
            references = tuple(worker.process(reference, Progress(1)).scans[0] for reference in references)
        return references

    return go


def test_photograph_comes_out_colored_documented_and_under_review(engine: Engine, way: Way) -> None:
    (reference,) = way()
    with engine.connect() as connection:
        restored, colorized, tagged = (derivatives.get(connection, number) for number in reference.versions)
        review = reviews.of_version(connection, tagged.id)
        scan = scans.get(connection, reference.scan)
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
        blue = given_hints.Hint(
            x=0.5, y=0.5, radius=0.9, a=2, b=-30, source="coat: Prussian blue, letter 1912-04-03"
        )
        given_hints.give(connection, first.scan, [blue], person("A. Novak"))
    (second,) = way()
    assert second.versions[0] == first.versions[0]
    assert second.versions[1:] != first.versions[1:]
    with engine.connect() as connection:
        states = [review.state for review in reviews.of_scan(connection, first.scan)]
    assert states == [ReviewState.SUPERSEDED, ReviewState.PENDING]


def test_sent_back_photograph_gets_a_new_version_though_its_file_has_left_the_inbox(
    engine: Engine, inbox: Path, way: Way
) -> None:
    (first,) = way()
    (inbox / "1987.12.tif").unlink()
    with engine.begin() as connection:
        blue = given_hints.Hint(x=0.5, y=0.5, radius=0.9, a=2, b=-30, source="coat: Prussian blue, letter")
        review = reviews.of_version(connection, first.versions[-1])
        archivist = person("A. Novak")
        reviews.decide(
            connection, review.id, ReviewState.RETURNED, archivist, reason="The coat is blue.", given=[blue]
        )
        owed = due.due(connection)
    assert [(one.scan, one.reason) for one in owed] == [(first.scan, due.Reason.RETURNED)]
    (second,) = way(scans=tuple(one.scan for one in owed))
    with engine.connect() as connection:
        assert due.due(connection) == ()
        states = [review.state for review in reviews.of_scan(connection, first.scan)]
        colored = derivatives.get(connection, second.versions[1])
    assert states == [ReviewState.RETURNED, ReviewState.PENDING]
    assert second.versions[0] == first.versions[0] and colored.number == 2


def test_quarantined_derivative_is_made_anew_though_its_file_has_left_the_inbox(
    engine: Engine, store: Store, inbox: Path, way: Way
) -> None:
    (reference,) = way()
    (inbox / "1987.12.tif").unlink()
    with engine.connect() as connection:
        restored = derivatives.get(connection, reference.versions[0])
    master = store.resolve(restored.derivative(Role.RESTORED).path)
    before = master.read_bytes()
    master.chmod(0o644)
    master.write_bytes(bytes(len(before)))
    report = audit_fixity(engine, store, AuditOptions(turn=0, of=1, occasion="a test"))
    assert [failure.address for failure in report.losses] == [restored.store_key] and not master.exists()
    with engine.connect() as connection:
        owed = due.due(connection)
    assert [(one.scan, one.reason) for one in owed] == [(reference.scan, due.Reason.LOST)]
    (again,) = way(scans=(reference.scan,))
    assert again.versions[:2] == reference.versions[:2] and master.read_bytes() == before
    with engine.connect() as connection:
        assert due.due(connection) == ()
        waiting = reviews.of_version(connection, again.versions[-1])
    assert waiting.state is ReviewState.PENDING


@pytest.fixture
def album(inbox: Path) -> str:
    """A file of three pages: one with noise, and two in which there is nothing to restore."""
    pages = [np.asarray(picture("L", 1)), _clean(), _clean()[:, ::-1].copy()]
    with tifffile.TiffWriter(inbox / "1991.4.tif") as file:
        for page in pages:
            file.write(page, photometric="minisblack")
    return "1991.4.tif"


def test_every_page_of_a_file_is_reviewed_approved_and_published(
    engine: Engine, store: Store, album: str, way: Way, tmp_path: Path
) -> None:
    references = way(album)
    assert way(album) == references
    numbers = [f"1991.4 p. {page}" for page in (1, 2, 3)]
    with engine.begin() as connection:
        collections.ensure(connection, "albums")
        collections.add(connection, "albums", [objects.get(connection, n).id for n in numbers])
        waiting = [reviews.of_version(connection, reference.versions[-1]) for reference in references]
        assert [review.state for review in waiting] == [ReviewState.PENDING] * 3
        for review in waiting:
            reviews.decide(connection, review.id, ReviewState.APPROVED, person("A. Novak"))
        register = CatalogRegister(connection, store)
        verified = [v for number in numbers for v in verify_object(number, register)]
        assert [scans.get(connection, reference.scan).page for reference in references] == [0, 1, 2]
    assert [v for v in verified if not v.agrees] == []

    address = "https://static.example/albums"
    published = publish_collection(engine, store.root, "albums", tmp_path / "site", address)
    assert (published.counts()["created"], published.lost) == (3, ())
    written = (tmp_path / "site" / "iiif" / "manifests").glob("*/manifest.json")
    shown = [json.loads(manifest.read_text())["items"][0]["items"][0]["items"] for manifest in written]
    assert len(shown) == 3 and all(len(annotations[0]["body"]["items"]) >= 2 for annotations in shown)


def test_restored_photograph_that_comes_in_as_a_scan_goes_the_whole_way(
    engine: Engine, store: Store, inbox: Path, way: Way
) -> None:
    Image.fromarray(_clean()).save(inbox / "a.tif")
    (reference,) = way("a.tif")
    with engine.connect() as connection:
        master = derivatives.get(connection, reference.versions[0]).derivative(Role.RESTORED)
    (inbox / "b.tif").write_bytes(store.resolve(master.path).read_bytes())
    (again,) = way("b.tif")
    with engine.connect() as connection:
        restored = derivatives.get(connection, again.versions[0])
        assert restored.input_sha256 == restored.derivative(Role.RESTORED).sha256, "nothing was to be done"
        assert reviews.of_version(connection, again.versions[-1]).state is ReviewState.PENDING
        verified = verify_object("b", CatalogRegister(connection, store))
    assert [v for v in verified if not v.agrees] == []


def _clean() -> np.ndarray:
    return np.tile(np.linspace(40, 220, 96).astype(np.uint8), (64, 1))


def test_scans_of_equal_pixels_are_told_apart(engine: Engine, store: Store, inbox: Path, way: Way) -> None:
    picture("L").save(inbox / "1990.1.tif", compression="tiff_lzw")
    picture("L").save(inbox / "1990.2.tif")
    (one,), (other,) = way("1990.1.tif"), way("1990.2.tif")
    with engine.connect() as connection:
        masters = [derivatives.get(connection, p.versions[0]).derivative(Role.RESTORED) for p in (one, other)]
        for reference in (one, other):
            assert len(events.of_scan(connection, reference.scan)) == 2 + len(reference.versions)
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
