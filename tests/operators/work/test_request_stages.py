"""A request's way through the real stages, with the model that ships."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage import data
from sqlalchemy import Engine

from catalog import derivatives, kinds, objects, recolorings, requests, reviews, scans, tokens
from catalog.agents import person
from catalog.database import in_transaction
from catalog.iiif.addresses import Addresses
from catalog.objects import ObjectRecord
from catalog.provenance.identity import development_identity
from catalog.provenance.verify import verify_file
from catalog.request_files import RequestFiles
from catalog.request_options import HintOption, RequestOptions
from catalog.requests import Request, RequestLimits, Upload
from catalog.schema import RequestState, ReviewState, TokenScope
from catalog.store import Store
from imaging.stage import Role
from operators.on_request import RequestWorker
from operators.work.request_filing import Filing
from operators.work.request_stages import RequestStages

LIMITS = RequestLimits()


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    grey = np.asarray(Image.fromarray(data.astronaut()).convert("L"))
    path = tmp_path / "grandmother.jpg"
    Image.fromarray(grey).save(path, quality=95)
    return path


@pytest.fixture
def stages(engine: Engine, store: Store, tmp_path: Path) -> RequestStages:
    identity = development_identity(tmp_path / "signing")
    filing = Filing(engine, store, Addresses("https://photographs.example"), identity)
    files = RequestFiles(tmp_path / "requests")
    return RequestStages(engine, files, LIMITS, identity=identity, filing=filing)


@pytest.fixture
def client(engine: Engine) -> tokens.ApiToken:
    with engine.begin() as connection:
        found = tokens.find(connection, tokens.create(connection, "bot", [TokenScope.REQUEST], by="test"))
    assert found is not None
    return found


Answer = Callable[..., Request]


@pytest.fixture
def answer(engine: Engine, stages: RequestStages, client: tokens.ApiToken) -> Answer:
    def do(path: Path, **options: Any) -> Request:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        with Image.open(path) as opened:
            upload = Upload(path, sha256, path.name, *opened.size)
        asked = in_transaction(
            engine,
            lambda c: requests.admit(
                c, stages.files, client, upload, RequestOptions(**options), limits=LIMITS
            ),
        ).request
        RequestWorker(engine, stages.files, stages, LIMITS).work_once()
        with engine.connect() as connection:
            return requests.by_id(connection, asked.id)

    return do


def test_a_photograph_comes_back_colored_labeled_and_with_its_doubt(
    stages: RequestStages, photograph: Path, answer: Answer
) -> None:
    finished = answer(photograph, alternatives=1)
    assert finished.state is RequestState.FINISHED, finished.reason
    results = stages.files.results(finished.sha256, finished.entries)
    assert {"preview.jpg", "colorized.jpg", "colorized.tif", "restored.tif", "confidence.tif"} <= set(results)
    assert {"alternative-1.tif", "alternative-1.jpg", "provenance.json", "doubt.json"} <= set(results)
    with Image.open(results["preview.jpg"].path) as preview:
        assert preview.size == (512, 512)
        rgb = np.asarray(preview).astype(int)
    assert np.ptp(rgb, axis=2).mean() > 3
    packet = results["preview.jpg"].path.read_bytes()
    assert b"compositeWithTrainedAlgorithmicMedia" in packet and b"inferred by a model" in packet
    assert tifffile.imread(results["colorized.tif"].path, key=0).shape == (512, 512, 3)
    assert verify_file(results["colorized.jpg"].path).agrees
    told = json.loads(results["doubt.json"].path.read_text())
    assert 0 < told["mean_confidence"] < 1
    provenance = results["provenance.json"].path.read_text()
    assert "on request" in provenance and "grandmother.jpg" in provenance


def test_what_is_no_photograph_without_colors_is_refused_with_the_cure(
    photograph: Path, tmp_path: Path, answer: Answer
) -> None:
    path = tmp_path / "colors.png"
    Image.fromarray(data.astronaut()).save(path)
    refused = answer(path)
    assert refused.state is RequestState.REFUSED
    assert "kind: monochrome" in (refused.remedy or "")
    restored = answer(path, colorize=False)
    assert restored.state is RequestState.FINISHED
    assert set(restored.entries) == {"restoration", "provenance", "views"}


def test_what_the_catalog_forbids_to_color_is_not_colored_on_request(
    engine: Engine, photograph: Path, answer: Answer
) -> None:
    first = answer(photograph, keep="catalog", accession_number="1987.12")
    assert first.state is RequestState.FINISHED, first.reason
    with engine.begin() as connection:
        shown = objects.get(connection, "1987.12")
        kinds.forbid(connection, shown.id, True, person("A. Rchivist"))
    refused = answer(photograph, alternatives=1)
    assert refused.state is RequestState.REFUSED
    assert "must not be colored" in (refused.reason or "")


def test_what_is_kept_waits_for_review_and_nothing_is_made_twice(
    engine: Engine, stages: RequestStages, store: Store, photograph: Path, answer: Answer
) -> None:
    hint = {"x": 0.3, "y": 0.9, "radius": 0.05, "a": 30, "b": 40, "source": "the suit is orange: a letter"}
    kept = answer(photograph, keep="catalog", accession_number="1987.12", hints=(hint,))
    assert kept.accession_number == "1987.12"
    with engine.connect() as connection:
        shown = objects.get(connection, "1987.12")
        (scan,) = scans.of_object(connection, shown.id)
        made = derivatives.of_scan(connection, scan.id)
        review = reviews.of_version(connection, made[-1].id)
    assert shown.published_at is None
    assert review.state is ReviewState.PENDING
    keys = {version.stage: version.store_key for version in made}
    (tagged,) = (version for version in made if version.stage == "provenance")
    record = store.resolve(tagged.derivative(Role.PROVENANCE).path).read_text()
    assert "the suit is orange" in record
    assert keys["restoration"] == kept.entries["restoration"]
    assert keys["colorization"] == kept.entries["colorization"]
    assert store.verify(keys["colorization"]) == ()
    with engine.begin() as connection:
        requests.withdraw(connection, stages.files, kept)
    assert store.verify(keys["colorization"]) == ()


def test_a_photograph_of_another_number_is_not_filed_twice(
    engine: Engine, photograph: Path, answer: Answer
) -> None:
    answer(photograph, keep="catalog", accession_number="1987.12")
    failed = answer(photograph, keep="catalog", accession_number="1987.13")
    assert failed.state is RequestState.FAILED
    assert "1987.12" in (failed.reason or "")
    with engine.connect() as connection:
        assert objects.find(connection, "1987.13") is None


def test_hints_recolor_a_view_and_the_same_hints_the_same_view(
    engine: Engine, stages: RequestStages, client: tokens.ApiToken, photograph: Path, answer: Answer
) -> None:
    finished = answer(photograph)
    hint = HintOption(x=0.25, y=0.85, radius=0.03, a=40, b=30, source="a letter")
    worker = RequestWorker(engine, stages.files, stages, LIMITS)
    entries = []
    for _ in range(2):
        with engine.begin() as connection:
            asked = recolorings.ask(connection, finished, client, [hint])
        assert worker.try_hints()
        with engine.connect() as connection:
            shown = recolorings.get(connection, finished, asked.uuid)
        entries.append(shown.entry)
    assert entries[0] == entries[1]
    assert shown is not None and shown.state is RequestState.FINISHED
    (outcome,) = shown.outcome
    assert np.linalg.norm(np.subtract(outcome["reached"], outcome["holdable"])) < 3
    store = stages.files.store(finished.sha256)
    result = store.find(shown.entry)
    with Image.open(store.path(shown.entry, result.files[0])) as view:
        assert view.size == (512, 512)
        there = np.asarray(view)[425:445, 118:138].reshape(-1, 3).mean(0)
    assert there[0] > there[2] + 15


def test_a_photograph_s_name_may_be_anything(photograph: Path, tmp_path: Path, answer: Answer) -> None:
    odd = tmp_path / "Großmutter <b>&\u202e.jpg"
    odd.write_bytes(photograph.read_bytes())
    assert answer(odd).state is RequestState.FINISHED


def test_requests_are_no_scans_of_the_catalog(engine: Engine, photograph: Path, answer: Answer) -> None:
    answer(photograph)
    with engine.connect() as connection:
        assert objects.listed(connection) == ()
        assert scans.unresolved(connection, limit=10) == ()
        assert objects.find(connection, ObjectRecord(accession_number="x").accession_number) is None
