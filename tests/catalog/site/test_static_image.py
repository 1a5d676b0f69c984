"""Static images pass the validator, and every file that they promise is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from catalog.iiif.addresses import Addresses
from catalog.iiif.rendering import open_picture
from catalog.site.static_image import information, write_static_image
from imaging.pyramid import write_pyramid
from tests.catalog.iiif.conftest import VALIDATOR_IMAGE, serving, validator_picture
from tests.catalog.iiif.test_validator import validate

BASE = "https://static.example/harbor"


def test_static_images_pass_every_test_of_level_0(tmp_path: Path) -> None:
    pyramid = tmp_path / "squares.tif"
    write_pyramid(validator_picture(), pyramid)
    site = tmp_path / "site"
    image = site / "iiif" / "3" / VALIDATOR_IMAGE
    image.parent.mkdir(parents=True)
    write_static_image(open_picture(pyramid, pyramid=True), image)

    def static(base: str) -> Starlette:
        address = Addresses(base).image(VALIDATOR_IMAGE)
        (image / "info.json").write_bytes(information(address, 1000, 1000, None))
        return Starlette(
            routes=[Mount("/", StaticFiles(directory=site))],
            middleware=[Middleware(CORSMiddleware, allow_origins=["*"])],
        )

    with serving(static) as address:
        assert validate(address, "iiif/3", 0) == "Done (5 tests, 0 failures)"


@pytest.mark.parametrize("name", ["squares_pyramid", "grey_pyramid"])
def test_every_file_that_the_information_promises_is_there(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    picture = open_picture(request.getfixturevalue(name), pyramid=True)
    folder = tmp_path / "image"
    write_static_image(picture, folder)
    info = json.loads(information(f"{BASE}/image", picture.width, picture.height, None))
    expected = {f"full/{size['width']},{size['height']}" for size in info["sizes"]} | {"full/max"}
    tile = info["tiles"][0]["width"]
    for factor in info["tiles"][0]["scaleFactors"]:
        for left in range(0, info["width"], tile * factor):
            for top in range(0, info["height"], tile * factor):
                width = min(tile * factor, info["width"] - left)
                height = min(tile * factor, info["height"] - top)
                whole = (left, top, width, height) == (0, 0, info["width"], info["height"])
                region = "full" if whole else f"{left},{top},{width},{height}"
                expected.add(f"{region}/{-(-width // factor)},{-(-height // factor)}")
    there = {str(p.relative_to(folder).parent.parent) for p in folder.rglob("default.jpg")}
    assert expected <= there
    for path in folder.rglob("default.jpg"):
        size = path.parent.parent.name
        if size != "max":
            with Image.open(path) as image:
                assert image.size == tuple(int(n) for n in size.split(","))
