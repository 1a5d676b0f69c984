import io
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.errors import CorruptScan
from imaging.networks.training.shards import read_photographs, read_shard, training_shards


def shard(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def png(value: int = 0) -> bytes:
    picture: NDArray[np.uint8] = np.full((6, 9, 3), (10, 20, value), np.uint8)  # blue, green, red
    return cv2.imencode(".png", picture)[1].tobytes()


def test_shards_that_do_not_decode_are_named(tmp_path: Path) -> None:
    path = shard(tmp_path / "broken.tar", {"a.jpg": b"JUNK"})
    with pytest.raises(CorruptScan, match=r"broken.tar:a.jpg"):
        read_photographs([path])


def test_shards_are_read_up_to_a_limit_grey_or_in_color(tmp_path: Path) -> None:
    path = shard(tmp_path / "three.tar", {f"{i}.png": png(i) for i in range(3)})
    assert [p.shape for p in read_photographs([path], limit=2)] == [(6, 9)] * 2
    assert [p[0, 0].tolist() for p in read_photographs([path], grey=False)] == [[i, 20, 10] for i in range(3)]


def test_names_come_with_their_shard_and_other_files_are_skipped(tmp_path: Path) -> None:
    members = {"a.PNG": png(200), "index.tsv": b"file\tsource\n", "b.png": png(100)}
    paths = [shard(tmp_path / f"train-{n}.tar", members) for n in (0, 1)]
    names: list[tuple[str, str]] = []
    read_photographs(paths, limit=3, names=names)
    assert names == [("train-0", "a.PNG"), ("train-0", "b.png"), ("train-1", "a.PNG")]
    # Rec. 601 luma; decoders round as they please.
    luma = [0.299 * red + 0.587 * 20 + 0.114 * 10 for red in (200, 100)]
    grey = [float(picture[0, 0]) for _, picture in read_shard(paths[0], grey=True)]
    assert grey == pytest.approx(luma, abs=1)


def test_training_shards_are_those_of_small_photographs(tmp_path: Path) -> None:
    for name in ("train-1.tar", "train-0.tar", "other.tar", "index.tsv"):
        (tmp_path / name).touch()
    assert [path.name for path in training_shards(tmp_path)] == ["train-0.tar", "train-1.tar"]
