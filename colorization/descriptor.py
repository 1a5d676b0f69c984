"""What a set of color weights is, as data: a JSON file beside a safetensors file.

A descriptor states everything that using the weights needs (architecture, sizes, tiling, decoding) and
everything that showing their output needs (version, licence, training data, figures). It covers the weights
that ship with Heliochrome and those that a museum brings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from colorization.chroma import Decoding
from imaging.errors import ModelError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


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


@dataclass(frozen=True)
class ModelDescriptor:
    """One set of weights.

    Parameters
    ----------
    name, version
        What it is called, in lower case; names are unique among the weights in use.
    architecture
        The network that the weights fit.
    weights, sha256
        The safetensors file beside the descriptor and the digest of its bytes.
    license
        SPDX identifier or, failing one, a sentence.
    description
        One line for a list.
    preferred_side
        Long side at which the network colors a whole photograph best, px.
    size_multiple
        Of both sides of its input, px; `models.ColorModel.predict` pads to it.
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

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: str
    version: str
    architecture: Architecture
    weights: str
    sha256: str
    license: str
    description: str = ""
    preferred_side: int = 256
    size_multiple: int = 32
    width: int = 96
    bins: int = 313
    hints: bool = True
    tiling: Tiling = field(default_factory=Tiling)
    decoding: Decoding = field(default_factory=Decoding)
    data: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = {
            "name": not _NAME.fullmatch(self.name),
            "weights": Path(self.weights).name != self.weights or not self.weights.endswith(".safetensors"),
            "sha256": not _DIGEST.fullmatch(self.sha256),
            "license": not self.license.strip(),
            "preferred_side": not 32 <= self.preferred_side <= 4096,
            "size_multiple": not 1 <= self.size_multiple <= 256,
            "tiling": not 0 <= 2 * self.tiling.overlap < self.tiling.side,
            "decoding": not _is_usable(self.decoding),
        }
        if wrong := [name for name, is_wrong in faults.items() if is_wrong]:
            raise ModelError(
                self.name, f"its descriptor's {', '.join(wrong)} can not be used", "Correct the descriptor."
            )

    def to_json(self) -> str:
        """Return the descriptor as the JSON document that `read` reads."""
        return _ADAPTER.dump_json(self, indent=2).decode() + "\n"


def _is_usable(how: Decoding) -> bool:
    said, true = ([pair[i] for pair in how.calibration] for i in (0, 1))
    rising = all(a < b for a, b in pairwise(said)) and all(a <= b for a, b in pairwise(true))
    within = all(0 <= value <= 1 for value in (how.restraint, *said, *true))
    return how.temperature > 0 and how.confidence_temperature > 0 and how.pooling >= 0 and rising and within


def read(path: Path) -> ModelDescriptor:
    """Read a descriptor.

    Raises
    ------
    ModelError
        It is absent, is not JSON, or states what can not be used.
    """
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except OSError as fault:
        raise ModelError(path, "its descriptor can not be read", "Check the path.") from fault
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ModelError(path, f"{where}: {first['msg']}", "Correct the descriptor.") from fault


_ADAPTER = TypeAdapter(ModelDescriptor)
