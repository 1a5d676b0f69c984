"""Options of a restoration."""

from __future__ import annotations

from dataclasses import dataclass, field

from imaging.determinants import ASIDE, determinants
from imaging.errors import OptionsError
from imaging.networks.device import check_device
from imaging.pyramid import PyramidOptions
from imaging.stage import Scalar
from restoration.tone import ToneOptions


@dataclass(frozen=True)
class RestorationOptions:
    """The options of the restoration stage; all that determine the result are recorded with it.

    Parameters
    ----------
    mend
        Whether damage is mended. It is found and shown either way.
    mend_losses
        Whether losses are filled, too. What is missing over an area can only be invented, so by default they
        are shown in the mask and left as they are.
    sensitivity
        0–1; how readily something counts as damage. The default would rather miss a speck than remove an
        eyelash.
    denoise
        0–1; the share of the measured noise that is removed; 0 leaves the grain untouched.
    tone
        Changes of tone; none by default.
    pyramid
        How the two pictures are written.
    page
        Which page of a multi-page file, from 0.
    tile
        Side of a working tile, px, a multiple of 64, so that tiles are aligned with the networks' grids;
        bounds the memory and hardly affects the result at the default sensitivity.
    device
        Where networks run: ``cpu``, ``cuda``, ``cuda:1``, or ``auto`` for CUDA when there is one.
    threads
        Tiles processed at the same time, each of which takes memory; 0 for the number of processors, at most
        four.
    """

    mend: bool = True
    mend_losses: bool = False
    sensitivity: float = 0.5
    denoise: float = 0.5
    tone: ToneOptions = field(default_factory=ToneOptions)
    pyramid: PyramidOptions = field(default_factory=PyramidOptions)
    page: int = 0
    tile: int = 1024
    device: str = field(default="auto", compare=False, metadata=ASIDE)
    threads: int = field(default=0, compare=False, metadata=ASIDE)

    def __post_init__(self) -> None:
        for name in ("sensitivity", "denoise"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise OptionsError(
                    f"restoration option {name}", f"{value} is outside 0–1", "Choose from 0 to 1."
                )
        if not _SMALLEST_TILE <= self.tile <= _LARGEST_TILE or self.tile % _GRID:
            raise OptionsError(
                "restoration option tile",
                f"{self.tile} px is not a multiple of {_GRID} from {_SMALLEST_TILE} to {_LARGEST_TILE}",
                "Keep the default unless memory is short.",
            )
        check_device(self.device)
        for name, remedy in (("threads", "Choose 0 for automatic."), ("page", "Pages count from 0.")):
            if getattr(self, name) < 0:
                raise OptionsError(f"restoration option {name}", f"{getattr(self, name)} is negative", remedy)

    def parameters(self) -> dict[str, Scalar]:
        """Return what determines the result, as the result records it."""
        return determinants(self)


_GRID = 64
_SMALLEST_TILE = 128
_LARGEST_TILE = 8192
