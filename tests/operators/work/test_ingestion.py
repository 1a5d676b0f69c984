"""Every kind of bad file is taken in rightly or refused with a reason in the catalog; none is skipped."""

from __future__ import annotations

import errno
import os
import struct
import unicodedata
import zlib
from pathlib import Path

import pytest
from PIL import Image
from skimage import data
from sqlalchemy import Engine, delete, func, select

from catalog import collections, events, kinds, objects, scans
from catalog.schema import ScanState, scan_kinds
from catalog.schema import events as event_rows
from catalog.store import Store
from imaging.errors import (
    CorruptScan,
    ForbiddenScan,
    ScanError,
    ScanTooLarge,
    UnfinishedScan,
    UnsupportedScan,
)
from imaging.fixity import sha256_file
from imaging.kind_detector import VERSION
from imaging.scan_kind import ScanKind, ScanKindReport
from operators.inbox import list_inbox
from operators.outcome import ScanReference
from operators.progress import Progress
from operators.work.file_names import NamePattern
from operators.work.ingestion import Ingestion
from tests.operators.conftest import Photographer, picture


def ingest(ingestion: Ingestion, name: str) -> scans.Scan:
    done = ingestion.process(name, Progress(1))
    (reference,) = done.scans
    with ingestion.engine.connect() as connection:
        return scans.get(connection, reference.scan)


def processed(ingestion: Ingestion, name: str) -> scans.Scan:
    scan = ingest(ingestion, name)
    with ingestion.engine.begin() as connection:
        scans.mark_processed(connection, scan.id)
        return scans.get(connection, scan.id)


def refused_meanwhile(ingestion: Ingestion, name: str, fault: str) -> None:
    with pytest.raises(ScanError, match=fault) as refusal:
        ingestion.process(name, Progress(1))
    ingestion.refuse(name, refusal.value)
    with ingestion.engine.connect() as connection:
        assert scans.unresolved(connection)


def refused(ingestion: Ingestion, name: str, kind: type[ScanError]) -> scans.Scan:
    with pytest.raises(kind) as refusal:
        ingestion.process(name, Progress(1))
    assert not ingestion.refuse(name, refusal.value), "it was not known before"
    assert ingestion.refuse(name, refusal.value), "a second time it is known"
    with ingestion.engine.connect() as connection:
        (scan,) = scans.unresolved(connection)
        assert connection.scalar(select(func.count()).select_from(event_rows)) == 1
    assert scan.state is ScanState.REFUSED and scan.reason and scan.remedy
    return scan


@pytest.mark.parametrize(
    ("name", "mode", "bits", "media_type"),
    [
        ("bilevel.tif", "1", 1, "image/tiff"),
        ("deep.tif", "I;16", 16, "image/tiff"),
        ("cmyk.tif", "CMYK", 8, "image/tiff"),
        ("palette.png", "P", 8, "image/png"),
        ("grey.jpg", "L", 8, "image/jpeg"),
        ("line\nbreak 'and' \"quotes\".tif", "L", 8, "image/tiff"),
    ],
)
def test_unusual_scans_are_taken_in(
    ingestion: Ingestion, photograph: Photographer, name: str, mode: str, bits: int, media_type: str
) -> None:
    photograph(name, mode)
    scan = ingest(ingestion, name)
    assert (scan.width, scan.height, scan.bits, scan.media_type) == (96, 64, bits, media_type)
    assert scan.original_name == name
    with ingestion.engine.connect() as connection:
        (member,) = collections.members(connection, "demo")
    assert member.accession_number.isprintable()


def test_truncated_jpeg_is_refused(ingestion: Ingestion, photograph: Photographer) -> None:
    path = photograph("cut.jpg")
    path.write_bytes(path.read_bytes()[:300])
    refused(ingestion, "cut.jpg", CorruptScan)


def test_tiff_with_a_lying_header_is_refused(ingestion: Ingestion, inbox: Path) -> None:
    (inbox / "liar.tif").write_bytes(
        tiff_header(width=4000, height=3000, strip_bytes=12_000_000) + b"\0" * 100
    )
    refused(ingestion, "liar.tif", CorruptScan)


