"""Color models: found by descriptor, checked by sha256, loaded from safetensors, used through one interface.

Weights lie in this package's ``weights`` folder and in a folder of the museum's own, as
`imaging.networks.models` reads them. Only the architectures of `descriptor.Architecture` are built.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from colorization import chroma
from colorization.descriptor import Architecture, ColorDescriptor
from colorization.network import ColorNetwork, Output
from colorization.siggraph17 import Siggraph17
from imaging.errors import ModelError
from imaging.fixity import atomic_path
from imaging.networks.descriptor import read_descriptor
from imaging.networks.models import ModelRegistry, fill, read_weights
from imaging.stage import ModelReference

DEFAULT = "heliochrome-color"

SHIPPED = Path(__file__).parent / "weights"
"""The weights that come with Heliochrome."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """Colors for a batch, with how sure the network is.

    Parameters
    ----------
    ab
        N×2×h×w, a*b* in CIE units, at the input's size.
    confidence
        N×1×h×w in 0–1: the chance that the true color lies within `chroma.NEAR` a*b* units of the one shown.
    probabilities
        N×K×h'×w' at the network's own scale (a quarter), over `bins`, rebalancing taken back.
    bins
        K×2, a*b* in CIE units.
    """

    ab: Array
    confidence: Array
    probabilities: Array
    bins: Array


class ColorModel:
    """A network with its descriptor, ready to color.

    Parameters
    ----------
    descriptor
        What the weights are.
    network
        Called with L* and hints (N×3×h×w or `None`), returns `network.Output`; has a ``bins`` buffer.
    log_weight
        K, logarithm of the class weights of its training; zeros where there were none.
    device
        ``cpu`` or ``cuda``.
    """

    def __init__(
        self, descriptor: ColorDescriptor, network: nn.Module, log_weight: Tensor, device: str = "cpu"
    ) -> None:
        self.descriptor = descriptor
        self._device = torch.device(device)
        self._network = network.to(device=self._device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self._bins = self._network.get_buffer("bins")
        self._log_weight = log_weight.to(self._device)

    @property
    def reference(self) -> ModelReference:
        """What a stage result says about the weights."""
        return self.descriptor.reference

    def predict(self, lightness: Array, hints: Array | None = None) -> Prediction:
        """Color a batch.

        Parameters
        ----------
        lightness
            N×1×h×w, L* 0–100, any size of at least one pixel.
        hints
            N×3×h×w: a*, b* (CIE units) and trust 0–1; see `colorization.hints`. `None` for none.
        """
        height, width = lightness.shape[-2:]
        with torch.inference_mode():
            light = self._padded(lightness, "replicate")
            planes = None if hints is None else self._padded(hints, "constant")
            ab, likely = self._said(light, planes)
            mass = chroma.confidence(likely, _resized(ab, likely), self._bins)
            full = [_resized(x, light)[..., :height, :width].cpu().numpy() for x in (ab, mass)]
            sure = chroma.calibrated(full[1].clip(0, 1), self.descriptor.decoding)
            return Prediction(full[0], sure, likely.cpu().numpy(), self._bins.cpu().numpy())

    def _said(self, light: Tensor, planes: Tensor | None) -> tuple[Tensor, Tensor]:
        output: Output = self._network(light, planes)
        how = self.descriptor.decoding
        output = output._replace(logits=chroma.pooled(output.logits, light, how.pooling))
        ab = chroma.decode(output.logits, output.chroma, self._bins, self._log_weight, how)
        return ab, chroma.likelihood(output.logits, self._log_weight, how)

    def _padded(self, planes: Array, mode: str) -> Tensor:
        bottom, right = self.descriptor.size.padding(*planes.shape[-2:])
        tensor = torch.from_numpy(np.ascontiguousarray(planes, np.float32)).to(self._device)
        return F.pad(tensor, (0, right, 0, bottom), mode=mode)


def load(
    name: str = DEFAULT, device: str = "cpu", folder: Path | None = None, restraint: float | None = None
) -> ColorModel:
    """Return the model called `name`, its weights checked against its descriptor.

    Parameters
    ----------
    name
        A descriptor's name.
    device
        ``cpu`` or ``cuda``.
    folder
        Where the museum keeps weights of its own; they are looked at after those that ship.
    restraint
        Instead of the descriptor's, 0–1; see `chroma.Decoding`.

    Raises
    ------
    ModelError
        No such model, or its weights are absent, altered or of the wrong shape.
    """
    return load_described(registry(folder).find(name)[0], device, restraint)


def load_described(path: Path, device: str = "cpu", restraint: float | None = None) -> ColorModel:
    """Return the model whose descriptor lies at `path`; see `load`."""
    descriptor = read_descriptor(path, ColorDescriptor)
    network, log_weight = _BUILDERS[descriptor.architecture](descriptor, read_weights(path, descriptor))
    if restraint is not None:
        descriptor = replace(descriptor, decoding=replace(descriptor.decoding, restraint=restraint))
    return ColorModel(descriptor, network, log_weight, device)


def registry(folder: Path | None = None) -> ModelRegistry[ColorDescriptor]:
    """Return the models that ship and those that lie in the museum's `folder`."""
    return ModelRegistry(ColorDescriptor, SHIPPED, *([] if folder is None else [folder]))


