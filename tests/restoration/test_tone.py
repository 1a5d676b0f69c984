import json

import numpy as np
import pytest
import pyvips

from imaging.errors import OptionsError
from imaging.lab import srgb_to_lab
from restoration.tone import Fade, Stain, Tint, Tone, ToneCurve, ToneOptions, measure_tone

ALL = ToneOptions(flatten=True, neutral=True, levels=True)


def photograph(dtype=np.uint8, bands=1, width=240, height=180) -> np.ndarray:
    random = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    tones = 0.5 + 0.3 * np.sin(x / 17) * np.cos(y / 11) + 0.02 * random.standard_normal((height, width))
    pixels = np.rint(tones.clip(0.05, 0.95) * np.iinfo(dtype).max).astype(dtype)
    return np.repeat(pixels[:, :, None], bands, 2)


def as_image(pixels: np.ndarray) -> pyvips.Image:
    interpretations = {
        (1, "uint8"): "b-w",
        (1, "uint16"): "grey16",
        (3, "uint8"): "srgb",
        (3, "uint16"): "rgb16",
    }
    interpretation = interpretations[pixels.shape[2], str(pixels.dtype)]
    return pyvips.Image.new_from_array(pixels).copy(interpretation=interpretation)


def pixels_of(image: pyvips.Image) -> np.ndarray:
    return image.numpy().reshape(image.height, image.width, image.bands)


def sepia(pixels: np.ndarray) -> np.ndarray:
    tinted = pixels * np.array([1.0, 0.9, 0.72])
    return np.rint(tinted).astype(pixels.dtype)


