"""The static site: complete, standards' own, and rewritten only where something changed."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from catalog import collections, objects
from catalog.iiif.addresses import Addresses
from catalog.iiif.presentation import Audience, provenance_files, shown_file, shown_object
from catalog.objects import ObjectRecord
from catalog.schema import ReviewState
from catalog.site.site import Site
from catalog.site.static_site import Published, publish
from imaging.errors import CatalogError, OptionsError, StoreError
from imaging.stage import Role
from tests.catalog.iiif.archive import Archive, Photograph, make_archive
from tests.catalog.iiif.conformance import assert_presentation

BASE = "https://static.example/harbor"


@pytest.fixture
def archive(engine: Engine, tmp_path: Path) -> Archive:
    return make_archive(engine, tmp_path)


def published(archive: Archive, folder: Path, **options: object) -> Published:
    return publish(archive.engine, archive.store.root, "harbor", folder, BASE, **options)  # type: ignore[arg-type]


def on_disk(folder: Path, address: str) -> Path:
    path = folder / address.removeprefix(f"{BASE}/")
    return path / "index.html" if path.is_dir() else path


def stamps(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_published_collection_is_complete(archive: Archive, folder: Path) -> None:
    archive.decide(archive.add("1987.12/3", title="Harbor", collection="harbor"), ReviewState.APPROVED)
    archive.add("1987.2", title="Not approved", collection="harbor")
    with archive.engine.begin() as connection:
        collections.upsert(connection, "piers", title="Piers", parent="harbor")
    archive.decide(archive.add("1987.3", collection="piers"), ReviewState.APPROVED)
    done = published(archive, folder)
    assert (done.photographs, done.created, done.updated, done.deleted) == (2, 2, 0, 0)
    assert done.removed == 0
    top = assert_presentation(on_disk(folder, f"{BASE}/iiif/collections/collection.json").read_bytes())
    harbor = assert_presentation(on_disk(folder, top["items"][0]["id"]).read_bytes())
    piers = assert_presentation(on_disk(folder, harbor["items"][0]["id"]).read_bytes())
    for reference in (harbor["items"][1], piers["items"][0]):
        manifest = assert_presentation(on_disk(folder, reference["id"]).read_bytes())
        assert "rendering" not in manifest
        canvas = manifest["items"][0]
        for body in canvas["items"][0]["items"][0]["body"]["items"]:
            assert on_disk(folder, body["id"]).is_file()
            assert body["service"][0]["profile"] == "level0"
            info = json.loads(on_disk(folder, f"{body['service'][0]['id']}/info.json").read_bytes())
            assert info["id"] == body["service"][0]["id"]
            assert info["profile"] == "level0"
        assert on_disk(folder, manifest["thumbnail"][0]["id"]).is_file()
        assert on_disk(folder, manifest["homepage"][0]["id"]).is_file()
        for link in manifest["partOf"]:
            assert on_disk(folder, link["id"]).is_file()
    landing = (folder / "index.html").read_text()
    assert "Harbor" in landing
    assert "Not approved" not in "".join(path.read_text() for path in folder.rglob("*.html"))
    for page in folder.rglob("*.html"):
        for attribute in ('src="', 'href="'):
            for rest in page.read_text().split(attribute)[1:]:
                link = rest.split('"')[0]
                if link.startswith("/"):
                    assert on_disk(folder, f"https://static.example{link}").is_file(), (page, link)


def test_a_publication_makes_the_copies_that_a_server_serves_originals_from(
    archive: Archive, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.catalog.iiif.archive.WIDTH", 1400)
    monkeypatch.setattr("tests.catalog.iiif.archive.HEIGHT", 1000)
    photograph = archive.add("1987.1", collection="harbor")
    archive.decide(photograph, ReviewState.APPROVED)
    site = Site(archive.engine, archive.store.root, Addresses(BASE), Audience.PUBLIC)
    published(archive, folder)
    served = site.resolve(photograph.digests[Role.ORIGINAL])
    assert served is not None
    assert (served.ready, served.pyramid) == (True, True)


def test_a_repeat_rewrites_nothing(archive: Archive, folder: Path) -> None:
    archive.decide(archive.add("1987.1", collection="harbor"), ReviewState.APPROVED)
    published(archive, folder)
    before = stamps(folder)
    done = published(archive, folder)
    assert (done.written, done.removed, done.created, done.updated) == (0, 0, 0, 0)
    changed = {path.name for path, stamp in stamps(folder).items() if before.get(path) != stamp}
    assert changed <= {".heliochrome-site.json"}


def test_only_what_changed_is_rewritten_and_told(archive: Archive, folder: Path) -> None:
    first = archive.add("1987.1", collection="harbor")
    second = archive.add("1987.2", collection="harbor")
    for photograph in (first, second):
        archive.decide(photograph, ReviewState.APPROVED)
    published(archive, folder)
    before = stamps(folder)
    again = archive.add("1987.1", take=1)
    archive.decide(again, ReviewState.APPROVED)
    archive.decide(second, ReviewState.REJECTED, "wrong")
    done = published(archive, folder)
    assert (done.photographs, done.created, done.updated, done.deleted) == (1, 0, 1, 1)
    after = stamps(folder)
    assert not [path for path in after if second.digests[Role.COLORIZED] in str(path)]
    assert not [path for path in after if first.digests[Role.COLORIZED] in str(path)]
    assert [path for path in after if again.digests[Role.COLORIZED] in str(path)]
    kept = [path for path in before if first.digests[Role.ORIGINAL] in str(path)]
    assert kept
    assert all(after[path] == before[path] for path in kept)
    feed = json.loads((folder / "iiif/discovery/page-0.json").read_bytes())
    told = [(one["type"], one["object"]["id"].split("/")[-2]) for one in feed["orderedItems"]]
    assert told == [
        ("Create", "1987.1"),
        ("Create", "1987.2"),
        ("Update", "1987.1"),
        ("Delete", "1987.2"),
    ]


def test_pages_that_a_smaller_collection_no_longer_fills_are_gone(
    archive: Archive, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.site import static_site

    monkeypatch.setattr(static_site, "CARDS", 1)
    archive.decide(archive.add("1987.1", collection="harbor"), ReviewState.APPROVED)
    last = archive.add("1987.2", title="Pier", collection="harbor")
    archive.decide(last, ReviewState.APPROVED)
    published(archive, folder)
    assert "Pier" in (folder / "page-2.html").read_text()
    archive.decide(last, ReviewState.REJECTED, "wrong")
    published(archive, folder)
    assert not [path for path in folder.rglob("*.html") if "Pier" in path.read_text()]


def test_masters_are_copied_on_request(archive: Archive, folder: Path) -> None:
    photograph = archive.add("1987.1", collection="harbor")
    archive.decide(photograph, ReviewState.APPROVED)
    published(archive, folder, masters=True)
    manifest = json.loads((folder / "iiif/manifests/1987.1/manifest.json").read_bytes())
    assert len(manifest["rendering"]) == 4
    for rendering in manifest["rendering"]:
        assert on_disk(folder, rendering["id"]).stat().st_size > 0
    published(archive, folder)
    assert not (folder / "masters").exists() or not list((folder / "masters").iterdir())


def test_an_interrupted_publication_is_completed(
    archive: Archive, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.decide(archive.add("1987.1", collection="harbor"), ReviewState.APPROVED)
    from catalog.site import static_site

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(static_site, "render", killed)
        with pytest.raises(KeyboardInterrupt):
            published(archive, folder)
    assert not list(folder.rglob("*.partial"))
    rendered = {path: stamp for path, stamp in stamps(folder).items() if path.suffix == ".jpg"}
    done = published(archive, folder)
    assert done.created == 1
    assert rendered and rendered.items() <= stamps(folder).items()
    assert (folder / "photographs/1987.1/index.html").is_file()


@contextmanager
def unreadable(archive: Archive, photograph: Photograph, role: Role = Role.COLORIZED) -> Iterator[None]:
    """Let the file of a picture be damaged for a while."""
    with archive.engine.connect() as connection:
        found = shown_file(connection, photograph.digests[role], Audience.PUBLIC)
    assert found is not None
    path = archive.store.root / found[1].path
    whole = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(b"II*\0 damaged")
    yield
    path.write_bytes(whole)


def traces(folder: Path, photograph: Photograph) -> list[Path]:
    """Return the files of a site that show or name a photograph, the change feed aside."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not {"discovery", ".heliochrome-site.json"} & set(path.relative_to(folder).parts)
        if any(digest in str(path) for digest in photograph.digests.values())
        or photograph.accession.encode() in path.read_bytes()
    ]


