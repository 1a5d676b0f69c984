"""The stage: outputs are whole and right for every kind of scan, and a killed run ends in the same bytes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from skimage import data
from skimage.color import gray2rgb, rgb2gray, rgb2lab

from colorization.fullscale import Primaries
from colorization.hints import Hint
from colorization.options import ColorizationOptions
from colorization.pipeline import colorfulness, colorize
from imaging.errors import CorruptScan, OptionsError
from imaging.profiles import ProfileUse
from imaging.pyramid import Compression
from imaging.scan import inspect_scan, open_scan
from imaging.stage import Role, StageResult
from tests.colorization.standin import Killed, StandIn

SMALL: dict[str, Any] = {"tile": 128, "overlap": 32, "working_side": 400}


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    """512×400, 8 bit grey, 300 dpi."""
    pixels = (rgb2gray(data.coffee()) * 255).round().astype(np.uint8)[:, :512]
    image = pyvips.Image.new_from_array(pixels).copy(interpretation="b-w")
    image.tiffsave(str(tmp_path / "photograph.tif"), xres=300 / 25.4, yres=300 / 25.4)
    return tmp_path / "photograph.tif"


@pytest.fixture
def into(tmp_path: Path) -> Path:
    (tmp_path / "into").mkdir()
    return tmp_path / "into"


def color(photograph: Path, into: Path, predictor: StandIn | None = None, **options: Any) -> StageResult:
    return colorize(
        photograph, into, ColorizationOptions(**{**SMALL, **options}), predictor=predictor or StandIn()
    )


def test_outputs_are_described_and_nothing_else_remains(photograph: Path, into: Path) -> None:
    result = color(photograph, into)
    assert sorted(p.name for p in into.iterdir()) == ["colorized.tif", "confidence.tif"]
    colored, sure = result.file(Role.COLORIZED), result.file(Role.CONFIDENCE)
    assert (colored.width, colored.height, colored.bits) == (512, 400, 8)
    assert (sure.width, sure.height, sure.bits) == (400, 312, 8)
    assert 0 < float(result.figures["mean_confidence"] or 0) < 1
    assert StageResult.from_json(result.to_json()) == result
    properties = inspect_scan(into / "colorized.tif")
    assert properties.profile is ProfileUse.APPLIED
    assert properties.dpi == pytest.approx(300, abs=0.1)
    assert inspect_scan(into / "confidence.tif").dpi == pytest.approx(300 * 400 / 512, abs=0.1)
    for name in ("colorized.tif", "confidence.tif"):
        assert b"compositeWithTrainedAlgorithmicMedia" in pyvips.Image.tiffload(str(into / name)).get(
            "xmp-data"
        )


def test_the_photograph_is_never_overwritten(photograph: Path, into: Path) -> None:
    for name in ("colorized.tif", "confidence.tif", "alternative-2.tif"):
        source = into / name
        source.write_bytes(photograph.read_bytes())
        with pytest.raises(OptionsError, match=name):
            color(source, into, alternatives=2)
        assert source.read_bytes() == photograph.read_bytes()


def lightness(image: pyvips.Image) -> np.ndarray:
    """L* by scikit-image."""
    pixels = image.numpy()
    encoded = pixels / np.iinfo(pixels.dtype).max
    return rgb2lab(encoded if encoded.ndim == 3 else gray2rgb(encoded))[..., 0]


@pytest.mark.parametrize("kind", ["grey8", "grey16", "rgb8", "rgb16", "strips", "bigtiff", "jpeg", "png"])
def test_lightness_is_unchanged_by_colorization(
    photograph: Path, into: Path, tmp_path: Path, kind: str
) -> None:
    image = pyvips.Image.tiffload(str(photograph))
    source = tmp_path / ("scan.jpg" if kind == "jpeg" else "scan.png" if kind == "png" else "scan.tif")
    if kind.endswith("16"):
        image = (image * 257).cast("ushort").copy(interpretation="grey16")
    if kind.startswith("rgb"):
        deep = kind == "rgb16"
        image = image.bandjoin([image * 0.9, image * 0.8]).cast("ushort" if deep else "uchar")
        image = image.copy(interpretation="rgb16" if deep else "srgb")
    extra = {"strips": {"compression": "lzw"}, "bigtiff": {"bigtiff": True, "tile": True}}.get(kind, {})
    image.write_to_file(str(source), **extra)
    result = color(source, into)
    bits = result.file(Role.COLORIZED).bits
    assert bits == (16 if kind.endswith("16") else 8)
    before, after = lightness(open_scan(source)), lightness(open_scan(into / "colorized.tif"))
    # One code value of grey is at most 0.45 L* in 8 bit; 32 of 16 bit are 0.056.
    assert np.abs(after - before).max() < (0.06 if bits == 16 else 0.5)


@pytest.mark.parametrize(
    ("options", "bits"),
    [
        ({"compression": Compression.JPEG}, 8),
        ({"compression": Compression.WEBP, "quality": 80}, 8),
        ({"compression": Compression.LZW, "bits": 16}, 16),
        ({"primaries": Primaries.DISPLAY_P3}, 8),
    ],
)
def test_the_output_is_as_asked_for(photograph: Path, into: Path, options: dict[str, Any], bits: int) -> None:
    result = color(photograph, into, **options)
    assert result.file(Role.COLORIZED).bits == bits
    profile = pyvips.Image.tiffload(str(into / "colorized.tif")).get("icc-profile-data")
    assert profile == pyvips.Image.profile_load(str(options.get("primaries", "srgb")))


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (9000, 2), (31, 33)])
def test_any_size_is_colored(tmp_path: Path, into: Path, size: tuple[int, int]) -> None:
    source = tmp_path / "scan.tif"
    pyvips.Image.gaussnoise(*size, mean=128, sigma=40).cast("uchar").copy(interpretation="b-w").tiffsave(
        str(source)
    )
    result = color(source, into)
    assert (result.file(Role.COLORIZED).width, result.file(Role.COLORIZED).height) == size
    assert open_scan(into / "colorized.tif").bands == 3


def test_a_border_stays_neutral(photograph: Path, into: Path, tmp_path: Path) -> None:
    page = pyvips.Image.tiffload(str(photograph)).embed(
        40, 30, 592, 460, extend="background", background=[235]
    )
    page.tiffsave(str(tmp_path / "page.tif"))
    result = color(tmp_path / "page.tif", into)
    colored = open_scan(into / "colorized.tif").numpy().astype(int)
    assert np.ptp(colored[:26], axis=-1).max() == 0
    assert np.ptp(colored[:, :36], axis=-1).max() == 0
    assert np.ptp(colored[60:400, 80:500], axis=-1).mean() > 5
    assert 0.1 < float(result.figures["surround_share"] or 0) < 0.4


def test_a_hint_is_followed(photograph: Path, into: Path) -> None:
    color(photograph, into, hints=(Hint(0.5, 0.5, 0.1, 0, -45, "label"),))
    red, _, blue = open_scan(into / "colorized.tif").numpy()[195:205, 250:260].reshape(-1, 3).mean(axis=0)
    assert blue > red + 10


def test_killed_ten_times_the_file_is_the_same(photograph: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    undisturbed = StandIn()
    expected = color(photograph, tmp_path / "a", undisturbed)
    rng = np.random.default_rng(7)
    for round_number in range(10):
        into = tmp_path / f"b{round_number}"
        into.mkdir()
        with pytest.raises(Killed):
            color(photograph, into, StandIn(dies_after=int(rng.integers(1, len(undisturbed.seen)))))
        assert not list(into.glob("*.tif"))
        result = color(photograph, into)
        assert [f.sha256 for f in result.files] == [f.sha256 for f in expected.files]


def test_cancelling_while_writing_leaves_no_half_file(photograph: Path, into: Path) -> None:
    def cancel(share: float) -> None:
        if share > 0.9:
            raise KeyboardInterrupt

    options = ColorizationOptions(**SMALL)
    with pytest.raises(KeyboardInterrupt):
        colorize(photograph, into, options, progress=cancel, predictor=StandIn())
    assert not list(into.glob("*.tif"))
    assert not list(into.glob(".*.partial*"))
    assert len(colorize(photograph, into, options, predictor=StandIn()).files) == 2


def test_progress_rises_to_one(photograph: Path, into: Path) -> None:
    shares: list[float] = []
    colorize(photograph, into, ColorizationOptions(**SMALL), progress=shares.append, predictor=StandIn())
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_truncated_photograph_is_a_corrupt_scan(photograph: Path, into: Path, tmp_path: Path) -> None:
    pyvips.Image.tiffload(str(photograph)).pngsave(str(tmp_path / "a.png"))
    broken = tmp_path / "broken.png"
    broken.write_bytes((tmp_path / "a.png").read_bytes()[:60_000])
    with pytest.raises(CorruptScan):
        color(broken, into)
    assert not list(into.glob("*.tif"))


@pytest.mark.parametrize(
    "bad",
    [
        {"working_side": 1},
        {"tile": 8},
        {"batch": 0},
        {"bits": 12},
        {"bits": 16, "compression": Compression.JPEG},
        {"memory_mib": 10},
        {"alternatives": 6},
        {"quality": 0},
    ],
)
def test_options_outside_their_range_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(OptionsError):
        ColorizationOptions(**bad)


def test_overlap_must_fit_the_tile(photograph: Path, into: Path) -> None:
    with pytest.raises(OptionsError, match="overlap"):
        color(photograph, into, tile=128, overlap=100)


def test_grey_has_no_colorfulness_and_color_has() -> None:
    light = np.full((20, 20), 60, np.float32)
    assert colorfulness(light, np.zeros((2, 20, 20), np.float32)) < 0.5
    assert colorfulness(light, np.full((2, 20, 20), 30, np.float32)) > 10
