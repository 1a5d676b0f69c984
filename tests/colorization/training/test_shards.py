import io
import tarfile

import cv2
import numpy as np
import pytest

from colorization.training import shards


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Three shards of four photographs, the last two of the last shard held back."""
    monkeypatch.setattr(shards, "HELD_BACK", 2)
    lines = ["shard\tfile\tsource\twidth\theight"]
    for s, shard in enumerate(shards.SHARDS):
        with tarfile.open(tmp_path / shard, "w") as archive:
            for i in range(4):
                name, value = f"{4 * s + i:05d}.png", 20 * (4 * s + i)
                content = cv2.imencode(".png", np.full((8, 9, 3), (0, 0, value), np.uint8))[1].tobytes()
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
                lines.append(f"{shard[:-4]}\t{name}\t{'fsac' if i == 0 else 'sun'}\t9\t8")
    (tmp_path / "index.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_held_back_photographs_are_not_trained_on(photos):
    trained = {int(p[0, 0, 0]) for p in shards.load_training(photos).photographs}
    held_back = {int(p[0, 0, 0]) for p in shards.load_held_back(photos)}
    assert held_back == {200, 220}
    assert len(trained) == 10
    assert not trained & held_back


def test_sources_are_drawn_by_their_weight(photos):
    album = shards.load_training(photos)
    drawn = [int(p[0, 0, 0]) for p in album.draw(np.random.default_rng(0), 4000)]
    fsac = np.isin(drawn, [0, 80, 160]).mean()
    expected = 3 * shards.SOURCE_WEIGHTS["fsac"] / sum(album.weights)
    assert fsac == pytest.approx(expected, abs=0.03)
