"""The choices of restoring a film."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from imaging.determinants import NOT_DETERMINING, determinants
from imaging.errors import OptionsError
from imaging.film_properties import DEFAULT_LIMITS, FilmLimits
from imaging.stage import Scalar


@dataclass(frozen=True)
class FilmRestorationOptions:
    """What is mended in a film.

    Parameters
    ----------
    dirt
        Whether dirt on single frames is mended; it is found and shown either way.
    scratches
        Whether scratches that stay in place are mended.
    flicker
        Whether brightness that flickers is evened out. Changes the tones of whole frames.
    weave
        Whether frames are held still against the gate's weave. Resamples whole frames; what is needed to undo
        it to the bit is kept.
    sensitivity
        0–1; how readily something counts as dirt. The default rather misses a speck than mends what moves.
    access_copy
        Whether an H.264 copy is made too.
    sequence_rate
        Frames per second of a folder of images, as a fraction such as ``24`` or ``24000/1001``.
    limits
        What a deployment is willing to decode.
    """

    dirt: bool = True
    scratches: bool = True
    flicker: bool = True
    weave: bool = False
    sensitivity: float = 0.5
    access_copy: bool = True
    sequence_rate: str = "24"
    limits: FilmLimits = field(default=DEFAULT_LIMITS, metadata=NOT_DETERMINING)

    def __post_init__(self) -> None:
        if not 0.0 <= self.sensitivity <= 1.0:
            fault = f"{self.sensitivity:g} is outside 0–1"
            raise OptionsError("film restoration option sensitivity", fault, "Choose from 0 to 1.")
        if not 0 < self.rate <= 1000:
            fault = f"{self.sequence_rate!r} is no rate"
            raise OptionsError("sequence_rate", fault, "Write it like 24 or 24000/1001.")

    @property
    def rate(self) -> Fraction:
        """Frames per second of a folder of images; 0 where the text says none."""
        try:
            return Fraction(self.sequence_rate)
        except (ValueError, ZeroDivisionError):
            return Fraction(0)

    def parameters(self) -> dict[str, Scalar]:
        """Return what determines the result, as the result records it."""
        return determinants(self)
