"""What keeps a photograph from being tagged is named, with whose fault it is."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path

import c2pa
import pytest

from catalog.provenance.identity import SigningIdentity
from catalog.provenance.tag import StoredRun, TagOptions, tag
from imaging.errors import CatalogError, OptionsError, SigningError, StoredFileError, StoreError
from imaging.fixity import describe_output
from imaging.stage import Role
from tests.catalog.provenance.conftest import Photograph

needs_exiftool = pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")


def test_an_altered_master_is_not_signed(
    photograph: Photograph, identity: SigningIdentity, tmp_path: Path
) -> None:
    stored = photograph.inputs.runs[0]
    (tmp_path / "restored.tif").write_bytes(photograph.restored.read_bytes() + b"\0")
    inputs = replace(photograph.inputs, runs=(replace(stored, folder=tmp_path),))
    with pytest.raises(StoreError, match="not what its stage wrote"):
        tag(inputs, tmp_path, TagOptions(identity))


def test_a_disk_that_fills_up_while_signing_is_called_full(
    photograph: Photograph, identity: SigningIdentity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.provenance.signing._sign", _no_space)
    with pytest.raises(StoreError, match="full"):
        tag(photograph.inputs, tmp_path, TagOptions(identity))
    assert not list(tmp_path.glob(".*"))


def _no_space(*_: object) -> bytes:
    raise c2pa.C2paError(f"Io: {os.strerror(errno.ENOSPC)} (os error 28)")


def test_a_missing_master_is_named(photograph: Photograph, tmp_path: Path) -> None:
    inputs = replace(photograph.inputs, runs=(replace(photograph.inputs.runs[0], folder=tmp_path),))
    with pytest.raises(StoreError, match=r"restored\.tif: a master is missing"):
        tag(inputs, tmp_path, TagOptions())


def test_a_missing_original_is_named(photograph: Photograph, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the original is missing"):
        tag(replace(photograph.inputs, scan_path=tmp_path / "none"), tmp_path, TagOptions())


def test_nothing_to_tag_is_refused(photograph: Photograph, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no picture to tag"):
        tag(replace(photograph.inputs, runs=()), tmp_path, TagOptions())


@pytest.mark.parametrize("limit", [0, 128 << 20])
def test_a_time_stamping_service_that_is_away_is_named_and_no_scan_is_blamed(
    photograph: Photograph, identity: SigningIdentity, tmp_path: Path, limit: int
) -> None:
    away = replace(identity, timestamp_url="http://127.0.0.1:9/")
    with pytest.raises(SigningError, match=r"127\.0\.0\.1:9/: the time-stamping service does not respond"):
        tag(photograph.inputs, tmp_path, TagOptions(away, embed_limit=limit))


def test_a_certificate_that_signs_nothing_is_named_and_no_scan_is_blamed(
    photograph: Photograph, identity: SigningIdentity, tmp_path: Path
) -> None:
    # C2PA signs with no certificate that vouches for itself.
    bad = replace(identity, certificates=identity.root)
    with pytest.raises(SigningError, match=r"nothing can be signed with the signing identity .*self-signed"):
        tag(photograph.inputs, tmp_path, TagOptions(bad))


def test_a_master_that_cannot_be_decoded_is_no_fault_of_the_scan(
    photograph: Photograph, identity: SigningIdentity, tmp_path: Path
) -> None:
    stored = photograph.inputs.runs[0]
    master = tmp_path / "restored.tif"
    # As its stage wrote it, to the byte, and yet no picture: pixels were lost before the digest was taken.
    master.write_bytes(photograph.restored.read_bytes()[:-40_000])
    described = describe_output(master, tmp_path, Role.RESTORED, width=700, height=500, bits=8)
    run = replace(stored.run, result=replace(stored.run.result, files=(described,)))
    inputs = replace(photograph.inputs, runs=(StoredRun(run, tmp_path),))
    (into := tmp_path / "tagged").mkdir()
    with pytest.raises(StoredFileError, match=r"restored\.tif"):
        tag(inputs, into, TagOptions(identity))


@pytest.mark.parametrize(
    "options", [{"embed_limit": -1}, {"access_side": 3}, {"access_quality": 0}, {"access_side": 70_000}]
)
def test_options_outside_their_range_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(OptionsError):
        TagOptions(**options)  # type: ignore[arg-type]


def test_a_structure_that_cannot_be_signed_is_explained(
    photograph: Photograph, identity: SigningIdentity, tmp_path: Path
) -> None:
    from catalog.provenance.signing import manifest_of, sign_embedded
    from catalog.provenance.tag import _scan_parent

    text = tmp_path / "text.tif"
    text.write_text("not a picture")
    master = photograph.result(0).file(Role.RESTORED)
    manifest = manifest_of(photograph.record, master, "text.tif", "image/tiff")
    parent = _scan_parent(photograph.inputs, TagOptions())
    with pytest.raises(StoredFileError, match="content credential"):
        sign_embedded(text, tmp_path / "out.tif", manifest, parent, identity)
