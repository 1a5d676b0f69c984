"""A collection is published as far as it can be, and what could not be fails the task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from catalog.schema import EventType, ReviewState, events
from catalog.store import Store
from imaging.errors import StoreError
from imaging.stage import Role
from operators.publish_collection import PublishCollectionOperator
from tests.catalog.iiif.archive import make_archive


@dataclass(frozen=True)
class Hook:
    engine: Engine
    store: Store

    def close(self) -> None: ...


def test_lost_photographs_fail_the_task_when_the_others_are_published_and_recorded(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_archive(engine, tmp_path)
    broken, sound = (archive.add(number, collection="harbor") for number in ("1987.1", "1987.2"))
    for photograph in (broken, sound):
        archive.decide(photograph, ReviewState.APPROVED)
    (original,) = archive.store.root.rglob(f"{broken.digests[Role.ORIGINAL]}*")
    whole = original.read_bytes()
    original.chmod(0o600)
    original.write_bytes(b"damaged")
    monkeypatch.setattr("operators.publish_collection.CatalogHook", lambda: Hook(engine, archive.store))
    monkeypatch.setattr("operators.settings.site", lambda: tmp_path / "site")
    publishing = PublishCollectionOperator(task_id="publish", slug="harbor")
    with pytest.raises(StoreError, match=r"1 photographs could not be published: 1987\.1"):
        publishing.execute({})
    with engine.connect() as connection:
        query = select(events.c.scan_id).where(events.c.type == EventType.DISSEMINATION)
        assert set(connection.execute(query).scalars()) == {sound.scan_id}
    original.write_bytes(whole)
    assert publishing.execute({})["created"] == 1
