"""Options of a colorization."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from colorization.fullscale import Primaries
from colorization.hints import Hint
from colorization.models import DEFAULT
from imaging.determinants import NOT_DETERMINING, determinants
from imaging.errors import OptionsError
from imaging.networks.device import check_device
from imaging.pyramid import Compression, is_available
from imaging.scan import DEFAULT_LIMITS, ScanLimits, ScanProperties
from imaging.stage import Scalar


@dataclass(frozen=True)
class ColorizationOptions:
    """How a photograph is colored.

    Parameters
    ----------
    model
        Name of the weights; see `colorization.models`.
    model_folder
        Folder of the museum's own weights.
    hints
        What archivists know.
    alternatives
        How many alternative colorings to write as well, 0–5.
    restraint
        How far uncertain color is drawn towards neutral, 0–1; `None` for the model's default.
    working_side
        Long side of the finest scale that the network sees, px; `None` for that of the finest detail that
        matters, up to `largest_working_side`.
    largest_working_side
        px. The network was trained on pictures of some 200 px: beyond four times that it sees textures
        instead of things and its color gets patchy, while the time grows with the square.
    tile, overlap
        px at working scale; `None` for what the model prefers.
    batch
        Tiles that the network sees at once.
    threads
        Of the network; `None` for torch's own choice.
    device
        Where the network runs: ``cpu``, ``cuda``, ``cuda:1``, or ``auto`` for CUDA when there is one.
    memory_mib
        Memory limit of the stage, MiB; the tile is reduced to fit.
    compression, quality
        Of the written pyramids.
    bits
        8 or 16 per sample; `None` for those of the photograph (8 where the compression supports no more).
    primaries
        RGB primaries of the output, whose profile is embedded.
    page
        Page of a multi-page scan.
    limits
        What a deployment is willing to decode.
    """

    model: str = field(default=DEFAULT, metadata=NOT_DETERMINING)
    model_folder: Path | None = field(default=None, metadata=NOT_DETERMINING)
    hints: tuple[Hint, ...] = ()
    alternatives: int = 0
    restraint: float | None = None
    working_side: int | None = None
    largest_working_side: int = 1024
    tile: int | None = None
    overlap: int | None = None
    batch: int = field(default=1, metadata=NOT_DETERMINING)
    threads: int | None = field(default=None, metadata=NOT_DETERMINING)
    device: str = field(default="cpu", metadata=NOT_DETERMINING)
    memory_mib: int = field(default=1500, metadata=NOT_DETERMINING)
    compression: Compression = Compression.DEFLATE
    quality: int = 90
    bits: int | None = None
    primaries: Primaries = Primaries.SRGB
    page: int = 0
    limits: ScanLimits = field(default=DEFAULT_LIMITS, metadata=NOT_DETERMINING)

    def __post_init__(self) -> None:
        bounds: dict[str, tuple[float, float, float]] = {
            "restraint": (self.restraint or 0.0, 0.0, 1.0),
            "alternatives": (self.alternatives, 0, 5),
            "working_side": (self.working_side or 256, 32, 16384),
            "largest_working_side": (self.largest_working_side, 32, 16384),
            "tile": (self.tile or 512, 32, 4096),
            "batch": (self.batch, 1, 64),
            "threads": (self.threads or 1, 1, 256),
            "memory_mib": (self.memory_mib, 600, 1 << 20),
            "quality": (self.quality, 1, 100),
        }
        for name, (value, low, high) in bounds.items():
            if not low <= value <= high:
                raise OptionsError(
                    name, f"{value:g} is outside {low:g}–{high:g}", "Choose a value in that range."
                )
        check_device(self.device)
        if self.bits not in (None, 8, 16):
            raise OptionsError("bits", f"{self.bits} is neither 8 nor 16", "Choose 8, 16 or none.")
        lossy = self.compression in (Compression.JPEG, Compression.WEBP)
        if self.bits == 16 and lossy:
            raise OptionsError("bits", f"{self.compression} holds 8 bits", "Choose 8 bits, or deflate.")
        if not is_available(self.compression):
            raise OptionsError("compression", f"this libvips lacks {self.compression}", "Choose deflate.")

    def parameters(self) -> dict[str, Scalar]:
        """Return what determines the result besides the model's weights; the device does not."""
        return determinants(self)

    def bits_for(self, scan: ScanProperties) -> int:
        """Return the output's bits per sample for a scan."""
        if self.bits is not None:
            return self.bits
        return 16 if scan.bits == 16 and self.compression not in (Compression.JPEG, Compression.WEBP) else 8
