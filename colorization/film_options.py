"""The choices of coloring a film."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from colorization.hints import Hint
from colorization.models import DEFAULT
from imaging.determinants import NOT_DETERMINING, determinants
from imaging.errors import OptionsError
from imaging.film_properties import DEFAULT_LIMITS, FilmLimits
from imaging.networks.device import check_device
from imaging.stage import Scalar

_REMEDY = "Choose a value in that range."


@dataclass(frozen=True)
class FilmHint:
    """What an archivist knows about a place in one frame; it is carried along motion through the shot.

    Parameters
    ----------
    frame
        Number of the frame, from 0.
    hint
        Place, color and source.
    """

    frame: int
    hint: Hint

    def __post_init__(self) -> None:
        if self.frame < 0:
            raise OptionsError(f"hint frame={self.frame}", "it is negative", "Frames count from 0.")


@dataclass(frozen=True)
class FilmColorOptions:
    """How a film is colored.

    Parameters
    ----------
    model, model_folder
        The weights, as for photographs.
    restraint
        How far unsure color is drawn towards neutral, 0–1; `None` for what the model's card recommends.
    hints
        What archivists know.
    steadiness
        Share of a frame's color that comes from its neighbors along motion where that can be trusted, 0 to
        0.99; 0 colors each frame by itself.
    bits
        Of the master, 16 or 8 per sample. At 16, L* is the film's within the rounding of 16 bits.
    access_copy
        Whether an H.264 copy is made too.
    discard_color
        Whether a film in color is taken as if it were grey, and not refused.
    sequence_rate
        Frames per second of a folder of images, as a fraction such as ``24`` or ``24000/1001``.
    device
        Where the network runs: ``cpu``, ``cuda``, ``cuda:1`` or ``auto``.
    limits
        What a deployment is willing to decode.
    """

    model: str = field(default=DEFAULT, metadata=NOT_DETERMINING)
    model_folder: Path | None = field(default=None, metadata=NOT_DETERMINING)
    restraint: float | None = None
    hints: tuple[FilmHint, ...] = ()
    steadiness: float = 0.93
    bits: int = 16
    access_copy: bool = True
    discard_color: bool = False
    sequence_rate: str = "24"
    device: str = field(default="cpu", metadata=NOT_DETERMINING)
    limits: FilmLimits = field(default=DEFAULT_LIMITS, metadata=NOT_DETERMINING)

    def __post_init__(self) -> None:
        if not 0 <= self.steadiness <= 0.99:
            raise OptionsError("steadiness", f"{self.steadiness:g} is outside 0–0.99", _REMEDY)
        if self.restraint is not None and not 0 <= self.restraint <= 1:
            raise OptionsError("restraint", f"{self.restraint:g} is outside 0–1", _REMEDY)
        if self.bits not in (8, 16):
            raise OptionsError("bits", f"{self.bits} is neither 8 nor 16", "Choose 8 or 16.")
        rate_of(self.sequence_rate)
        check_device(self.device)

    def parameters(self) -> dict[str, Scalar]:
        """Return what determines the result, beside the model's weights."""
        return determinants(self)


def rate_of(text: str) -> Fraction:
    """Return frames per second that a person wrote; raise `OptionsError` when they are none."""
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 1000:
        raise OptionsError("sequence_rate", f"{text!r} is no rate", "Write it like 24 or 24000/1001.")
    return rate
