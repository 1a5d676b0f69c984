from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image

from catalog.iiif.image_request import Format, Quality, RenderPlan, SizeLimits, parse
from catalog.iiif.rendering import Cancellation, Picture, open_picture
from imaging.errors import StoreError
from imaging.pyramid import PyramidOptions, write_pyramid
from tests.catalog.iiif.conftest import validator_picture


@pytest.fixture
def squares(squares_pyramid: Path) -> Picture:
    return open_picture(squares_pyramid, pyramid=True)


@pytest.fixture
def grey(grey_pyramid: Path) -> Picture:
    return open_picture(grey_pyramid, pyramid=True)


def planned(picture: Picture, request: str) -> RenderPlan:
    return parse(*request.split("/")).plan(picture.width, picture.height, SizeLimits(), native=picture.native)


def rendered(picture: Picture, request: str) -> Image.Image:
    return Image.open(io.BytesIO(picture.render(planned(picture, request))))


def truth() -> np.ndarray:
    return np.asarray(validator_picture().numpy())


def test_full_size_png_is_exact(squares: Picture) -> None:
    assert (np.asarray(rendered(squares, "full/max/0/default.png")) == truth()).all()


def test_a_tile_is_where_it_was_asked_for(squares: Picture) -> None:
    tile = np.asarray(rendered(squares, "512,256,300,200/max/0/default.png"))
    assert (tile == truth()[256:456, 512:812]).all()


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_reduced_tiles_line_up_with_the_full_picture(grey: Picture, factor: int) -> None:
    # The ramp's value is its column: a misplaced tile shows at once.
    region = f"{32 * factor},{16 * factor},{64 * factor},{40 * factor}"
    tile = np.asarray(rendered(grey, f"{region}/64,40/0/default.png"), dtype=float)
    columns = (32 + np.arange(64) + 0.5) * factor * 50 / 256
    assert np.abs(tile - columns).max() < 0.2 * factor + 1.5


def test_a_mask_is_white_wherever_it_has_a_label(tmp_path: Path) -> None:
    kinds = np.zeros((600, 700), np.uint8)
    kinds[100:103, 200:203], kinds[300:400, 300:500] = 1, 6
    write_pyramid(pyvips.Image.new_from_array(kinds), tmp_path / "mask.tif", PyramidOptions(labels=True))
    mask = open_picture(tmp_path / "mask.tif", pyramid=True, labels=True)
    exact = np.asarray(rendered(mask, "full/max/0/default.png"))
    assert (exact == np.where(kinds > 0, 255, 0)).all()
    tile = np.asarray(rendered(mask, "0,0,512,512/512,512/0/default.jpg"))  # as viewers ask for tiles
    assert tile[101, 201] > 200 and tile[350, 400] > 250 and tile[50, 50] == 0
    assert np.asarray(rendered(mask, "full/350,300/0/default.png"))[50:52, 100:102].max() > 100


@pytest.mark.parametrize("request_size", ["97,31", "^1500,10", "^10,1500", "1,1", "651,389", "650,388"])
def test_sizes_are_exact(grey: Picture, request_size: str) -> None:
    across, down = (int(n) for n in request_size.removeprefix("^").split(","))
    assert rendered(grey, f"full/{request_size}/0/default.jpg").size == (across, down)


@pytest.mark.parametrize(
    ("rotation", "turn"),
    [
        ("0", lambda a: a),
        ("90", lambda a: np.rot90(a, -1)),
        ("180", lambda a: np.rot90(a, 2)),
        ("270", np.rot90),
        ("!0", lambda a: a[:, ::-1]),
        ("!90", lambda a: np.rot90(a[:, ::-1], -1)),
    ],
)
def test_mirroring_comes_before_turning_clockwise(squares: Picture, rotation: str, turn: object) -> None:
    turned = np.asarray(rendered(squares, f"0,0,300,200/max/{rotation}/default.png"))
    assert (turned == turn(truth()[:200, :300])).all()  # type: ignore[operator]


def test_arbitrary_rotation_grows_the_picture_on_white(squares: Picture) -> None:
    turned = rendered(squares, "0,0,300,200/max/30/default.jpg")
    assert abs(turned.width - (300 * 0.866 + 200 * 0.5)) < 2
    assert min(turned.getpixel((1, 1))) > 250


def test_qualities(squares: Picture, grey: Picture) -> None:
    assert rendered(squares, "full/100,/0/default.jpg").mode == "RGB"
    assert rendered(squares, "full/100,/0/gray.jpg").mode == "L"
    assert rendered(grey, "full/100,/0/default.jpg").mode == "L"
    assert rendered(grey, "full/100,/0/color.jpg").mode == "RGB"
    bitonal = rendered(grey, "full/100,/0/bitonal.png")
    assert bitonal.mode == "1"
    assert set(np.unique(np.asarray(bitonal))) == {False, True}