def verify(name: str, folder: Path | None = None) -> ColorDescriptor:
    """Check that the weights called `name` are those described and fit their architecture.

    Raises
    ------
    ModelError
        They are absent, altered or of the wrong shape.
    """
    return load(name, folder=folder).descriptor


def add(descriptor: Path, folder: Path) -> ColorDescriptor:
    """Copy a descriptor, and the weights it names from beside it, into the museum's `folder`.

    They are loaded first; what cannot be used is not copied. There they are named after the model and its
    digest, for many weights are called ``model.safetensors``. The descriptor comes last, so that a crash
    leaves no model half there. Adding the same again changes nothing.

    Raises
    ------
    ModelError
        They cannot be used, or another model has the name already.
    """
    described = read_descriptor(descriptor, ColorDescriptor)
    _BUILDERS[described.architecture](described, read_weights(descriptor, described))
    stem = f"{described.name}-{described.sha256[:12]}"
    own = replace(described, weights=f"{stem}.safetensors")
    for path, present in registry(folder).found.items():
        if present.name == own.name and replace(present, weights=own.weights) != own:
            raise ModelError(own.name, f"the name is taken by {path}", "Give the descriptor another name.")
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / own.weights) as partial:
        shutil.copyfile(descriptor.parent / described.weights, partial)
    with atomic_path(folder / f"{stem}.json") as partial:
        partial.write_text(own.to_json())
    return own


def _build_heliochrome(descriptor: ColorDescriptor, weights: dict[str, Tensor]) -> tuple[nn.Module, Tensor]:
    bins, log_weight = weights.get("bins"), weights.pop("log_weight", None)
    if bins is None or log_weight is None or bins.shape != (descriptor.bins, 2):
        raise ModelError(descriptor.name, "the bins are not those described", "Export the weights again.")
    network = ColorNetwork(bins, descriptor.width)
    fill(network, descriptor, weights)
    return network, log_weight


def _build_siggraph17(descriptor: ColorDescriptor, weights: dict[str, Tensor]) -> tuple[nn.Module, Tensor]:
    network = Siggraph17()
    fill(network, descriptor, weights)
    return network, torch.zeros(len(network.bins))


_BUILDERS: dict[Architecture, Callable[[ColorDescriptor, dict[str, Tensor]], tuple[nn.Module, Tensor]]] = {
    Architecture.HELIOCHROME: _build_heliochrome,
    Architecture.SIGGRAPH17: _build_siggraph17,
}


def _resized(planes: Tensor, like: Tensor) -> Tensor:
    if planes.shape[-2:] == like.shape[-2:]:
        return planes
    return F.interpolate(planes, size=like.shape[-2:], mode="bilinear", align_corners=False)
