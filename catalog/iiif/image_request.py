"""What an image request asks for: IIIF Image API 3.0 §4, from path segments to pixels.

Pure: nothing here opens a file. `parse` reads the four segments that follow an identifier;
`ImageRequest.plan` turns them into a rectangle to cut and a size to deliver, or says why that cannot be.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TypeVar

from imaging.errors import OptionsError

_INTEGER = r"\d{1,9}"
# Nine digits on each side are beyond any picture and keep the arithmetic small.
_DECIMAL = r"\d{1,9}(?:\.\d{1,9})?"
_REGION = re.compile(
    rf"(?P<full>full)|(?P<square>square)"
    rf"|(?P<pixels>{_INTEGER}(?:,{_INTEGER}){{3}})|pct:(?P<percent>{_DECIMAL}(?:,{_DECIMAL}){{3}})"
)
_SIZE = re.compile(
    rf"(?P<up>\^?)(?:(?P<max>max)|pct:(?P<percent>{_DECIMAL})"
    rf"|(?P<confined>!?)(?P<width>{_INTEGER})?,(?P<height>{_INTEGER})?)"
)
_Member = TypeVar("_Member", bound=StrEnum)
_ROTATION = re.compile(rf"(?P<mirror>!?)(?P<degrees>{_DECIMAL})")


class Quality(StrEnum):
    """Image API 3.0 §4.4."""

    DEFAULT = "default"
    COLOR = "color"
    GRAY = "gray"
    BITONAL = "bitonal"


class Format(StrEnum):
    """Image API 3.0 §4.5, what this service writes."""

    JPG = "jpg"
    PNG = "png"
    WEBP = "webp"
    TIF = "tif"


@dataclass(frozen=True)
class SizeLimits:
    """The largest picture that one request may ask for (Image API 3.0 §5.3).

    Parameters
    ----------
    max_width, max_height
        Sides, px.
    max_area
        Pixels in all.
    refuse_small_confined
        Whether ``!w,h`` with a box larger than the region is refused, as the official validator wants, and
        not answered with the region at its own size, as §4.2 words it.
    """

    max_width: int = 12_000
    max_height: int = 12_000
    max_area: int = 36_000_000
    refuse_small_confined: bool = False

    def admit(self, width: int, height: int) -> bool:
        """Return whether a picture of `width`×`height` px is within the limits."""
        return not self.excess(width, height)

    def excess(self, width: int, height: int) -> str:
        """Return which limit a picture of `width`×`height` px passes, in words; empty when it passes none."""
        if width > self.max_width:
            return f"{width} px of width, more than {self.max_width}"
        if height > self.max_height:
            return f"{height} px of height, more than {self.max_height}"
        return f"{width * height} px, more than {self.max_area}" if width * height > self.max_area else ""

    def largest(self, width: int, height: int, *, upscale: bool = False) -> tuple[int, int]:
        """Return the largest size of this shape within the limits, enlarged only with `upscale`."""
        scale = min(
            self.max_width / width, self.max_height / height, math.sqrt(self.max_area / (width * height))
        )
        if scale >= 1 and not upscale:
            return width, height
        largest = max(1, math.floor(width * scale)), max(1, math.floor(height * scale))
        # A picture of extreme shape has a shorter side below one pixel, which becomes one.
        return min(largest[0], self.max_width), min(largest[1], self.max_height)


@dataclass(frozen=True)
class RenderPlan:
    """What to do to a picture, all in px of the full-size picture and of the answer.

    Parameters
    ----------
    left, top, width, height
        The rectangle to cut.
    out_width, out_height
        The size to scale it to, before rotation.
    mirror, degrees
        Whether to mirror left and right, then the clockwise turn, 0 ≤ degrees < 360.
    quality, format
        How to deliver it.
    canonical
        The canonical form of the request (§4.7), without identifier.
    """

    left: int
    top: int
    width: int
    height: int
    out_width: int
    out_height: int
    mirror: bool
    degrees: float
    quality: Quality
    format: Format
    canonical: str


@dataclass(frozen=True)
class ImageRequest:
    """A request whose syntax is right; whether it can be met depends on the picture."""

    region: re.Match[str]
    size: re.Match[str]
    mirror: bool
    degrees: float
    quality: Quality
    format: Format

    def plan(self, width: int, height: int, limits: SizeLimits, *, native: Quality) -> RenderPlan:
        """Return what to do to a picture of `width`×`height` px.

        Parameters
        ----------
        native
            The quality that ``default`` means for this picture: ``color`` or ``gray``.

        Raises
        ------
        OptionsError
            When the region lies outside, or the size exceeds the region without ``^``, or the `limits`.
        """
        left, top, region_width, region_height = _cut(self.region, width, height)
        out_width, out_height = _scale(self.size, region_width, region_height, limits)
        if excess := limits.excess(*_turned(out_width, out_height, self.degrees)):
            raise _refusal(self.size.string, f"asks for {excess}", "Ask for a smaller picture.")
        quality = Quality.DEFAULT if self.quality is native else self.quality
        whole = (left, top, region_width, region_height) == (0, 0, width, height)
        region = "full" if whole else f"{left},{top},{region_width},{region_height}"
        larger = out_width > region_width or out_height > region_height
        size = f"{out_width},{out_height}"
        if (out_width, out_height) == limits.largest(region_width, region_height):
            size = "max"
        elif larger:
            size = f"^{size}"
        rotation = f"{'!' if self.mirror else ''}{self.degrees:.9f}".rstrip("0").rstrip(".")
        return RenderPlan(
            left=left,
            top=top,
            width=region_width,
            height=region_height,
            out_width=out_width,
            out_height=out_height,
            mirror=self.mirror,
            degrees=self.degrees,
            quality=quality,
            format=self.format,
            canonical=f"{region}/{size}/{rotation}/{quality}.{self.format}",
        )


def parse(region: str, size: str, rotation: str, leaf: str) -> ImageRequest:
    """Return the request that the path segments `region`, `size`, `rotation` and `leaf` spell.

    Raises
    ------
    OptionsError
        When a segment is not of the form that Image API 3.0 §4 gives it.

    Examples
    --------
    >>> request = parse("square", "^400,", "!90", "gray.png")
    >>> request.plan(300, 200, SizeLimits(), native=Quality.COLOR).canonical
    '50,0,200,200/^400,400/!90/gray.png'
    """
    quality, _, extension = leaf.rpartition(".")
    return ImageRequest(
        region=_matched(_REGION, region, "region"),
        size=_matched(_SIZE, size, "size"),
        mirror=rotation.startswith("!"),
        degrees=_degrees(rotation),
        quality=_member(Quality, quality, "quality"),
        format=_member(Format, extension, "format"),
    )


def _refusal(subject: str, fault: str, remedy: str) -> OptionsError:
    return OptionsError(subject, fault, remedy)


def _matched(pattern: re.Pattern[str], text: str, name: str) -> re.Match[str]:
    # \d would admit the digits of every script; the Image API means ASCII.
    match = pattern.fullmatch(text) if text.isascii() else None
    if match is None:
        raise _refusal(text, f"is no {name}", "See section 4 of the IIIF Image API 3.0.")
    return match


def _member(members: type[_Member], text: str, name: str) -> _Member:
    try:
        return members(text)
    except ValueError:
        raise _refusal(
            text, f"is no {name} that is offered", f"Ask for one of: {', '.join(members)}."
        ) from None


def _degrees(text: str) -> float:
    degrees = float(_matched(_ROTATION, text, "rotation")["degrees"])
    if degrees > 360:
        raise _refusal(text, "is no rotation", "Ask for 0 to 360 degrees.")
    return degrees % 360


def _cut(region: re.Match[str], width: int, height: int) -> tuple[int, int, int, int]:
    if region["full"]:
        return 0, 0, width, height
    if region["square"]:
        side = min(width, height)
        return (width - side) // 2, (height - side) // 2, side, side
    if region["pixels"]:
        left, top, across, down = (int(n) for n in region["pixels"].split(","))
    else:
        shares = [Fraction(n) / 100 for n in region["percent"].split(",")]
        left, top = round(width * shares[0]), round(height * shares[1])
        # A share that is asked for but rounds to nothing still shows something.
        across, down = (
            max(1, round(extent * share)) if share else 0
            for extent, share in zip((width, height), shares[2:], strict=True)
        )
    if not across or not down or left >= width or top >= height:
        raise _refusal(
            region.string, "is empty or outside the picture", f"The picture has {width}×{height} px."
        )
    return left, top, min(across, width - left), min(down, height - top)


def _scale(size: re.Match[str], width: int, height: int, limits: SizeLimits) -> tuple[int, int]:
    upscale = bool(size["up"])
    if size["max"]:
        return limits.largest(width, height, upscale=upscale)
    wanted = _wanted(size, width, height)
    if min(wanted) < 1:
        raise _refusal(size.string, "asks for no pixels", "Ask for at least one pixel.")
    if size["confined"]:
        wanted = _confined(size, width, height, limits)
    elif not upscale and (wanted[0] > width or wanted[1] > height or Fraction(size["percent"] or 0) > 100):
        raise _refusal(size.string, "is larger than the region", f"Ask for ^{size.string} to enlarge.")
    return wanted


def _wanted(size: re.Match[str], width: int, height: int) -> tuple[int, int]:
    if size["percent"]:
        share = Fraction(size["percent"]) / 100
        return (max(1, round(width * share)), max(1, round(height * share))) if share else (0, 0)
    across, down = (int(size[name]) if size[name] else None for name in ("width", "height"))
    if (across is None and down is None) or (size["confined"] and (across is None or down is None)):
        raise _refusal(size.string, "is no size", "Give a width, a height, or both.")
    if across is None:
        assert down is not None  # noqa: S101
        return max(1, round(Fraction(width * down, height))) if down else 0, down
    if down is None:
        return across, max(1, round(Fraction(height * across, width))) if across else 0
    return across, down


def _confined(size: re.Match[str], width: int, height: int, limits: SizeLimits) -> tuple[int, int]:
    box = int(size["width"]), int(size["height"])
    scale = min(Fraction(box[0], width), Fraction(box[1], height))
    if scale > 1 and not size["up"]:
        if limits.refuse_small_confined:
            raise _refusal(size.string, "is larger than the region", f"Ask for ^{size.string} to enlarge.")
        scale = Fraction(1)
    fitted = max(1, round(width * scale)), max(1, round(height * scale))
    return fitted if limits.admit(*fitted) else limits.largest(width, height, upscale=bool(size["up"]))


def _turned(width: int, height: int, degrees: float) -> tuple[int, int]:
    turn = math.radians(degrees)
    across, down = abs(math.cos(turn)), abs(math.sin(turn))
    return (
        math.ceil(width * across + height * down - 1e-6),
        math.ceil(width * down + height * across - 1e-6),
    )
