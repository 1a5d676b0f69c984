"""Fading and tone: how a print's tones changed with age, reversed by a few parameters that are recorded.

Nothing here is on by default: a master keeps its tones. Requested corrections are measured on a small sample
of the photograph (`measure_tone`) and applied as a lazy libvips expression, so memory does not depend on
size. Every step can be undone from its numbers, up to rounding and to what it clipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

import cv2
import numpy as np
import pyvips
from numpy.typing import NDArray

from imaging.errors import OptionsError
from imaging.lab import srgb_to_lab
from restoration.area import Area, within
from restoration.sampling import encoded, luma, places_of_squares

_CLIPPED_TAIL = 0.001
"""Share of the pixels that may become black, and white, by `ToneCurve`, in the band where they are most."""
_NARROWEST = 0.1
"""Range of tones, of 0–1, that is never stretched further: an almost empty picture stays one."""
_DEEPEST_FADE = 0.5
"""Largest brightening, as a natural logarithm: more is the light in the scene itself."""
_THUMBNAIL = 256
"""Side of the sample in which low frequencies are measured, px."""
_STAIN_GRID = 8


@dataclass(frozen=True)
class ToneOptions:
    """What may be done to tones; all off for masters.

    Parameters
    ----------
    flatten
        Even out fading and stains at low frequency.
    neutral
        Turn the overall tint of a monochrome print (sepia, cyanotype) to neutral grey.
    levels
        Stretch the tones from the darkest to black and from the lightest to white.
    """

    flatten: bool = False
    neutral: bool = False
    levels: bool = False


class ToneStep(Protocol):
    """One change of tones and its inverse."""

    name: ClassVar[str]

    def apply(self, image: pyvips.Image) -> pyvips.Image:
        """Return the changed image: same size, bands and depth."""

    def undo(self, image: pyvips.Image) -> pyvips.Image:
        """Return what `apply` was given, up to rounding and clipping."""


@dataclass(frozen=True)
class ToneCurve:
    """Encoded values to ``((x − black) / (white − black)) ** gamma``, clipped to 0–1; all bands alike.

    Examples
    --------
    >>> curve = ToneCurve(black=0.2, white=0.7)
    >>> [round(float(v), 3) for v in curve(np.array([0.1, 0.2, 0.45, 0.7]))]
    [0.0, 0.0, 0.5, 1.0]
    >>> ToneCurve(**curve.to_dict()) == curve
    True
    """

    black: float = 0.0
    white: float = 1.0
    gamma: float = 1.0
    name: ClassVar[str] = "levels"

    def __post_init__(self) -> None:
        if not self.white > self.black or not self.gamma > 0:
            raise OptionsError(
                "tone curve",
                f"white {self.white} must lie above black {self.black}, and gamma {self.gamma} above 0",
                "Swap the points or omit the curve.",
            )

    def __call__(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return encoded values (0–1, any shape) after the curve."""
        straight = (np.asarray(values, np.float64) - self.black) / (self.white - self.black)
        return np.asarray(np.clip(straight, 0, 1) ** self.gamma)

    def inverse(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return what the curve was given, where it did not clip."""
        straight = np.clip(np.asarray(values, np.float64), 0, 1) ** (1 / self.gamma)
        return np.asarray(np.clip(self.black + straight * (self.white - self.black), 0, 1))

    def apply(self, image: pyvips.Image) -> pyvips.Image:
        """Return `image` (8 or 16 bit) after the curve."""
        return _look_up(image, self(_codes(image)))

    def undo(self, image: pyvips.Image) -> pyvips.Image:
        """Return `image` before the curve."""
        return _look_up(image, self.inverse(_codes(image)))

    def to_dict(self) -> dict[str, float]:
        """Return the parameters, JSON-able; ``ToneCurve(**parameters)`` reads them."""
        return asdict(self)


@dataclass(frozen=True)
class Tint:
    """The overall color of a monochrome print, taken out; lightness is kept.

    Parameters
    ----------
    a, b
        a* and b* of the tint as polynomials of L*/100: constant, linear and quadratic coefficient.
    """

    a: tuple[float, float, float]
    b: tuple[float, float, float]
    name: ClassVar[str] = "neutral"

    def apply(self, image: pyvips.Image) -> pyvips.Image:
        """Return `image` (RGB) without the tint."""
        return self._shift(image, -1)

    def undo(self, image: pyvips.Image) -> pyvips.Image:
        """Return `image` with the tint."""
        return self._shift(image, 1)

    def _shift(self, image: pyvips.Image, sign: int) -> pyvips.Image:
        lab = image.colourspace("lab")
        lightness = lab[0] / 100
        chroma = [
            lab[band] + sign * ((lightness * square + linear) * lightness + constant)
            for band, (constant, linear, square) in enumerate((self.a, self.b), start=1)
        ]
        return _from_lab(lab[0].bandjoin(chroma), image)


@dataclass(frozen=True)
class Stain:
    """Low-frequency color that the print's own tint does not explain, taken out; lightness is kept.

    Parameters
    ----------
    a, b
        Rows of a* and b* offsets on a coarse grid over the picture, interpolated bicubically.
    """

    a: tuple[tuple[float, ...], ...]
    b: tuple[tuple[float, ...], ...]
    name: ClassVar[str] = "stain"

    def apply(self, image: pyvips.Image) -> pyvips.Image:
        """Return `image` (RGB) without the stain."""
        return self._shift(image, -1)

    def undo(self, image: pyvips.Image) -> pyvips.Image:
        """Return `image` with the stain."""
        return self._shift(image, 1)

    def _shift(self, image: pyvips.Image, sign: int) -> pyvips.Image:
        lab = image.colourspace("lab")
        chroma = [lab[band] + sign * _spread_out(grid, image) for band, grid in ((1, self.a), (2, self.b))]
        return _from_lab(lab[0].bandjoin(chroma), image)


@dataclass(frozen=True)
class Fade:
    """Fading toward a side or the edges, evened out by a gain that varies slowly.

    Parameters
    ----------
    x, y, xx, xy, yy
        Coefficients of the gain's logarithm over the picture, both coordinates from −1 to 1.
    """

    x: float
    y: float
    xx: float
    xy: float
    yy: float
    name: ClassVar[str] = "fade"

    def apply(self, image: pyvips.Image) -> pyvips.Image:
        """Return `image` (8 or 16 bit) evened out."""
        return _cast(image * self._gain(image), image)

    def undo(self, image: pyvips.Image) -> pyvips.Image:
        """Return `image` as it was faded."""
        return _cast(image / self._gain(image), image)

    def _gain(self, image: pyvips.Image) -> pyvips.Image:
        place = pyvips.Image.xyz(image.width, image.height)
        x = place[0] * (2 / max(1, image.width - 1)) - 1
        y = place[1] * (2 / max(1, image.height - 1)) - 1
        logarithm = x * self.x + y * self.y + x * x * self.xx + x * y * self.xy + y * y * self.yy
        limited = (logarithm < -_DEEPEST_FADE).ifthenelse(-_DEEPEST_FADE, logarithm)
        return (limited > _DEEPEST_FADE).ifthenelse(_DEEPEST_FADE, limited).exp()


@dataclass(frozen=True)
class Tone:
    """Changes of tone in the order in which they are made."""

    steps: tuple[ToneStep, ...] = ()

    def apply(self, image: pyvips.Image) -> pyvips.Image:
        """Return `image` after all steps; the very same image when there are none."""
        for step in self.steps:
            image = step.apply(image)
        return image

    def undo(self, image: pyvips.Image) -> pyvips.Image:
        """Return `image` before all steps, up to rounding and clipping."""
        for step in reversed(self.steps):
            image = step.undo(image)
        return image

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters, JSON-able, by step in their order."""
        return {step.name: asdict(step) for step in self.steps}  # type: ignore[call-overload]

    @classmethod
    def from_dict(cls, parameters: Mapping[str, Mapping[str, Any]]) -> Tone:
        """Read what `to_dict` returned, also after JSON, which may change the order of keys.

        Raises
        ------
        OptionsError
            At a step that is unknown.
        """
        unknown = set(parameters) - set(_STEPS)
        if unknown:
            raise OptionsError("tone", f"{sorted(unknown)} are not steps", f"Known are {sorted(_STEPS)}.")
        return cls(tuple(_STEPS[n](**_tuples(parameters[n])) for n in _STEPS if n in parameters))


_STEPS: Mapping[str, Any] = {step.name: step for step in (Stain, Fade, Tint, ToneCurve)}
"""In the order in which they are made."""


def measure_tone(image: pyvips.Image, options: ToneOptions, area: Area | None = None) -> Tone:
    """Measure what `options` ask for on a sample of `image` (8 or 16 bit, grey or RGB).

    Color is measured only where there is some; each step is measured on the result of the one before.
    Fading, tint and levels are those of the `area` that is photograph: margins are lighter than any picture.
    """
    return Tone(tuple(_measured(image, options, area or (slice(0, image.height), slice(0, image.width)))))


def _measured(image: pyvips.Image, options: ToneOptions, area: Area) -> Iterator[ToneStep]:
    colored = image.bands >= 3
    if options.flatten:
        if colored:
            stain = _measure_stain(image)
            yield stain
            image = stain.apply(image)
        fade = _measure_fade(image, area)
        yield fade
        image = fade.apply(image)
    if options.neutral and colored:
        tint = _measure_tint(_thumbnail_lab(within(image, area)))
        yield tint
        image = tint.apply(image)
    if options.levels:
        yield _measure_levels(within(image, area))


def _measure_levels(image: pyvips.Image) -> ToneCurve:
    """Find black and white for all bands alike: in a toned print no band is clipped by more than the tail."""
    parts = [
        image.crop(*place).numpy().reshape(-1, image.bands)
        for place in places_of_squares(image.width, image.height)
    ]
    tails = np.quantile(encoded(np.concatenate(parts)), (_CLIPPED_TAIL, 1 - _CLIPPED_TAIL), axis=0)
    black, white = float(tails[0].min()), float(tails[1].max())
    if white - black < _NARROWEST:
        return ToneCurve()
    return ToneCurve(black=round(black, 5), white=round(white, 5))


def _measure_tint(lab: NDArray[np.float32]) -> Tint:
    lightness = lab[..., 0].ravel() / 100
    terms = np.stack([np.ones_like(lightness), lightness, lightness**2], 1)
    return Tint(*(_robust_fit(terms, lab[..., band].ravel()) for band in (1, 2)))


def _measure_stain(image: pyvips.Image) -> Stain:
    lab = _thumbnail_lab(image)
    tint = _measure_tint(lab)
    lightness = lab[..., 0] / 100
    grids = []
    for band, (constant, linear, square) in enumerate((tint.a, tint.b), start=1):
        unexplained = lab[..., band] - ((lightness * square + linear) * lightness + constant)
        coarse = cv2.resize(
            cv2.GaussianBlur(unexplained, (0, 0), max(unexplained.shape) / _STAIN_GRID),
            (_STAIN_GRID, _STAIN_GRID),
            interpolation=cv2.INTER_AREA,
        )
        grids.append(tuple(tuple(round(float(v), 3) for v in row) for row in coarse))
    return Stain(*grids)


def _measure_fade(image: pyvips.Image, area: Area) -> Fade:
    """Fit the light tones of a grid of cells: paper fades where light and air reach it."""
    grey = luma(_thumbnail(within(image, area)))
    cells = [
        (x, y, float(np.quantile(part, 0.9))) for y, rows in _cells(grey, 0) for x, part in _cells(rows, 1)
    ]
    x, y, light = np.array(cells).T
    rows, columns = area
    x, y = _in_whole(x, columns, image.width), _in_whole(y, rows, image.height)
    log_light = np.log(np.maximum(light, 0.05))
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 1)
    coefficients = np.linalg.lstsq(terms, log_light, rcond=None)[0][1:]
    return Fade(*(round(float(-c), 5) for c in coefficients))


