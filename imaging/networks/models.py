"""Models: found by descriptor, their weights checked by sha256 and read from safetensors.

Each lies in a folder as a JSON descriptor and, beside it, the safetensors file that it names. Nothing here
reads pickles. A descriptor that cannot be read hides no other model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Generic

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from imaging.errors import ModelError
from imaging.networks.descriptor import Descriptor, ModelDescriptor, read_descriptor


class ModelRegistry(Generic[Descriptor]):
    """The models in some folders, as they are now.

    Parameters
    ----------
    kind
        Class of their descriptors.
    folders
        Where they lie; of two models with one name, that in the earlier folder counts.
    """

    def __init__(self, kind: type[Descriptor], *folders: Path) -> None:
        self.found: dict[Path, Descriptor] = {}
        self.unreadable: dict[Path, ModelError] = {}
        for folder in folders:
            for path in sorted(folder.glob("*.json")):
                try:
                    self.found[path] = read_descriptor(path, kind)
                except ModelError as error:
                    self.unreadable[path] = error

    def descriptors(self) -> tuple[Descriptor, ...]:
        """Return every descriptor that can be read, by name."""
        return tuple(sorted(self.found.values(), key=lambda descriptor: descriptor.name))

    def find(self, name: str) -> tuple[Path, Descriptor]:
        """Return the descriptor called `name` and where it lies; raise `ModelError` when there is none."""
        for path, descriptor in self.found.items():
            if descriptor.name == name:
                return path, descriptor
        fault = "is not among the models"
        if self.unreadable:
            others = "; ".join(f"{path}: {error.fault}" for path, error in self.unreadable.items())
            fault += f", unless it is one whose descriptor cannot be read ({others})"
        names = ", ".join(descriptor.name for descriptor in self.descriptors()) or "none"
        raise ModelError(name, fault, f"Choose one of: {names}; or add its weights.")


def read_weights(described_at: Path, descriptor: ModelDescriptor) -> dict[str, Tensor]:
    """Return the weights that lie beside the descriptor at `described_at`, float32.

    Raises
    ------
    ModelError
        They are absent, altered or no safetensors.
    """
    path = described_at.parent / descriptor.weights_file
    if not path.is_file():
        raise ModelError(path, "the weights file is absent", "Restore it beside its descriptor.")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != descriptor.sha256:
        raise ModelError(
            path, "the weights differ from those described (sha256)", "Restore the file from its source."
        )
    try:
        return {name: value.float() for name, value in load(content).items()}
    except SafetensorError as fault:
        raise ModelError(path, f"not a safetensors file ({fault})", "Convert the weights first.") from fault


def fill(network: nn.Module, descriptor: ModelDescriptor, weights: Mapping[str, Tensor]) -> None:
    """Give `network` these weights; counters of batches, which only training needs, may be left out.

    Raises
    ------
    ModelError
        The weights are those of another network.
    """
    counters = {
        name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")
    }
    try:
        network.load_state_dict({**counters, **weights})
    except RuntimeError as fault:
        first = (str(fault).splitlines()[1:] or ["their layers differ"])[0].strip()
        raise ModelError(
            descriptor.name,
            f"the weights do not fit {type(network).__name__} ({first})",
            "Check the network that the descriptor states, and its width.",
        ) from fault
