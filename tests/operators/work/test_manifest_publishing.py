"""What a manifest names can be served."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from catalog.iiif.addresses import Addresses
from catalog.iiif.presentation import Audience
from catalog.site.site import Site
from imaging.stage import Role
from operators.outcome import ScanReference
from operators.progress import Progress
from operators.work.manifest_publishing import ManifestPublishing
from tests.catalog.iiif.archive import make_archive


def test_a_large_original_can_be_served_once_it_is_described(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.catalog.iiif.archive.WIDTH", 1400)
    monkeypatch.setattr("tests.catalog.iiif.archive.HEIGHT", 1000)
    archive, addresses = make_archive(engine, tmp_path), Addresses("https://photographs.example")
    photograph = archive.add("1987.1")
    publishing = ManifestPublishing(engine, addresses, store_root=archive.store.root)
    publishing.process(ScanReference(photograph.scan_id), Progress(1))
    served = Site(engine, archive.store.root, addresses, Audience.STAFF).resolve(
        photograph.digests[Role.ORIGINAL]
    )
    assert served is not None
    assert (served.ready, served.pyramid) == (True, True)