def test_empty_file_is_refused(ingestion: Ingestion, inbox: Path) -> None:
    (inbox / "empty.tif").touch()
    assert refused(ingestion, "empty.tif", CorruptScan).bytes == 0


def test_text_named_tif_is_refused(ingestion: Ingestion, inbox: Path) -> None:
    (inbox / "letter.tif").write_text("Dear Sir, enclosed please find the photograph.")
    refused(ingestion, "letter.tif", UnsupportedScan)


def test_bomb_is_refused_before_it_is_copied(ingestion: Ingestion, inbox: Path, store: Store) -> None:
    (inbox / "bomb.png").write_bytes(png_bomb(60_000))
    assert (inbox / "bomb.png").stat().st_size < 6_000
    refused(ingestion, "bomb.png", ScanError)
    assert not list(store.originals())


def test_animated_gif_is_refused(ingestion: Ingestion, inbox: Path) -> None:
    frames = [picture("L", seed) for seed in range(3)]
    frames[0].save(inbox / "moving.gif", save_all=True, append_images=frames[1:])
    refused(ingestion, "moving.gif", UnsupportedScan)


def test_path_that_climbs_out_is_refused_unread(
    ingestion: Ingestion, inbox: Path, photograph: Photographer
) -> None:
    photograph("../outside.tif")
    assert refused(ingestion, "../outside.tif", ForbiddenScan).sha256 is None


def test_symbolic_link_out_is_refused_unread(
    ingestion: Ingestion, inbox: Path, photograph: Photographer
) -> None:
    (inbox / "link.tif").symlink_to(photograph("../outside.tif"))
    assert refused(ingestion, "link.tif", ForbiddenScan).sha256 is None


def test_file_that_is_no_file_is_refused(ingestion: Ingestion, inbox: Path) -> None:
    os.mkfifo(inbox / "pipe.tif")
    refused(ingestion, "pipe.tif", UnsupportedScan)


def test_file_that_is_still_being_written_waits(
    engine: Engine, store: Store, inbox: Path, photograph: Photographer
) -> None:
    photograph("growing.tif")
    with pytest.raises(UnfinishedScan):
        Ingestion(engine, store, inbox, quiet_seconds=60).process("growing.tif", Progress(1))
    with engine.connect() as connection:
        assert not scans.unresolved(connection)


def test_same_photograph_under_two_names_is_one_scan(ingestion: Ingestion, photograph: Photographer) -> None:
    photograph("first.tif")
    photograph("second.tif")
    assert ingest(ingestion, "first.tif") == ingest(ingestion, "second.tif")
    with ingestion.engine.connect() as connection:
        assert scans.names(connection, 1) == ("first.tif", "second.tif")
        assert [o.accession_number for o in objects.listed(connection)] == ["first"]


def test_each_page_is_a_scan_and_an_object(ingestion: Ingestion, inbox: Path) -> None:
    pages = [picture("L", seed) for seed in range(3)]
    pages[0].save(inbox / "album.tif", save_all=True, append_images=pages[1:])
    done = ingestion.process("album.tif", Progress(1))
    assert done.scans == (ScanReference(1), ScanReference(2), ScanReference(3))
    with ingestion.engine.connect() as connection:
        assert [o.accession_number for o in objects.listed(connection)] == [
            "album p. 1",
            "album p. 2",
            "album p. 3",
        ]


def test_namesakes_of_different_folders_are_remarked_on(
    ingestion: Ingestion, photograph: Photographer
) -> None:
    photograph("box1/IMG_0001.tif", seed=1)
    photograph("box2/IMG_0001.tif", seed=3)
    assert not ingestion.process("box1/IMG_0001.tif", Progress(1)).remarks
    remarks = ingestion.process("box2/IMG_0001.tif", Progress(1)).remarks
    assert [remark.split(" are")[0] for remark in remarks] == ["box2/IMG_0001.tif and box1/IMG_0001.tif"]