def test_a_photograph_that_cannot_be_read_holds_back_no_other(archive: Archive, folder: Path) -> None:
    broken, sound, withdrawn = (archive.add(f"1987.{n}", collection="harbor") for n in (1, 2, 4))
    archive.decide(withdrawn, ReviewState.APPROVED)
    published(archive, folder)
    archive.decide(withdrawn, ReviewState.REJECTED, "wrong")
    for photograph in (broken, sound):
        archive.decide(photograph, ReviewState.APPROVED)
    with unreadable(archive, broken):
        done = published(archive, folder, masters=True)
    assert (done.photographs, done.created, done.deleted) == (1, 1, 1)
    (lost,) = done.lost
    assert lost.accession == "1987.1"
    assert "cannot be opened" in lost.reason
    assert not traces(folder, broken)
    assert not traces(folder, withdrawn)
    assert traces(folder, sound)
    done = published(archive, folder)
    assert (done.photographs, done.created, done.lost) == (2, 1, ())
    assert traces(folder, broken)


@pytest.mark.parametrize("lost", ["master", "provenance"])
def test_whatever_is_lost_of_a_photograph_it_holds_back_no_other(
    archive: Archive, folder: Path, lost: str
) -> None:
    broken = archive.add_provenance(archive.add("1987.1", collection="harbor"), {"@id": "urn:a"})
    for photograph in (broken, archive.add("1987.2", collection="harbor")):
        archive.decide(photograph, ReviewState.APPROVED)
    published(archive, folder)
    with archive.engine.connect() as connection:
        shown = shown_object(connection, "1987.1", Audience.PUBLIC)
    assert shown is not None
    file = provenance_files(shown)[0] if lost == "provenance" else shown.scans[0].files[0]
    (archive.store.root / file.path).unlink()
    done = published(archive, folder, masters=lost == "master")
    assert [one.accession for one in done.lost] == ["1987.1"]
    assert done.photographs == (2 if lost == "provenance" else 1)


