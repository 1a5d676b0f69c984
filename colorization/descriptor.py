"""What a set of color weights is, beyond what is so of all networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from pydantic import Field

from colorization.chroma import Decoding
from imaging.networks.descriptor import ModelDescriptor, Size, SizeRequirements


class Architecture(StrEnum):
    """The networks that Heliochrome can build; weights for any other are refused."""

    HELIOCHROME = "heliochrome-fpn"
    SIGGRAPH17 = "siggraph17"


@dataclass(frozen=True)
class Tiling:
    """How a photograph larger than the network sees at once is taken apart.

    Parameters
    ----------
    allowed
        Whether the network may see tiles at all.
    conditioned
        Whether a tile is told the color of the whole through the hint input; for models that learned it.
    side, overlap
        Of a tile, in px of the network's input.
    """

    allowed: bool = True
    conditioned: bool = False
    side: int = 512
    overlap: int = 96


@dataclass(frozen=True, kw_only=True)
class ColorDescriptor(ModelDescriptor):
    """One set of weights; `imaging.networks.descriptor` says the rest.

    Parameters
    ----------
    architecture
        The network that the weights fit.
    weights
        The safetensors file beside the descriptor.
    description
        One line for a list.
    preferred_side
        Long side at which the network colors a whole photograph best, px.
    size
        Stored as ``size_multiple``.
    width
        Channels of the decoder (``heliochrome-fpn`` only).
    bins
        How many a*b* bins it tells apart.
    hints
        Whether it reads hints.
    tiling, decoding
        How it is used.
    data
        What it was trained on, one entry per source.
    figures
        What was measured with it.
    """

    architecture: Architecture
    weights: str
    description: str = ""
    preferred_side: int = 256
    size: Annotated[Size, Field(alias="size_multiple")] = field(
        default_factory=partial(SizeRequirements, multiple_of=32)
    )
    width: int = 96
    bins: int = 313
    hints: bool = True
    tiling: Tiling = field(default_factory=Tiling)
    decoding: Decoding = field(default_factory=Decoding)
    data: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)

    def _faults(self) -> list[str]:
        faults = {
            "weights": Path(self.weights).name != self.weights or not self.weights.endswith(".safetensors"),
            "preferred_side": not 32 <= self.preferred_side <= 4096,
            "tiling": not 0 <= 2 * self.tiling.overlap < self.tiling.side,
            "decoding": not _is_usable(self.decoding),
        }
        return [*super()._faults(), *(name for name, is_wrong in faults.items() if is_wrong)]

    @property
    def weights_file(self) -> str:
        """Name of the safetensors file beside the descriptor."""
        return self.weights


def _is_usable(how: Decoding) -> bool:
    said, true = ([pair[i] for pair in how.calibration] for i in (0, 1))
    rising = all(a < b for a, b in pairwise(said)) and all(a <= b for a, b in pairwise(true))
    within = all(0 <= value <= 1 for value in (how.restraint, *said, *true))
    return how.temperature > 0 and how.confidence_temperature > 0 and how.pooling >= 0 and rising and within