def test_different_pictures_whose_names_differ_in_suffix_or_blanks_are_remarked_on(
    ingestion: Ingestion, photograph: Photographer
) -> None:
    names = ["1987.12.TIF", "1987.12 .tif", "1987.12.jpg"]
    for seed, name in enumerate(names):
        photograph(name, seed=seed)
    remarks = [ingestion.process(name, Progress(1)).remarks for name in names]
    assert [[remark.split(" are")[0] for remark in some] for some in remarks] == [
        [],
        ["1987.12 .tif and 1987.12.TIF"],
        ["1987.12.jpg and 1987.12.TIF", "1987.12.jpg and 1987.12 .tif"],
    ]
    with ingestion.engine.connect() as connection:
        assert [one.accession_number for one in objects.listed(connection)] == ["1987.12"]


def test_another_picture_under_a_name_that_came_in_before_is_remarked_on(
    ingestion: Ingestion, photograph: Photographer
) -> None:
    photograph("IMG_0001.tif", seed=1)
    assert not ingestion.process("IMG_0001.tif", Progress(1)).remarks
    photograph("IMG_0001.tif", seed=2)
    (remark,) = ingestion.process("IMG_0001.tif", Progress(1)).remarks
    assert remark.startswith(
        "IMG_0001.tif and an earlier file of this name are both taken for object IMG_0001"
    )


def test_names_are_read_by_the_pattern(
    engine: Engine, store: Store, inbox: Path, photograph: Photographer
) -> None:
    names = NamePattern(r"(?P<number>[^_]+)(?:_p(?P<page>\d+))?(?:_(?:(?P<recto>r)|(?P<verso>v)))?")
    ingestion = Ingestion(engine, store, inbox, name_pattern=names)
    files = ["1987.12_r.tif", "1987.12_v.tif", "1987.13_p02.tif", "IMG_1_2.tif"]
    for seed, name in enumerate(files):
        photograph(name, seed=seed)
    remarks = [remark for name in files for remark in ingestion.process(name, Progress(1)).remarks]
    assert remarks == [
        "IMG_1_2.tif: does not match the name pattern; all of it is taken as the accession number"
    ]
    with ingestion.engine.connect() as connection:
        found = objects.listed(connection)
        assert [one.accession_number for one in found] == ["1987.12", "1987.13 p. 2", "IMG_1_2"]
        assert [scan.original_name for scan in scans.of_object(connection, found[0].id)] == files[:2]


def test_decomposed_name_finds_the_composed_object(
    ingestion: Ingestion, photograph: Photographer, engine: Engine
) -> None:
    with engine.begin() as connection:
        known = objects.ensure(connection, objects.ObjectRecord(accession_number="Žďár 3"))
    name = unicodedata.normalize("NFD", "Žďár 3.tif")
    photograph(name)
    assert ingest(ingestion, name).object_id == known.id


def test_copy_in_another_folder_is_no_namesake(ingestion: Ingestion, photograph: Photographer) -> None:
    photograph("box1/IMG_0001.tif")
    photograph("box2/IMG_0001.tif")
    assert not [ingestion.process(f"box{n}/IMG_0001.tif", Progress(1)).remarks for n in (1, 2)][1]


def test_bad_page_is_refused_alone(ingestion: Ingestion, inbox: Path) -> None:
    pages = [picture("L", 0), picture("L", 1).convert("F"), picture("L", 2)]
    pages[0].save(inbox / "album.tif", save_all=True, append_images=pages[1:])
    first, again = (ingestion.process("album.tif", Progress(1)) for _ in range(2))
    assert first.scans == again.scans and len(first.scans) == 2
    assert [(failure.photograph, failure.known) for failure in (*first.lost, *again.lost)] == [
        ("album.tif p. 2", False),
        ("album.tif p. 2", True),
    ]
    digest = sha256_file(inbox / "album.tif")
    with ingestion.engine.connect() as connection:
        known = [scans.by_sha256(connection, digest, page) for page in range(3)]
    assert [scan.state for scan in known] == [ScanState.NEW, ScanState.REFUSED, ScanState.NEW]


