"""What a publication puts before the public is recorded once, and again when it changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from catalog.schema import EventType, ReviewState
from catalog.schema import events as event_table
from operators.work.publishing import publish_collection
from tests.catalog.iiif.archive import Archive, make_archive

BASE = "https://static.example/harbor"


@pytest.fixture
def archive(engine: Engine, tmp_path: Path) -> Archive:
    archive = make_archive(engine, tmp_path)
    for accession in ("1987.1", "1987.2"):
        archive.decide(archive.add(accession, collection="harbor"), ReviewState.APPROVED)
    return archive


def disseminated(archive: Archive) -> list[str]:
    query = select(event_table.c.detail).where(event_table.c.type == EventType.DISSEMINATION)
    with archive.engine.connect() as connection:
        return sorted(connection.execute(query).scalars())


def test_only_what_is_new_or_changed_on_the_site_is_disseminated(archive: Archive, tmp_path: Path) -> None:
    def publish(address: str) -> dict[str, int]:
        root = archive.store.root
        return publish_collection(archive.engine, root, "harbor", tmp_path / "site", address).counts()

    first = publish(BASE)
    recorded = disseminated(archive)
    assert first["created"] == len(set(recorded)) == 2
    assert all(detail.startswith(f"{BASE}/") for detail in recorded)
    assert publish(BASE)["written"] == 0
    assert disseminated(archive) == recorded
    assert publish("https://elsewhere.example")["updated"] == 2
    assert len(disseminated(archive)) == 4