STEPS = [
    Stain(((0.0, 2.0), (3.0, -1.0)), ((0.0, 6.0), (2.0, 4.0))),
    Fade(0.05, -0.04, 0.03, 0.02, -0.05),
    Tint((1.0, 6.0, -4.0), (3.0, 20.0, -12.0)),
    ToneCurve(0.04, 0.97, 0.8),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_step_can_be_undone(step, dtype):
    bands = 3 if isinstance(step, Tint | Stain) else 1
    before = as_image(photograph(dtype, bands))
    changed = step.apply(before)
    after = step.undo(changed)
    assert (changed.format, changed.interpretation) == (before.format, before.interpretation)
    assert not np.array_equal(pixels_of(changed), pixels_of(before))
    difference = np.abs(pixels_of(after).astype(float) - pixels_of(before)) / np.iinfo(dtype).max
    # What the curve clips and what leaves the gamut does not come back; all else does, within rounding.
    assert np.quantile(difference, 0.99) <= (2.5 / 255 if dtype == np.uint8 else 3e-4)


@pytest.mark.parametrize("sort_keys", [False, True])
def test_parameters_survive_json_in_the_order_of_the_steps(sort_keys):
    tone = Tone(tuple(STEPS))
    assert Tone.from_dict(json.loads(json.dumps(tone.to_dict(), sort_keys=sort_keys))) == tone


def test_unknown_steps_are_refused():
    with pytest.raises(OptionsError, match="are not steps"):
        Tone.from_dict({"sharpen": {}})


@pytest.mark.parametrize(("black", "white", "gamma"), [(0.5, 0.5, 1.0), (0.7, 0.2, 1.0), (0.0, 1.0, 0.0)])
def test_invalid_curves_are_refused(black, white, gamma):
    with pytest.raises(OptionsError, match="tone curve"):
        ToneCurve(black, white, gamma)


def test_nothing_asked_is_the_same_image():
    image = as_image(photograph())
    assert measure_tone(image, ToneOptions()).apply(image) is image


def test_levels_reach_black_and_white_and_clip_little():
    pixels = photograph()
    changed = pixels_of(measure_tone(as_image(pixels), ToneOptions(levels=True)).apply(as_image(pixels)))
    assert changed.min() == 0
    assert changed.max() == 255
    assert ((changed == 0) | (changed == 255)).mean() < 0.02


def test_levels_clip_little_of_any_band_of_a_toned_print():
    """Measured on luma, black lay above nearly all of a sepia print's blue."""
    before = as_image(sepia(photograph(bands=3)))
    tone = measure_tone(before, ToneOptions(levels=True))
    after = pixels_of(tone.apply(before))
    newly = (after == 0) & (pixels_of(before) > 0) | (after == 255) & (pixels_of(before) < 255)
    assert (newly.mean((0, 1)) < 0.01).all()
    assert after.max() >= 254 and after.min() <= 1


def test_margins_do_not_count():
    pixels = photograph()
    framed = np.pad(pixels, ((30, 30), (40, 40), (0, 0)), constant_values=255)
    area = slice(30, 30 + pixels.shape[0]), slice(40, 40 + pixels.shape[1])
    options = ToneOptions(levels=True)
    assert measure_tone(as_image(framed), options, area) == measure_tone(as_image(pixels), options)
    assert measure_tone(as_image(framed), options) != measure_tone(as_image(pixels), options)


def test_fading_is_measured_where_the_photograph_lies():
    xs = np.tile(np.linspace(-1, 1, 300), (200, 1))
    faded = np.rint(150 * np.exp(0.3 * xs)).astype(np.uint8)[:, :, None]
    framed = np.pad(faded, ((0, 0), (300, 0), (0, 0)), constant_values=255)
    (fade,) = measure_tone(
        as_image(framed), ToneOptions(flatten=True), (slice(0, 200), slice(300, 600))
    ).steps
    evened = pixels_of(fade.apply(as_image(framed)))[:, 320:580].astype(float)
    assert evened.std() < 0.25 * faded[:, 20:280].std()


def test_an_empty_picture_is_not_stretched():
    flat = as_image(np.full((80, 80, 1), 140, np.uint8))
    assert np.array_equal(
        pixels_of(measure_tone(flat, ToneOptions(levels=True)).apply(flat)), pixels_of(flat)
    )


def test_levels_have_no_eight_bit_step():
    ramp = np.linspace(20000, 40000, 200 * 100).astype(np.uint16).reshape(100, 200, 1)
    changed = pixels_of(ToneCurve(0.3, 0.62).apply(as_image(ramp)))
    assert len(np.unique(changed)) > 15000


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_sepia_becomes_neutral_and_keeps_its_lightness(dtype):
    pixels = sepia(photograph(dtype, 3))
    image = as_image(pixels)
    neutral = pixels_of(measure_tone(image, ToneOptions(neutral=True)).apply(image))
    scale = np.float32(np.iinfo(dtype).max)
    before, after = srgb_to_lab(pixels / scale), srgb_to_lab(neutral / scale)
    assert np.abs(before[..., 2]).mean() > 8
    assert np.abs(after[..., 1:]).mean() < 1
    assert np.abs(after[..., 0] - before[..., 0]).mean() < 0.3


def test_a_stain_is_evened_out_and_tint_and_lightness_stay():
    clean = sepia(photograph(np.uint8, 3))
    y, x = np.mgrid[: clean.shape[0], : clean.shape[1]]
    spot = np.exp(-((x - 180) ** 2 + (y - 60) ** 2) / (2 * 45**2))
    stained = (clean * (1 - spot[:, :, None] * np.array([0.0, 0.02, 0.2]))).astype(np.uint8)
    image = as_image(stained)
    tone = measure_tone(image, ToneOptions(flatten=True))
    evened = pixels_of(tone.steps[0].apply(image))
    truth, found, bad = (srgb_to_lab((p / 255).astype(np.float32)) for p in (clean, evened, stained))
    center = np.s_[40:80, 160:200]
    assert abs((found - truth)[center][..., 2].mean()) < 0.6 * abs((bad - truth)[center][..., 2].mean())
    assert np.abs((found - bad)[..., 0]).mean() < 0.5


def test_fading_toward_a_side_is_evened_out():
    even = photograph()
    fall = np.exp(np.linspace(0.15, -0.25, even.shape[1]))[None, :, None]
    faded = (even * fall).clip(0, 255).astype(np.uint8)
    image = as_image(faded)
    evened = pixels_of(measure_tone(image, ToneOptions(flatten=True)).apply(image)).astype(float)

    def slope(pixels):
        return abs(np.log(pixels[:, :80].mean() / pixels[:, -80:].mean()))

    assert slope(evened) < slope(faded) / 3


@pytest.mark.parametrize(("dtype", "bands"), [(np.uint8, 1), (np.uint16, 3)])
def test_everything_together_keeps_size_depth_and_bands(dtype, bands):
    image = as_image(photograph(dtype, bands, 97, 61))
    tone = measure_tone(image, ALL)
    changed = tone.apply(image)
    assert (changed.width, changed.height, changed.bands, changed.format) == (97, 61, bands, image.format)
    assert [step.name for step in tone.steps][-1] == "levels"
