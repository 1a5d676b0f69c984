"""A serving process keeps few tiles in memory, and loads nothing that only manifests need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyvips

from imaging.pyramid import Compression, PyramidOptions, write_pyramid

SERVES = """
import random, sys
from pathlib import Path
import psutil
from catalog.iiif.image_request import SizeLimits, parse
from catalog.iiif.image_service import ImageService
from catalog.iiif.memory import forget_operations
from catalog.iiif.rendering import open_picture
assert "iiif_prezi3" not in sys.modules
forget_operations()
picture = open_picture(Path(sys.argv[1]), pyramid=True)
chance, process = random.Random(1), psutil.Process()
before = process.memory_info().rss
for _ in range(400):
    side = 512 * chance.choice([1, 2, 4])
    left, top = (side * chance.randrange(extent // side) for extent in (picture.width, picture.height))
    plan = parse(f"{left},{top},{side},{side}", "512,512", "0", "default.jpg")
    picture.render(plan.plan(picture.width, picture.height, SizeLimits(), native=picture.native))
print((process.memory_info().rss - before) >> 20)
"""


def test_tiles_at_random_places_of_a_large_picture_take_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.tif"
    noise = pyvips.Image.gaussnoise(512, 512, sigma=40, mean=128, seed=1).cast("uchar")
    large = noise.bandjoin([noise, noise]).replicate(32, 16).copy(interpretation="srgb")
    write_pyramid(large, path, PyramidOptions(Compression.JPEG, quality=80))
    grown = subprocess.check_output([sys.executable, "-c", SERVES, str(path)], text=True)
    assert int(grown) < 85