def test_name_that_is_no_text_is_refused_and_the_others_go_on(
    ingestion: Ingestion, inbox: Path, photograph: Photographer
) -> None:
    photograph("a.tif").rename(inbox / os.fsdecode(b"caf\xe9.tif"))
    photograph("b.tif")
    wrong, right = sorted(list_inbox(inbox, 0).scans, reverse=True)
    assert refused(ingestion, wrong, UnsupportedScan).remedy == "Rename the file or its folder."
    assert ingest(ingestion, right).original_name == "b.tif"


def test_folder_is_refused_with_what_to_do(ingestion: Ingestion, inbox: Path) -> None:
    (inbox / "box").mkdir()
    scan = refused(ingestion, "box", UnsupportedScan)
    assert "may not be read" in (scan.reason or "") and "Let the account" in (scan.remedy or "")


def test_file_in_a_folder_that_may_not_be_entered_is_refused(
    ingestion: Ingestion, photograph: Photographer, monkeypatch: pytest.MonkeyPatch
) -> None:
    photograph("box/a.tif")
    monkeypatch.setattr(Path, "exists", _forbidden)
    with pytest.raises(UnsupportedScan, match="may not be entered"):
        ingestion.process("box/a.tif", Progress(1))


def test_file_over_the_limits_is_refused(ingestion: Ingestion, inbox: Path) -> None:
    (inbox / "wide.tif").write_bytes(tiff_header(width=2_000_000, height=10, strip_bytes=100) + b"\0" * 100)
    refused(ingestion, "wide.tif", ScanTooLarge)


def _forbidden(*arguments: object) -> None:
    raise PermissionError(errno.EACCES, "Permission denied")


def never(*arguments: object) -> None:
    raise AssertionError("the file was read")


def tiff_header(width: int, height: int, strip_bytes: int) -> bytes:
    fields = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8 + 2 + 9 * 12 + 4),
    ]
    fields += [(277, 3, 1), (278, 4, height), (279, 4, strip_bytes)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in fields)
    return b"II*\0" + struct.pack("<IH", 8, len(fields)) + entries + struct.pack("<I", 0)


def png_bomb(side: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (side // 8 + 1) * 600, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_what_a_scan_is_is_told_when_it_comes_in(ingestion: Ingestion, inbox: Path) -> None:
    Image.fromarray(data.coffee()).save(inbox / "coffee.tif")
    scan = ingest(ingestion, "coffee.tif")
    with ingestion.engine.connect() as connection:
        known = kinds.of_scan(connection, scan.id)
        told = [event.detail for event in events.of_scan(connection, scan.id)]
    assert known is not None and known.kind is ScanKind.COLOR
    assert known.evidence["residual"] > 3
    assert any(detail.startswith("taken for a color photograph") for detail in told)


def test_scans_that_came_in_before_anybody_looked_are_looked_at(
    ingestion: Ingestion, photograph: Photographer
) -> None:
    photograph("a.tif")
    scan = processed(ingestion, "a.tif")
    with ingestion.engine.begin() as connection:
        connection.execute(delete(scan_kinds))
    ingest(ingestion, "a.tif")
    with ingestion.engine.connect() as connection:
        assert kinds.of_scan(connection, scan.id) is not None


def test_a_negative_is_remarked_on_once(
    ingestion: Ingestion, photograph: Photographer, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = ScanKindReport(ScanKind.NEGATIVE, "It looks inverted.", version=VERSION)
    monkeypatch.setattr("operators.work.kinds.classify_scan", lambda path, page: report)
    photograph("a.tif")
    (remark,) = ingestion.process("a.tif", Progress(1)).remarks
    assert "a.tif looks like a negative" in remark
    assert ingestion.process("a.tif", Progress(1)).remarks == ()


def test_what_the_form_says_holds_for_the_scans_of_the_run(
    engine: Engine, store: Store, inbox: Path, photograph: Photographer
) -> None:
    photograph("a.tif")
    scan = ingest(
        Ingestion(engine, store, inbox, kind=ScanKind.DOCUMENT, agent="Airflow DAG digitize"), "a.tif"
    )
    with engine.connect() as connection:
        known = kinds.of_scan(connection, scan.id)
    assert known is not None
    assert (known.kind, known.said_by) == (ScanKind.DOCUMENT, "Airflow DAG digitize")
    assert known.told is not None
