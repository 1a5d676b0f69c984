"""Who publishes is named where it is configured, whole; what is described can be served."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from catalog.iiif.addresses import Addresses
from catalog.iiif.presentation import Audience
from catalog.iiif.records import Institution
from catalog.site.site import Site
from imaging.stage import Role
from operators.outcome import Passage
from operators.progress import Progress
from operators.work.description import Describing, publisher
from tests.catalog.iiif.archive import make_archive

NAME, PAGE = "AIRFLOW__HELIOCHROME__INSTITUTION", "AIRFLOW__HELIOCHROME__INSTITUTION_HOMEPAGE"


def test_the_configured_institution_publishes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "Harbor Museum")
    monkeypatch.setenv(PAGE, "https://harbor.example.org/")
    assert publisher() == Institution("Harbor Museum", "https://harbor.example.org/")


@pytest.mark.parametrize("named", [NAME, PAGE])
def test_half_an_institution_is_none(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (NAME, PAGE):
        monkeypatch.delenv(variable, raising=False)
    assert publisher() is None
    monkeypatch.setenv(named, "https://harbor.example.org/")
    assert publisher() is None


def test_a_large_original_can_be_served_once_it_is_described(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.catalog.iiif.archive.WIDTH", 1400)
    monkeypatch.setattr("tests.catalog.iiif.archive.HEIGHT", 1000)
    archive, addresses = make_archive(engine, tmp_path), Addresses("https://photographs.example")
    photograph = archive.add("1987.1")
    describing = Describing(engine, addresses, store_root=archive.store.root)
    describing.process(Passage(photograph.scan_id), Progress(1))
    served = Site(engine, archive.store.root, addresses, Audience.STAFF).resolve(
        photograph.digests[Role.ORIGINAL]
    )
    assert served is not None
    assert (served.ready, served.pyramid) == (True, True)