def test_what_changed_and_cannot_be_read_is_gone(archive: Archive, folder: Path) -> None:
    first = archive.add("1987.1", collection="harbor")
    archive.decide(first, ReviewState.APPROVED)
    published(archive, folder)
    second = archive.add("1987.1", take=1)
    archive.decide(second, ReviewState.APPROVED)
    with unreadable(archive, second):
        done = published(archive, folder)
    assert (done.photographs, done.deleted, len(done.lost)) == (0, 1, 1)
    assert not traces(folder, first) + traces(folder, second)


def test_what_is_said_otherwise_and_cannot_be_rendered_again_is_gone(
    archive: Archive, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.site import static_site

    photograph = archive.add("1987.1", collection="harbor")
    archive.decide(photograph, ReviewState.APPROVED)
    published(archive, folder)
    with archive.engine.begin() as connection:
        objects.upsert(connection, [ObjectRecord(accession_number="1987.1", title="Retitled")])
    monkeypatch.setattr(static_site, "RENDERING", "another")
    with unreadable(archive, photograph):
        done = published(archive, folder)
    assert (done.photographs, done.deleted, len(done.lost)) == (0, 1, 1)
    assert not traces(folder, photograph)


def test_a_picture_that_cannot_be_rendered_again_stays_until_it_can(
    archive: Archive, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.site import static_site

    photograph = archive.add("1987.1", collection="harbor")
    archive.decide(photograph, ReviewState.APPROVED)
    published(archive, folder)
    before = stamps(folder)
    monkeypatch.setattr(static_site, "RENDERING", "another")
    for _ in ("at first", "and again"):
        with unreadable(archive, photograph):
            done = published(archive, folder)
        assert (done.photographs, done.updated, done.deleted, done.removed) == (1, 0, 0, 0)
        assert [lost.accession for lost in done.lost] == ["1987.1"]
        assert stamps(folder).keys() == before.keys()
    done = published(archive, folder)
    assert (done.photographs, done.lost) == (1, ())
    after = stamps(folder)
    assert all(after[path] > stamp for path, stamp in before.items() if path.suffix == ".jpg")
    assert published(archive, folder).written == 0


@pytest.mark.parametrize("told", ["in words", "as its cause"])
def test_a_full_disk_ends_the_publication_and_removes_nothing(
    archive: Archive, folder: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    from catalog.site import static_site

    archive.decide(archive.add("1987.1", collection="harbor"), ReviewState.APPROVED)
    published(archive, folder)
    before = stamps(folder).keys()
    archive.decide(archive.add("1987.1", take=1), ReviewState.APPROVED)

    def full(*_: object) -> None:
        cause = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if told == "in words":
            raise StoreError("site", f"cannot be written ({cause})", "Free some space.")
        raise StoreError("site", "cannot be written", "Free some space.") from cause

    monkeypatch.setattr(static_site, "write_static_image", full)
    with pytest.raises(StoreError, match="cannot be written"):
        published(archive, folder)
    assert before <= stamps(folder).keys()


def test_a_folder_with_other_files_is_refused(archive: Archive, folder: Path) -> None:
    with archive.engine.begin() as connection:
        collections.ensure(connection, "harbor")
    folder.mkdir()
    (folder / "thesis.docx").write_text("three years of work")
    with pytest.raises(OptionsError, match="other files"):
        published(archive, folder)
    assert (folder / "thesis.docx").exists()


def test_an_unknown_collection_is_refused(archive: Archive, folder: Path) -> None:
    with pytest.raises(CatalogError):
        published(archive, folder)