@pytest.mark.parametrize("format_", list(Format))
@pytest.mark.parametrize("quality", list(Quality))
def test_every_quality_comes_in_every_format(grey: Picture, quality: Quality, format_: Format) -> None:
    image = rendered(grey, f"full/64,/0/{quality}.{format_}")
    assert image.format == {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "tif": "TIFF"}[format_]
    assert image.size == (64, 38)


def test_small_requests_read_a_small_level(squares: Picture) -> None:
    from catalog.iiif import rendering

    assert rendering._cut(squares, planned(squares, "full/250,/0/default.jpg")).level.width == 250


def test_tiles_taken_directly_are_those_of_the_pipeline(squares: Picture) -> None:
    tile = planned(squares, "512,0,488,512/max/0/default.jpg")
    assert squares.is_direct(tile)
    assert not squares.is_direct(planned(squares, "512,0,488,512/max/0/default.png"))
    direct = np.asarray(Image.open(io.BytesIO(squares.render(tile))), dtype=float)
    assert np.abs(direct - truth()[:512, 512:]).mean() < 2


@pytest.mark.parametrize("size", ["700,", "!333,900", "130,130"])
def test_previews_made_in_one_go_are_those_of_the_pipeline(squares: Picture, size: str) -> None:
    # In luminance, for JPEG keeps half of the colors' resolution.
    preview = np.asarray(rendered(squares, f"full/{size}/0/default.jpg").convert("L"), dtype=float)
    through_pipeline = np.asarray(rendered(squares, f"full/{size}/0/default.png").convert("L"), dtype=float)
    assert preview.shape == through_pipeline.shape
    assert np.abs(preview - through_pipeline).mean() < 3


def test_a_level_is_opened_anew_after_many_pixels(
    squares_pyramid: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.iiif import rendering

    monkeypatch.setattr(rendering, "REOPENED_PIXELS", 3 * 256 * 256)
    picture = rendering._OpenPictures(48).get(squares_pyramid, True, False, (0, 0, 0))
    tile = "256,512,256,256/max/0/default.jpg"
    opened = {id(picture.levels[0].source._image): picture.levels[0].source._image}
    tiles = set()
    for _ in range(12):
        tiles.add(picture.render(planned(picture, tile)))
        opened[id(picture.levels[0].source._image)] = picture.levels[0].source._image
    assert len(tiles) == 1
    assert len(opened) == 3
    shown = np.asarray(Image.open(io.BytesIO(tiles.pop())), dtype=float)
    assert np.abs(shown - truth()[512:768, 256:512]).mean() < 2


def test_pictures_kept_open_are_bounded(
    squares_pyramid: Path, grey_pyramid: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.iiif import rendering

    monkeypatch.setattr(rendering, "OPEN_BYTES", 1)
    kept = rendering._OpenPictures(48)
    for path in (squares_pyramid, grey_pyramid):
        kept.get(path, True, False, (0, 0, 0))
    assert [key[0] for key in kept._kept] == [grey_pyramid]


def test_a_scan_that_is_no_pyramid_is_served_upright(tmp_path: Path) -> None:
    path = tmp_path / "scan.jpg"
    image = pyvips.Image.black(60, 40).copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    image.write_to_file(str(path))
    picture = open_picture(path, pyramid=False)
    assert (picture.width, picture.height) == (40, 60)
    assert rendered(picture, "full/20,/0/default.jpg").size == (20, 30)


def test_a_cancelled_rendering_ends_as_an_error(squares: Picture) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(StoreError):
        squares.render(planned(squares, "full/^3000,/13/default.jpg"), cancellation)


def test_a_missing_or_damaged_file_is_an_error_of_the_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        open_picture(tmp_path / "none.tif", pyramid=True)
    (tmp_path / "bad.tif").write_bytes(b"II*\0nonsense")
    with pytest.raises(StoreError):
        open_picture(tmp_path / "bad.tif", pyramid=True)
    with pytest.raises(StoreError):
        open_picture(tmp_path / "bad.tif", pyramid=False)


def test_a_tile_that_is_cut_short_is_an_error_and_not_filled_in(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (600, 700), np.uint8)
    path = tmp_path / "master.tif"
    write_pyramid(pyvips.Image.new_from_array(noise).copy(interpretation="b-w"), path, PyramidOptions())
    with tifffile.TiffFile(path) as file:
        start = file.pages[0].dataoffsets[0]
        half = file.pages[0].databytecounts[0] // 2
    content = bytearray(path.read_bytes())
    content[start + half : start + 2 * half] = bytes(half)
    path.write_bytes(content)
    with pytest.raises(StoreError):
        rendered(open_picture(path, pyramid=True), "0,0,256,256/max/0/default.png")
