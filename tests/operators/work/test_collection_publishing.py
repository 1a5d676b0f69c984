"""What a publication puts before the public is recorded once, and again when it changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import OperationalError

from catalog.schema import EventType, ReviewState
from catalog.schema import events as event_table
from operators.work.collection_publishing import publish_collection
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


def test_a_crash_while_recording_loses_no_dissemination(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def publish() -> dict[str, int]:
        root = archive.store.root
        return publish_collection(archive.engine, root, "harbor", tmp_path / "site", BASE).counts()

    def away(*_: object) -> None:
        raise OperationalError("INSERT", None, Exception("the server closed the connection"))

    with monkeypatch.context() as patched:
        patched.setattr("operators.work.collection_publishing.in_transaction", away)
        with pytest.raises(OperationalError):
            publish()
    assert not disseminated(archive)
    publish()
    recorded = disseminated(archive)
    assert len(recorded) == 2
    publish()
    assert disseminated(archive) == recorded


def test_a_crash_after_recording_records_nothing_twice(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.site import site_folder

    def publish() -> dict[str, int]:
        root = archive.store.root
        return publish_collection(archive.engine, root, "harbor", tmp_path / "site", BASE).counts()

    write = site_folder._write

    def killed(path: Path, state: site_folder.SiteState) -> None:
        if state.manifests:
            raise KeyboardInterrupt
        write(path, state)

    with monkeypatch.context() as patched:
        patched.setattr(site_folder, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            publish()
    recorded = disseminated(archive)
    assert len(recorded) == 2
    assert publish()["created"] == 2
    assert disseminated(archive) == recorded


def test_no_transaction_is_open_while_pictures_are_rendered(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.site import static_site

    idle = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
    )
    open_transactions = []
    render = static_site.write_static_image

    def watched(*arguments: object) -> None:
        with archive.engine.connect() as connection:
            open_transactions.append(connection.execute(idle).scalar_one())
        render(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(static_site, "write_static_image", watched)
    publish_collection(archive.engine, archive.store.root, "harbor", tmp_path / "site", BASE)
    assert set(open_transactions) == {0}