def _in_whole(places: NDArray[np.float64], part: slice, length: int) -> NDArray[np.float64]:
    """Return places in a part of a side of `length` px, −1 to 1, as places on the whole side."""
    return np.asarray((part.start + (places + 1) / 2 * (part.stop - part.start)) / length * 2 - 1)


def _cells(values: NDArray[np.float32], axis: int) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """Cut `values` along `axis` into cells, each with its center from −1 to 1."""
    parts = np.array_split(values, min(6, values.shape[axis]), axis)
    for number, part in enumerate(parts):
        yield (2 * number + 1) / len(parts) - 1, part


def _robust_fit(terms: NDArray[Any], values: NDArray[np.float32]) -> tuple[float, float, float]:
    """Least squares, reweighted so that stains and colored retouching count little (Huber)."""
    weights = np.ones(len(values))
    for _ in range(5):
        root = np.sqrt(weights)
        # Slight regularization keeps coefficients bounded where the photograph has few tones.
        regular = 1e-3 * len(values) * np.eye(terms.shape[1])
        weighted = terms * root[:, None]
        found = np.linalg.solve(weighted.T @ weighted + regular, weighted.T @ (values * root))
        error = np.abs(values - terms @ found)
        weights = 1 / np.maximum(1, error / (1.5 * np.median(error) + 1e-6))
    constant, linear, square = (round(float(v), 4) for v in found)
    return constant, linear, square


