import io
import tarfile

import cv2
import numpy as np
import pytest

from colorization.training import shards

SHARDS = ("train-0.tar", "train-2.tar", "train-3.tar", "train-11.tar")


def write_shard(path, values):
    with tarfile.open(path, "w") as archive:
        for value in values:
            content = cv2.imencode(".png", np.full((8, 9, 3), (0, 0, value), np.uint8))[1].tobytes()
            member = tarfile.TarInfo(f"{value:05d}.png")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Four shards of four photographs, each red by its number; the last two of train-2 are held back."""
    monkeypatch.setattr(shards, "HELD_BACK", 2)
    lines = ["shard\tfile\tsource\twidth\theight"]
    for s, shard in enumerate(SHARDS):
        values = range(16 * s, 16 * s + 4)
        write_shard(tmp_path / shard, values)
        lines += [
            f"{shard[:-4]}\t{value:05d}.png\t{'fsac' if value % 16 == 0 else 'sun'}\t9\t8" for value in values
        ]
    write_shard(tmp_path / "other.tar", range(200, 205))
    lines += [
        f"other\t{value:05d}.png\t{'coco' if value < 203 else 'onrr'}\t9\t8" for value in range(200, 205)
    ]
    (tmp_path / "index.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path


def numbers(photographs):
    return {int(p[0, 0, 0]) for p in photographs}


def test_the_last_of_train_2_are_held_back_whatever_other_shards_there_are(photos):
    trained = numbers(shards.load_training(photos).photographs)
    held_back = numbers(shards.load_held_back(photos))
    assert held_back == {18, 19}
    assert trained == {16 * s + i for s in range(4) for i in range(4)} - held_back


def test_a_source_that_is_not_wanted_is_left_out(photos):
    dataset = shards.load_training(photos, without={"fsac"})
    assert numbers(dataset.photographs) == {16 * s + i for s in range(4) for i in (1, 2, 3)} - {18, 19}


def test_a_folder_without_shards_is_refused_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        shards.load_training(tmp_path)


def test_other_collections_are_halved_into_choosing_and_measuring(photos):
    other = shards.load_other(photos)
    chosen, measured = shards.selection_half(other), shards.evaluation_half(other)
    assert {source: numbers(pictures) for source, pictures in chosen.items()} == {
        "coco": {200, 202},
        "onrr": {203},
    }
    assert {source: numbers(pictures) for source, pictures in measured.items()} == {
        "coco": {201},
        "onrr": {204},
    }


def test_sources_are_drawn_by_their_weight(photos):
    dataset = shards.load_training(photos)
    drawn = [int(p[0, 0, 0]) for p in dataset.draw(np.random.default_rng(0), 4000)]
    fsac = np.isin(drawn, [0, 16, 32, 48]).mean()
    expected = 4 * shards.SOURCE_WEIGHTS["fsac"] / sum(dataset.weights)
    assert fsac == pytest.approx(expected, abs=0.03)
