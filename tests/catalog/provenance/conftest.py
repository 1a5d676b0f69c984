"""A photograph that has been restored and colorized, small enough to tag in a fraction of a second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import pyvips

from catalog.provenance.cataloged import CatalogRegister
from catalog.provenance.identity import SigningIdentity, development_identity
from catalog.provenance.record import (
    Description,
    ProvenanceRecord,
    ScanFile,
    SourcedHint,
    StageRun,
    assemble,
)
from catalog.provenance.tag import StoredRun, TagInputs
from imaging.fixity import describe_output, sha256_file
from imaging.pyramid import write_pyramid
from imaging.stage import ModelReference, Role, StageResult

if TYPE_CHECKING:
    from tests.catalog.provenance.cataloged_photograph import Cataloged

WIDTH, HEIGHT = 700, 500
MODEL = ModelReference("heliochrome-color", "1.0", "c0" * 32)
HINT = SourcedHint(0.4, 0.5, 0.02, 3.0, -30.0, "coat: Prussian blue, letter 1912-04-03", "#2050c0")
START = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def description() -> Description:
    return Description(
        accession_number="1912.44/7 <A&B>",
        title="Straßenbahn vor dem “Café Řehoř”",
        maker="Žofie Müller",
        date_text="c. 1912",
        rights="http://creativecommons.org/publicdomain/mark/1.0/",
        source="Museum of Examples, Glass Plates",
        credit="Museum of Examples",
    )


@dataclass(frozen=True)
class Photograph:
    """The files of one photograph so far, and what is known of them."""

    inputs: TagInputs
    record: ProvenanceRecord
    restored: Path
    colorized: Path

    def result(self, index: int) -> StageResult:
        return self.inputs.runs[index].run.result


@pytest.fixture(scope="session")
def photograph(tmp_path_factory: pytest.TempPathFactory, description: Description) -> Photograph:
    return make_photograph(tmp_path_factory.mktemp("photograph"), description)


def make_photograph(folder: Path, description: Description) -> Photograph:
    grey = pyvips.Image.gaussnoise(WIDTH, HEIGHT, mean=128, sigma=30, seed=7).cast("uchar")
    grey = grey.copy(interpretation="b-w")
    scan = folder / "scan.tif"
    grey.tiffsave(str(scan))
    restored, colorized = folder / "restoration" / "restored.tif", folder / "colorization" / "colorized.tif"
    for path in (restored, colorized):
        path.parent.mkdir()
    write_pyramid(grey.gaussblur(1), restored)
    color = grey.bandjoin([grey.gaussblur(3), grey.gaussblur(5)]).copy(interpretation="srgb")
    write_pyramid(color, colorized)
    write_pyramid(grey, colorized.with_name("confidence.tif"))
    runs = (_restoration(scan, restored), _colorization(restored, colorized))
    original = ScanFile(sha256_file(scan), scan.name, "image/tiff", scan.stat().st_size, WIDTH, HEIGHT, 8)
    inputs = TagInputs(description, original, scan, runs)
    record = assemble(description, original, [stored.run for stored in runs])
    return Photograph(inputs, record, restored, colorized)


def _restoration(scan: Path, restored: Path) -> StoredRun:
    size = {"width": WIDTH, "height": HEIGHT, "bits": 8}
    result = StageResult(
        stage="restoration",
        version="1",
        input_sha256=sha256_file(scan),
        files=(describe_output(restored, restored.parent, Role.RESTORED, **size),),
        parameters={"denoise": 0.5, "mend": True, "profile": None},
        figures={"damage_share": 0.021},
    )
    return StoredRun(_run(result, START), restored.parent)


def _colorization(restored: Path, colorized: Path) -> StoredRun:
    size = {"width": WIDTH, "height": HEIGHT, "bits": 8}
    confidence = colorized.with_name("confidence.tif")
    result = StageResult(
        stage="colorization",
        version="1",
        input_sha256=sha256_file(restored),
        files=(
            describe_output(colorized, colorized.parent, Role.COLORIZED, **size),
            describe_output(confidence, colorized.parent, Role.CONFIDENCE, **size),
        ),
        models=(MODEL,),
        parameters={"vividness": 1.0},
        figures={"mean_confidence": 0.7},
    )
    return StoredRun(_run(result, START + timedelta(minutes=3), (HINT,)), colorized.parent)


def _run(result: StageResult, started: datetime, hints: tuple[SourcedHint, ...] = ()) -> StageRun:
    return StageRun(
        result=result,
        started=started,
        ended=started + timedelta(seconds=90),
        software_version="0.1.0",
        agent="DAG digitize, run manual__2026-11-20",
        machine="2 cores, 4 GiB, no accelerator",
        hints=hints,
    )


@pytest.fixture
def register(cataloged: Cataloged) -> Iterator[CatalogRegister]:
    """The catalog of the test's `cataloged` photograph, as verifying asks it."""
    with cataloged.engine.connect() as connection:
        yield CatalogRegister(connection, cataloged.store)


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> SigningIdentity:
    return development_identity(tmp_path_factory.mktemp("identity"))


def pixels(path: Path, page: int = 0) -> np.ndarray:
    return pyvips.Image.tiffload(str(path), page=page).numpy()