def _thumbnail(image: pyvips.Image) -> NDArray[np.float32]:
    smaller = image.resize(min(1.0, _THUMBNAIL / max(image.width, image.height)))
    return encoded(smaller.numpy().reshape(smaller.height, smaller.width, smaller.bands))


def _thumbnail_lab(image: pyvips.Image) -> NDArray[np.float32]:
    return np.asarray(srgb_to_lab(_thumbnail(image)[:, :, :3]), np.float32)


def _spread_out(grid: tuple[tuple[float, ...], ...], image: pyvips.Image) -> pyvips.Image:
    small = pyvips.Image.new_from_array(np.array(grid, np.float32))
    large = small.resize(image.width / small.width, vscale=image.height / small.height, kernel="cubic")
    return large.gravity("centre", image.width, image.height, extend="copy")


def _codes(image: pyvips.Image) -> NDArray[np.float64]:
    return np.arange(_top(image) + 1) / _top(image)


def _look_up(image: pyvips.Image, values: NDArray[np.float64]) -> pyvips.Image:
    depth = np.uint16 if image.format == "ushort" else np.uint8
    table = np.rint(values * _top(image)).astype(depth)
    return image.maplut(pyvips.Image.new_from_array(table[None]))


def _top(image: pyvips.Image) -> int:
    return 65535 if image.format == "ushort" else 255


def _cast(values: pyvips.Image, like: pyvips.Image) -> pyvips.Image:
    return values.rint().cast(like.format).copy(interpretation=like.interpretation)


def _from_lab(lab: pyvips.Image, like: pyvips.Image) -> pyvips.Image:
    return lab.copy(interpretation="lab").colourspace(like.interpretation).cast(like.format)


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn JSON's lists back into the tuples that frozen steps hold."""

    def tuples(value: Any) -> Any:
        return tuple(tuples(v) for v in value) if isinstance(value, list | tuple) else value

    return {name: tuples(value) for name, value in values.items()}
