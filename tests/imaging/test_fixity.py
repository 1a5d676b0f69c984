"""Files are whole or absent, and their digests are right."""

from hashlib import sha256
from pathlib import Path

import pytest

from imaging.fixity import atomic_path, describe_output, sha256_file
from imaging.stage import Role


def test_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"photograph" * 100_000)
    assert sha256_file(tmp_path / "a") == sha256(b"photograph" * 100_000).hexdigest()


def test_atomic_path_moves_the_finished_file_into_place(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.tif") as partial:
        partial.write_bytes(b"whole")
        assert not (tmp_path / "a.tif").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


def test_failure_keeps_the_former_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"former")
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "a.tif") as partial:
        partial.write_bytes(b"ha")
        raise RuntimeError
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"former"]


def test_outputs_are_described_relative_to_their_folder(tmp_path: Path) -> None:
    (tmp_path / "levels").mkdir()
    (tmp_path / "levels" / "a.tif").write_bytes(b"x")
    output = describe_output(
        tmp_path / "levels" / "a.tif", tmp_path, Role.RESTORED, width=3, height=2, bits=16
    )
    assert (output.name, output.media_type, output.bytes, output.bits) == (
        "levels/a.tif",
        "image/tiff",
        1,
        16,
    )
