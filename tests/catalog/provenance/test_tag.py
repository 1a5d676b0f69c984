"""The stage that writes provenance into files: what comes out, read back by other people's software."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import piexif
import piexif.helper
import pytest
import pyvips
from PIL import Image

from catalog.provenance.credentials import CredentialState, read_credential
from catalog.provenance.identity import SigningIdentity
from catalog.provenance.record import Description, ScanFile, StageRun
from catalog.provenance.tag import StoredRun, TagInputs, TagOptions, determinants, tag
from catalog.provenance.tiff_xmp import embed_xmp, read_xmp
from catalog.provenance.vocabulary import DigitalSourceType
from catalog.provenance.xmp_facts import read_packet
from catalog.store import Store, stage_key
from catalog.vocabulary import COLOR_NOTICE, RESTORATION_NOTICE
from imaging.fixity import describe_output, sha256_file
from imaging.pyramid import write_pyramid
from imaging.scan import inspect_scan
from imaging.stage import Role, StageResult
from tests.catalog.provenance.conftest import HINT, START, Photograph, pixels

needs_exiftool = pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")


@pytest.fixture(scope="module")
def embedded(
    photograph: Photograph, identity: SigningIdentity, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, StageResult]:
    folder = tmp_path_factory.mktemp("embedded")
    return folder, tag(photograph.inputs, folder, TagOptions(identity, access_side=300))


@pytest.fixture(scope="module")
def detached(
    photograph: Photograph, identity: SigningIdentity, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, StageResult]:
    folder = tmp_path_factory.mktemp("detached")
    return folder, tag(photograph.inputs, folder, TagOptions(identity, embed_limit=0, access_side=300))


def test_each_picture_gets_its_tagged_master_and_its_access_copy(
    embedded: tuple[Path, StageResult],
) -> None:
    folder, result = embedded
    assert [(f.role, f.name) for f in result.files] == [
        (Role.RESTORED, "restored.tif"),
        (Role.ACCESS_COPY, "restored.jpg"),
        (Role.COLORIZED, "colorized.tif"),
        (Role.ACCESS_COPY, "colorized.jpg"),
        (Role.PROVENANCE, "provenance.json"),
    ]
    assert sorted(p.name for p in folder.iterdir()) == sorted(f.name for f in result.files)
    assert result.file(Role.PROVENANCE).media_type == "application/ld+json"
    assert StageResult.from_json(result.to_json()) == result


def test_pixels_and_pages_of_masters_are_untouched(
    embedded: tuple[Path, StageResult], photograph: Photograph
) -> None:
    for source in (photograph.restored, photograph.colorized):
        tagged = embedded[0] / source.name
        for page in range(3):
            assert np.array_equal(pixels(tagged, page), pixels(source, page))


def test_a_signed_master_is_still_one_page(embedded: tuple[Path, StageResult]) -> None:
    assert inspect_scan(embedded[0] / "colorized.tif").pages == 1


def test_masters_that_were_read_are_left_alone(
    embedded: tuple[Path, StageResult], photograph: Photograph
) -> None:
    assert read_xmp(photograph.colorized) is None


def test_libvips_and_pillow_read_the_notice_from_the_colorized_master(
    embedded: tuple[Path, StageResult],
) -> None:
    path = embedded[0] / "colorized.tif"
    by_libvips = pyvips.Image.tiffload(str(path)).get("xmp-data")
    with Image.open(path) as image:
        by_pillow = image.tag_v2[700]
    for packet in (by_libvips, by_pillow):
        facts = read_packet(packet)
        assert facts.notice == COLOR_NOTICE
        assert COLOR_NOTICE in (facts.description or "")
        assert facts.digital_source_type == DigitalSourceType.COMPOSITE_WITH_MODEL


def test_pillow_reads_the_notice_from_the_access_copy(embedded: tuple[Path, StageResult]) -> None:
    with Image.open(embedded[0] / "colorized.jpg") as image:
        assert read_packet(image.info["xmp"]).notice == COLOR_NOTICE
        assert image.size == (300, 214)
        assert image.info["icc_profile"]


def test_restoration_without_learned_mending_is_an_enhancement(embedded: tuple[Path, StageResult]) -> None:
    packet = read_xmp(embedded[0] / "restored.tif")
    assert packet is not None
    facts = read_packet(packet)
    assert facts.digital_source_type == DigitalSourceType.ENHANCED
    assert facts.notice == RESTORATION_NOTICE
    assert facts.models == ()


def test_piexif_reads_the_access_copy(embedded: tuple[Path, StageResult], photograph: Photograph) -> None:
    exif = piexif.load(str(embedded[0] / "colorized.jpg"))
    assert COLOR_NOTICE in exif["0th"][piexif.ImageIFD.ImageDescription].decode()
    assert exif["0th"][piexif.ImageIFD.Artist].decode() == "Žofie Müller"
    assert exif["0th"][piexif.ImageIFD.DateTime] == b"2026:11:20 09:34:30"
    comment = piexif.helper.UserComment.load(exif["Exif"][piexif.ExifIFD.UserComment])
    assert comment == COLOR_NOTICE
    master = photograph.result(1).file(Role.COLORIZED)
    assert exif["Exif"][piexif.ExifIFD.ImageUniqueID].decode() == master.sha256[:32]


@needs_exiftool
def test_exiftool_finds_nothing_wrong_and_all_three_dialects_agree(
    embedded: tuple[Path, StageResult],
) -> None:
    complaints = _exiftool(embedded[0] / "colorized.jpg", "-validate", "-warning", "-error", "-a")
    assert not any("Error" in name for name in complaints)
    assert "Missing" not in str(complaints)
    told = _exiftool(embedded[0] / "colorized.jpg")
    assert told["XMP:Title"] == told["IPTC:ObjectName"] == "Straßenbahn vor dem “Café Řehoř”"
    assert told["XMP:Creator"] == told["IPTC:By-line"] == told["EXIF:Artist"] == "Žofie Müller"
    assert told["XMP:Instructions"] == told["IPTC:SpecialInstructions"] == COLOR_NOTICE
    rights = "Public Domain Mark 1.0, http://creativecommons.org/publicdomain/mark/1.0/"
    assert told["XMP:Rights"] == told["IPTC:CopyrightNotice"] == told["EXIF:Copyright"] == rights
    assert rights.endswith(str(told["XMP:WebStatement"]))
    assert told["XMP:DigitalSourceType"] == DigitalSourceType.COMPOSITE_WITH_MODEL
    assert told["XMP:HintsSource"] == HINT.source
    assert told["XMP:HintsColor"] == "#2050c0"
    assert told["IPTC:OriginalTransmissionReference"] == told["XMP:Identifier"] == "1912.44/7 <A&B>"


@needs_exiftool
def test_exiftool_reads_the_colorized_master(embedded: tuple[Path, StageResult]) -> None:
    told = _exiftool(embedded[0] / "colorized.tif", "-a")
    assert told["XMP:Notice"] == COLOR_NOTICE
    assert told["XMP:HistoryAction"] == ["edited", "edited"]
    assert told["XMP:ArtworkSourceInventoryNo"] == "1912.44/7 <A&B>"


def _exiftool(path: Path, *options: str) -> dict[str, object]:
    command = ["exiftool", "-j", "-G0", *options, str(path)]
    told: list[dict[str, object]] = json.loads(
        subprocess.run(command, capture_output=True, check=True).stdout
    )
    return told[0]


@pytest.mark.parametrize(
    ("name", "media_type", "manifests", "action"),
    [
        ("restored.tif", "image/tiff", 1, ("c2pa.edited", DigitalSourceType.ENHANCED)),
        ("restored.jpg", "image/jpeg", 2, ("c2pa.transcoded", "")),
        (
            "colorized.tif",
            "image/tiff",
            2,
            ("c2pa.color_adjustments", DigitalSourceType.COMPOSITE_WITH_MODEL),
        ),
        ("colorized.jpg", "image/jpeg", 3, ("c2pa.transcoded", "")),
    ],
)
def test_credentials_are_trusted_by_who_trusts_the_signer_and_chain_to_the_scan(
    request: pytest.FixtureRequest,
    identity: SigningIdentity,
    name: str,
    media_type: str,
    manifests: int,
    action: tuple[str, str],
) -> None:
    for kind in ("embedded", "detached"):
        folder, _ = request.getfixturevalue(kind)
        sidecar = (folder / name).with_suffix(".c2pa")
        manifest = sidecar.read_bytes() if media_type == "image/tiff" and sidecar.exists() else None
        assert (manifest is None) == (kind == "embedded" or media_type == "image/jpeg")
        credential = read_credential(folder / name, media_type, sidecar=manifest, anchors=identity.root)
        assert credential is not None
        assert credential.state is CredentialState.TRUSTED
        assert credential.is_development
        assert credential.manifests == manifests
        assert credential.actions[0] == ("c2pa.opened", "")
        assert credential.actions[-1] == action
        assert credential.record is not None
        assert credential.record["accessionNumber"] == "1912.44/7 <A&B>"


def test_a_sidecar_is_checked_by_digest_alone(
    detached: tuple[Path, StageResult], identity: SigningIdentity
) -> None:
    folder, result = detached
    sidecar = (folder / "colorized.c2pa").read_bytes()
    sha256 = result.file(Role.COLORIZED).sha256
    known = read_credential(
        folder / "absent", "image/tiff", sidecar=sidecar, sha256=sha256, anchors=identity.root
    )
    assert known is not None
    assert known.state is CredentialState.TRUSTED
    other = read_credential(folder / "absent", "image/tiff", sidecar=sidecar, sha256="ab" * 32)
    assert other is not None
    assert other.state is CredentialState.INVALID


def test_without_an_identity_nothing_is_signed(photograph: Photograph, tmp_path: Path) -> None:
    result = tag(photograph.inputs, tmp_path, TagOptions(access_side=None))
    assert [f.name for f in result.files] == ["restored.tif", "colorized.tif", "provenance.json"]
    assert read_credential(tmp_path / "colorized.tif", "image/tiff") is None


def test_unsigned_tagging_is_repeatable_byte_by_byte(photograph: Photograph, tmp_path: Path) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    for folder in (once, twice):
        folder.mkdir()
    options = TagOptions(access_side=200)
    assert tag(photograph.inputs, once, options) == tag(photograph.inputs, twice, options)


def test_the_key_follows_what_is_told_but_not_when(photograph: Photograph, identity: SigningIdentity) -> None:
    options = TagOptions(identity)

    def key(inputs: TagInputs, options: TagOptions = options) -> str:
        return stage_key(**determinants(inputs, options))

    inputs = photograph.inputs
    later = tuple(replace(s, run=replace(s.run, ended=s.run.ended + timedelta(days=1))) for s in inputs.runs)
    assert key(replace(inputs, runs=later)) == key(inputs)
    assert key(replace(inputs, description=replace(inputs.description, title="Tram"))) != key(inputs)
    unhinted = (inputs.runs[0], replace(inputs.runs[1], run=replace(inputs.runs[1].run, hints=())))
    assert key(replace(inputs, runs=unhinted)) != key(inputs)
    assert key(inputs, TagOptions(identity, access_side=512)) != key(inputs)
    assert key(inputs, TagOptions()) != key(inputs)


def test_the_outcome_is_what_the_store_wants(
    photograph: Photograph, identity: SigningIdentity, tmp_path: Path
) -> None:
    store, options = Store(tmp_path / "store"), TagOptions(identity, access_side=200)
    key = stage_key(**determinants(photograph.inputs, options))
    first = store.produce(key, lambda folder: tag(photograph.inputs, folder, options))
    again = store.produce(key, lambda folder: tag(photograph.inputs, folder, options))
    assert (first.fresh, again.fresh) == (True, False)
    assert store.verify(key) == ()


def test_leftovers_of_a_killed_task_are_replaced(photograph: Photograph, tmp_path: Path) -> None:
    (tmp_path / ".restored.tif.partial").write_bytes(b"half")
    (tmp_path / "restored.tif").write_bytes(b"old")
    tag(photograph.inputs, tmp_path, TagOptions(access_side=None))
    assert not list(tmp_path.glob(".*"))
    assert (tmp_path / "restored.tif").stat().st_size > 1000


def test_alternatives_announce_their_color_and_confidence_maps_are_left_alone(
    photograph: Photograph, tmp_path: Path
) -> None:
    stored = photograph.inputs.runs[1]
    for name in ("colorized.tif", "alternative-1.tif"):
        shutil.copyfile(photograph.colorized, tmp_path / name)
    embed_xmp(tmp_path / "alternative-1.tif", b"<rdf:RDF/>")
    colorized = stored.run.result.file(Role.COLORIZED)
    alternative = replace(
        colorized,
        role=Role.ALTERNATIVE,
        name="alternative-1.tif",
        sha256=sha256_file(tmp_path / "alternative-1.tif"),
    )
    result = replace(stored.run.result, files=(colorized, alternative))
    runs = (photograph.inputs.runs[0], StoredRun(replace(stored.run, result=result), tmp_path))
    into = tmp_path / "tagged"
    into.mkdir()
    tagged = tag(replace(photograph.inputs, runs=runs), into, TagOptions(access_side=100))
    assert [f.name for f in tagged.files if f.role is Role.ALTERNATIVE] == ["alternative-1.tif"]
    assert not (into / "alternative-1.jpg").exists()
    packet = read_xmp(into / "alternative-1.tif")
    assert packet is not None
    assert read_packet(packet).notice == COLOR_NOTICE


@pytest.mark.parametrize(("bands", "depth"), [(1, "ushort"), (3, "ushort"), (3, "uchar")])
def test_masters_of_any_depth_get_an_8_bit_access_copy(
    bands: int, depth: str, identity: SigningIdentity, tmp_path: Path
) -> None:
    full = 65535 if depth == "ushort" else 255
    picture = (pyvips.Image.identity(bands=bands).resize(2, vscale=300) / 255 * full).cast(depth)
    model = {(1, "ushort"): "grey16", (3, "ushort"): "rgb16", (3, "uchar"): "srgb"}[bands, depth]
    write_pyramid(picture.copy(interpretation=model), tmp_path / "restored.tif")
    bits = 16 if depth == "ushort" else 8
    file = describe_output(
        tmp_path / "restored.tif", tmp_path, Role.RESTORED, width=512, height=300, bits=bits
    )
    run = StageRun(
        StageResult("restoration", "1", "ab" * 32, (file,)), START, START, "0.1", "me", "a machine"
    )
    scan = ScanFile("ab" * 32, "scan.tif", "image/tiff", 1000)
    into = tmp_path / "tagged"
    into.mkdir()
    inputs = TagInputs(Description("1"), scan, tmp_path / "restored.tif", (StoredRun(run, tmp_path),))
    tagged = tag(inputs, into, TagOptions(identity, access_side=128))
    assert tagged.file(Role.RESTORED).bits == bits
    assert (tagged.file(Role.ACCESS_COPY).width, tagged.file(Role.ACCESS_COPY).bits) == (128, 8)
    row = pyvips.Image.jpegload(str(into / "restored.jpg")).numpy()[20].reshape(128, -1)[:, 0]
    assert np.abs(row[[0, 64, 127]].astype(int) - [0, 128, 255]).max() <= 3


def test_a_restored_photograph_alone_is_tagged(photograph: Photograph, tmp_path: Path) -> None:
    result = tag(
        replace(photograph.inputs, runs=photograph.inputs.runs[:1]), tmp_path, TagOptions(access_side=200)
    )
    assert [f.name for f in result.files] == ["restored.tif", "restored.jpg", "provenance.json"]


def test_a_scan_with_credentials_of_its_own_keeps_them(
    photograph: Photograph,
    embedded: tuple[Path, StageResult],
    identity: SigningIdentity,
    tmp_path: Path,
) -> None:
    # The tagged restoration stands in for a scan from a camera that signs.
    signed = embedded[0] / "restored.tif"
    tag(replace(photograph.inputs, scan_path=signed), tmp_path, TagOptions(identity, access_side=None))
    credential = read_credential(tmp_path / "colorized.tif", "image/tiff")
    assert credential is not None
    assert credential.manifests == 3
    assert credential.state is CredentialState.VALID
