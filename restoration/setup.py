"""What restoring one photograph takes: what is measured of it first, and the networks for its tiles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyvips
import torch

from imaging.networks.device import choose_device
from imaging.stage import ModelReference, Scalar
from restoration.area import Area, area_of
from restoration.damage_components import DamageComponents
from restoration.defects import Detector, NetworkDetector
from restoration.denoiser import Denoiser
from restoration.kinds import DamageKind
from restoration.mending import Mender
from restoration.network import half_is_fast
from restoration.noise import NoiseReport, measure_noise
from restoration.options import RestorationOptions
from restoration.overview import Overview


@dataclass(frozen=True)
class Setup:
    """What processing the tiles of one photograph takes."""

    options: RestorationOptions
    pool: ThreadPoolExecutor
    device: str
    noise: NoiseReport
    area: Area
    """What of the scan is photograph and not border."""
    detector: Detector
    overview: Overview | None
    """What the detector says of the whole scan from afar."""
    mender: Mender | None
    denoiser: Denoiser | None

    @classmethod
    def build(cls, image: pyvips.Image, options: RestorationOptions, pool: ThreadPoolExecutor) -> Setup:
        """Measure `image` and load what `options` ask for."""
        device = choose_device(options.device)
        # Borders included: where foliage fills the photograph, only they show the grain alone.
        noise = measure_noise(image)
        return cls(
            options=options,
            pool=pool,
            device=device,
            noise=noise,
            area=area_of(image),
            detector=(detector := NetworkDetector(device)),
            overview=detector.survey(image, pool.map),
            mender=Mender(noise, device=device) if options.mend else None,
            denoiser=Denoiser(noise, options.denoise, device) if options.denoise else None,
        )

    @property
    def arithmetic(self) -> dict[str, Scalar]:
        """Return where networks run and in which precision: the last bits of the result depend on it."""
        half = half_is_fast(torch.device(self.device))
        return {"device": self.device, "arithmetic": "bfloat16" if half else "float32"}

    @property
    def models(self) -> tuple[ModelReference, ...]:
        """Of all networks that may be used: they determine the result."""
        return _models_of(self.detector, self.mender, self.denoiser)

    def models_used(self, components: DamageComponents) -> tuple[ModelReference, ...]:
        """Return the models that had an effect: the record must not claim others."""
        mended = any(components.share(kind) for kind in mended_kinds(components, self.options))
        denoised = self.denoiser is not None and not self.denoiser.idle
        return _models_of(self.detector, self.mender if mended else None, self.denoiser if denoised else None)

    @property
    def figures(self) -> dict[str, Scalar]:
        """What was measured of the scan before anything was done to it."""
        condition = {} if self.overview is None else self.overview.condition.figures()
        return condition | self.noise.figures("before")

    @property
    def margin(self) -> int:
        """Pixels around a tile that noise reduction depends on, and those that mending them depends on."""
        return sum(part.context for part in (self.mender, self.denoiser) if part is not None)


def _models_of(*parts: Detector | Mender | Denoiser | None) -> tuple[ModelReference, ...]:
    models = (part.model for part in parts if part is not None)
    return tuple(model for model in models if model is not None)


def mendable(mask: npt.NDArray[np.uint8], options: RestorationOptions) -> npt.NDArray[np.bool_]:
    """Return which pixels of a damage mask (H×W, `DamageKind` or 0) the options let mending change."""
    damaged: npt.NDArray[np.bool_] = mask > 0
    return damaged if options.mend_losses else damaged & (mask != DamageKind.LOSS)


def mended_kinds(components: DamageComponents, options: RestorationOptions) -> frozenset[DamageKind]:
    """Return the kinds that are mended: none where no sound pixel is left to mend from."""
    if not options.mend or components.damage_share == 1:
        return frozenset()
    return frozenset(DamageKind) - (frozenset() if options.mend_losses else {DamageKind.LOSS})
