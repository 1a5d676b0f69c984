"""Color models: found by descriptor, checked by sha256, loaded from safetensors, used through one interface.

Weights lie in this package's ``weights`` folder and in a folder of the museum's own, each as a safetensors
file and a JSON descriptor of the same stem. Nothing here reads pickles, and only the architectures of
`descriptor.Architecture` are built. A descriptor that can not be read hides no other model.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn
from torch.nn import functional as F

from colorization import chroma
from colorization.descriptor import Architecture, ModelDescriptor, read
from colorization.network import ColorNetwork, Output
from colorization.siggraph17 import Siggraph17
from imaging.errors import ModelError
from imaging.fixity import atomic_path, sha256_file
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
        self, descriptor: ModelDescriptor, network: nn.Module, log_weight: Tensor, device: str = "cpu"
    ) -> None:
        self.descriptor = descriptor
        self._device = torch.device(device)
        self._network = network.to(device=self._device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self._bins = self._network.get_buffer("bins")
        self._log_weight = log_weight.to(self._device)

    @property
    def reference(self) -> ModelReference:
        """What a stage result says about the weights."""
        return ModelReference(self.descriptor.name, self.descriptor.version, self.descriptor.sha256)

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
        height, width = planes.shape[-2:]
        multiple = self.descriptor.size_multiple
        tensor = torch.from_numpy(np.ascontiguousarray(planes, np.float32)).to(self._device)
        return F.pad(tensor, (0, -width % multiple, 0, -height % multiple), mode=mode)


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
    return load_described(_find(name, folder)[0], device, restraint)


def load_described(path: Path, device: str = "cpu", restraint: float | None = None) -> ColorModel:
    """Return the model whose descriptor lies at `path`; see `load`."""
    descriptor = read(path)
    network, log_weight = _BUILDERS[descriptor.architecture](descriptor, read_weights(path, descriptor))
    if restraint is not None:
        descriptor = replace(descriptor, decoding=replace(descriptor.decoding, restraint=restraint))
    return ColorModel(descriptor, network, log_weight, device)


def list_models(folder: Path | None = None) -> tuple[ModelDescriptor, ...]:
    """Return every model that ships or lies in the museum's `folder`, by name."""
    return tuple(sorted(_all(folder)[0].values(), key=lambda descriptor: descriptor.name))


def unreadable(folder: Path | None = None) -> Mapping[Path, ModelError]:
    """Return which descriptors can not be read, and why; `list_models` leaves them out."""
    return _all(folder)[1]


def show(name: str, folder: Path | None = None) -> ModelDescriptor:
    """Return the descriptor called `name`; raise `ModelError` when there is none."""
    return _find(name, folder)[1]


def verify(name: str, folder: Path | None = None) -> ModelDescriptor:
    """Check that the weights called `name` are those described and fit their architecture.

    Raises
    ------
    ModelError
        They are absent, altered or of the wrong shape.
    """
    return load(name, folder=folder).descriptor


def add(descriptor: Path, folder: Path) -> ModelDescriptor:
    """Copy a descriptor, and the weights it names from beside it, into the museum's `folder`.

    They are loaded first; what can not be used is not copied. There they are named after the model and its
    digest, for many weights are called ``model.safetensors``. The descriptor comes last, so that a crash
    leaves no model half there. Adding the same again changes nothing.

    Raises
    ------
    ModelError
        They can not be used, or another model has the name already.
    """
    described = read(descriptor)
    _BUILDERS[described.architecture](described, read_weights(descriptor, described))
    stem = f"{described.name}-{described.sha256[:12]}"
    own = replace(described, weights=f"{stem}.safetensors")
    for path, present in _all(folder)[0].items():
        if present.name == own.name and replace(present, weights=own.weights) != own:
            raise ModelError(own.name, f"the name is taken by {path}", "Give the descriptor another name.")
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / own.weights) as partial:
        shutil.copyfile(descriptor.parent / described.weights, partial)
    with atomic_path(folder / f"{stem}.json") as partial:
        partial.write_text(own.to_json())
    return own


def _all(folder: Path | None) -> tuple[dict[Path, ModelDescriptor], dict[Path, ModelError]]:
    present: dict[Path, ModelDescriptor] = {}
    broken: dict[Path, ModelError] = {}
    for place in [SHIPPED] if folder is None else [SHIPPED, folder]:
        for path in sorted(place.glob("*.json")):
            try:
                present[path] = read(path)
            except ModelError as error:
                broken[path] = error
    return present, broken


def _find(name: str, folder: Path | None) -> tuple[Path, ModelDescriptor]:
    present, broken = _all(folder)
    for path, descriptor in present.items():
        if descriptor.name == name:
            return path, descriptor
    fault = "there is no model of this name"
    if broken:
        told = "; ".join(f"{path}: {error.fault}" for path, error in broken.items())
        fault += f", unless it is one whose descriptor can not be read ({told})"
    names = ", ".join(sorted(d.name for d in present.values())) or "none"
    raise ModelError(name, fault, f"Choose one of: {names}; or add its weights.")


def read_weights(described_at: Path, descriptor: ModelDescriptor) -> dict[str, Tensor]:
    """Return the weights that lie beside the descriptor at `described_at`, float32.

    Raises
    ------
    ModelError
        They are absent, altered or no safetensors.
    """
    path = described_at.parent / descriptor.weights
    if not path.is_file():
        raise ModelError(path, "the weights file is absent", "Restore it beside its descriptor.")
    if sha256_file(path) != descriptor.sha256:
        raise ModelError(
            path, "the weights differ from those described (sha256)", "Restore the file from its source."
        )
    try:
        return {name: value.float() for name, value in load_safetensors(path.read_bytes()).items()}
    except SafetensorError as fault:
        raise ModelError(path, f"not a safetensors file ({fault})", "Convert the weights first.") from fault


def _build_heliochrome(descriptor: ModelDescriptor, weights: dict[str, Tensor]) -> tuple[nn.Module, Tensor]:
    bins, log_weight = weights.get("bins"), weights.pop("log_weight", None)
    if bins is None or log_weight is None or bins.shape != (descriptor.bins, 2):
        raise ModelError(descriptor.name, "the bins are not those described", "Export the weights again.")
    network = ColorNetwork(bins, descriptor.width)
    _fill(network, descriptor, weights)
    return network, log_weight


def _build_siggraph17(descriptor: ModelDescriptor, weights: dict[str, Tensor]) -> tuple[nn.Module, Tensor]:
    network = Siggraph17()
    _fill(network, descriptor, weights)
    return network, torch.zeros(len(network.bins))


_BUILDERS: dict[Architecture, Callable[[ModelDescriptor, dict[str, Tensor]], tuple[nn.Module, Tensor]]] = {
    Architecture.HELIOCHROME: _build_heliochrome,
    Architecture.SIGGRAPH17: _build_siggraph17,
}


def _fill(network: nn.Module, descriptor: ModelDescriptor, weights: dict[str, Tensor]) -> None:
    counters = {
        name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")
    }
    try:
        network.load_state_dict({**counters, **weights})
    except RuntimeError as fault:
        first = (str(fault).splitlines()[1:] or ["their layers differ"])[0].strip()
        raise ModelError(
            descriptor.name,
            f"the weights do not fit {descriptor.architecture} ({first})",
            "Check the descriptor's architecture and width.",
        ) from fault


def _resized(planes: Tensor, like: Tensor) -> Tensor:
    if planes.shape[-2:] == like.shape[-2:]:
        return planes
    return F.interpolate(planes, size=like.shape[-2:], mode="bilinear", align_corners=False)
