"""Whether file, statements, signature and catalog agree; and every way in which they may not."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest
import pyvips
from sqlalchemy import Engine

from catalog.provenance.cataloged import CatalogRegister
from catalog.provenance.identity import SigningIdentity, development_identity
from catalog.provenance.tag import TagInputs, TagOptions, tag
from catalog.provenance.tiff_xmp import embed_xmp, read_xmp
from catalog.provenance.verify import Check, Verdict, Verification, verify_file, verify_object
from imaging.errors import CatalogError, StoreError
from tests.catalog.provenance.cataloged_photograph import (
    ACCESSION_NUMBER,
    Cataloged,
    catalog_photograph,
)
from tests.catalog.provenance.conftest import Photograph

both_kinds = pytest.mark.parametrize("cataloged", ["embedded", "detached"], indirect=True)


@pytest.fixture
def cataloged(
    request: pytest.FixtureRequest,
    engine: Engine,
    photograph: Photograph,
    identity: SigningIdentity,
    tmp_path: Path,
) -> Cataloged:
    options = {"embed_limit": 0} if getattr(request, "param", "") == "detached" else {}
    return catalog_photograph(engine, photograph, tmp_path / "store", identity, **options)


def _verdicts(verification: Verification) -> dict[Check, Verdict]:
    return {finding.check: finding.verdict for finding in verification.findings}


def _details(verification: Verification) -> str:
    return "\n".join(f.detail for f in verification.findings if f.verdict is Verdict.DIFFERS)


@both_kinds
def test_an_untouched_object_agrees_throughout(
    cataloged: Cataloged, identity: SigningIdentity, register: CatalogRegister
) -> None:
    verified = verify_object(ACCESSION_NUMBER, register, anchors=identity.root)
    assert all(v.agrees for v in verified), [_details(v) for v in verified]
    by_name = {v.path: _verdicts(v) for v in verified}
    assert set(by_name[cataloged.path("colorized.tif")].values()) == {Verdict.AGREES}
    assert set(by_name[cataloged.path("colorized.jpg")].values()) == {Verdict.AGREES}
    assert len(verified) == 1 + 1 + 2 + len(cataloged.tagged.files)


def test_a_single_file_is_recognized_wherever_it_lies(
    cataloged: Cataloged,
    identity: SigningIdentity,
    tmp_path: Path,
    register: CatalogRegister,
) -> None:
    copy = tmp_path / "download.jpg"
    shutil.copyfile(cataloged.path("colorized.jpg"), copy)
    verified = verify_file(copy, register=register, anchors=identity.root)
    assert set(_verdicts(verified).values()) == {Verdict.AGREES}
    assert ACCESSION_NUMBER in verified.findings[0].detail


def test_without_a_catalog_a_file_is_held_against_itself(
    cataloged: Cataloged, identity: SigningIdentity
) -> None:
    verified = verify_file(cataloged.path("colorized.jpg"), anchors=identity.root)
    assert _verdicts(verified)[Check.FIXITY] is Verdict.ABSENT
    assert _verdicts(verified)[Check.CREDENTIAL] is Verdict.AGREES


def test_nobody_vouches_for_a_development_identity(cataloged: Cataloged, register: CatalogRegister) -> None:
    verified = verify_file(cataloged.path("colorized.jpg"), register=register)
    assert verified.agrees
    assert "vouched for by nobody" in verified.findings[-1].detail
    assert "none of the given certificates vouches" in verified.findings[-1].detail


@both_kinds
@pytest.mark.parametrize("name", ["colorized.tif", "colorized.jpg"])
def test_one_flipped_bit_is_found_by_digest_and_signature(
    cataloged: Cataloged, name: str, register: CatalogRegister
) -> None:
    path = cataloged.path(name)
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    # Well inside the picture's data, behind every header.
    at = len(data) * 3 // 5 if name.endswith("jpg") else 2000
    data[at] ^= 1
    path.write_bytes(data)
    found = {v.path: v for v in verify_object(ACCESSION_NUMBER, register)}[path]
    verdicts = _verdicts(found)
    assert verdicts[Check.FIXITY] is Verdict.DIFFERS
    assert verdicts[Check.CREDENTIAL] is Verdict.DIFFERS
    assert verdicts[Check.ACCOUNT] is Verdict.DIFFERS


@both_kinds
def test_forged_metadata_is_contradicted(cataloged: Cataloged, register: CatalogRegister) -> None:
    path = cataloged.path("colorized.tif")
    path.chmod(0o644)
    packet = read_xmp(path)
    assert packet is not None
    forged = packet.replace(b"compositeWithTrainedAlgorithmicMedia", b"digitalCapture")
    forged = forged.replace(b"<heliochrome:Notice>The colors", b"<heliochrome:Notice>These colors")
    embed_xmp(path, forged.replace(ACCESSION_NUMBER.encode(), b"1999.99"))
    found = {v.path: v for v in verify_object(ACCESSION_NUMBER, register)}[path]
    details = _details(found)
    assert "names object 1999.99, the catalog 1912.44" in details
    assert "does not carry the notice of a colorized picture" in details
    assert "does not state that a trained model was used" in details
    assert _verdicts(found)[Check.CREDENTIAL] is Verdict.DIFFERS


def test_stripped_metadata_shows(cataloged: Cataloged, tmp_path: Path, register: CatalogRegister) -> None:
    stripped = tmp_path / "stripped.jpg"
    pyvips.Image.jpegload(str(cataloged.path("colorized.jpg"))).jpegsave(str(stripped), keep=0)
    verified = verify_file(stripped, register=register)
    assert _verdicts(verified) == {
        Check.FIXITY: Verdict.DIFFERS,
        Check.XMP: Verdict.ABSENT,
        Check.CREDENTIAL: Verdict.ABSENT,
    }


def test_a_file_tagged_elsewhere_is_recognized_by_what_it_holds(
    cataloged: Cataloged,
    photograph: Photograph,
    tmp_path: Path,
    register: CatalogRegister,
) -> None:
    elsewhere = development_identity(tmp_path / "identity")
    inputs: TagInputs = photograph.inputs
    tag(inputs, tmp_path, TagOptions(elsewhere, access_side=100))
    verified = verify_file(tmp_path / "colorized.jpg", register=register)
    assert "origin that they state, colorized.tif of 1912.44" in _details(verified)


def test_a_lost_file_is_reported(cataloged: Cataloged, register: CatalogRegister) -> None:
    cataloged.path("restored.jpg").unlink()
    (lost,) = [v for v in verify_object(ACCESSION_NUMBER, register) if not v.agrees]
    assert _details(lost) == "restored.jpg is missing"


def test_a_damaged_record_is_reported(cataloged: Cataloged, register: CatalogRegister) -> None:
    path = cataloged.path("provenance.json")
    path.chmod(0o644)
    path.write_text("{")
    verified = verify_object(ACCESSION_NUMBER, register)
    assert any("provenance.json cannot be read" in _details(v) for v in verified)


def test_a_stranger_is_unknown(cataloged: Cataloged, tmp_path: Path, register: CatalogRegister) -> None:
    stranger = tmp_path / "notes.txt"
    stranger.write_text("hello")
    verified = verify_file(stranger, register=register)
    assert "the catalog knows no file" in _details(verified)


def test_broken_pictures_are_findings_not_crashes(
    cataloged: Cataloged, tmp_path: Path, register: CatalogRegister
) -> None:
    for name, data in {
        "cut.tif": cataloged.path("colorized.tif").read_bytes()[:5000],
        "cut.jpg": cataloged.path("colorized.jpg").read_bytes()[:700],
        "lie.tif": b"II*\0\xff\xff\xff\x7f",
        "stub.jpg": b"\xff\xd8\xff",
    }.items():
        (tmp_path / name).write_bytes(data)
        assert not verify_file(tmp_path / name, register=register).agrees


@both_kinds
def test_no_damage_whatever_makes_verifying_crash(
    cataloged: Cataloged, tmp_path: Path, register: CatalogRegister
) -> None:
    random = Random(5)  # noqa: S311 - damage, not secrets
    for name in ("colorized.jpg", "restored.tif", "restored.c2pa"):
        if not (path := cataloged.path(name)).exists():
            continue
        for _ in range(12):
            data = bytearray(path.read_bytes())
            for _ in range(random.choice([1, 3, 20])):
                # Mostly near either end, where the metadata lies.
                at = random.randrange(min(len(data), random.choice([300, 20_000]))) * random.choice([1, -1])
                data[at] = random.randrange(256)
            for file in ("restored.tif", "restored.c2pa"):
                if cataloged.path(file).exists():
                    shutil.copyfile(cataloged.path(file), tmp_path / file)
            (tmp_path / name).write_bytes(data)
            verified = verify_file(
                (tmp_path / name).with_suffix(".jpg" if "jpg" in name else ".tif"), register=register
            )
            altered = not name.endswith("c2pa") and bytes(data) != path.read_bytes()
            assert not (altered and verified.agrees)


def test_unknown_objects_and_absent_files_are_errors(
    cataloged: Cataloged, tmp_path: Path, register: CatalogRegister
) -> None:
    with pytest.raises(CatalogError, match="not in the catalog"):
        verify_object("nowhere", register)
    with pytest.raises(StoreError, match="no such file"):
        verify_file(tmp_path / "absent.tif")
