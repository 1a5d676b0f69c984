"""The networks that restoration ships: a descriptor each, weights that match it or nothing.

Reads ``restoration/weights/NAME.json`` (the descriptor) and ``NAME.safetensors`` beside it. Weights are only
ever read as safetensors, which can not carry code, and only when their sha256 is the descriptor's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import nn

from imaging.errors import ModelError
from imaging.stage import ModelReference

WEIGHTS = Path(__file__).parent / "weights"

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class ModelDescriptor:
    """What a network is, needs and was made from.

    Parameters
    ----------
    name, version
        The name is that of the two files; the version changes when the weights do.
    network
        Class of the network, for people; the caller of `load` brings the class.
    settings
        Its constructor's arguments.
    multiple
        Height and width must be multiples of this, px.
    context
        Pixels around a tile that its result depends on; tiles overlap by at least this on each side.
    sha256, bytes
        Of the weights file.
    parameters
        Number of weights.
    training
        Data, schedule and figures of the run that made them.
    license
        Of the weights.
    """

    name: str
    version: str
    network: str
    settings: Mapping[str, Any]
    multiple: int
    context: int
    sha256: str = ""
    bytes: int = 0
    parameters: int = 0
    training: Mapping[str, Any] = field(default_factory=dict)
    license: str = "Apache-2.0"

    @property
    def reference(self) -> ModelReference:
        """Name, version and sha256, as a stage result records them."""
        return ModelReference(name=self.name, version=self.version, sha256=self.sha256)


def read_descriptor(name: str, folder: Path = WEIGHTS) -> ModelDescriptor:
    """Return the descriptor of the model `name`; raise `ModelError` when there is none that can be read."""
    path = folder / f"{name}.json"
    try:
        return ModelDescriptor(**json.loads(path.read_text()))
    except FileNotFoundError:
        raise ModelError(
            name, "is not among the shipped models", f"Choose one of {', '.join(available(folder))}."
        ) from None
    except (ValueError, TypeError) as error:
        raise ModelError(path, f"is not a model descriptor: {error}", "Install Heliochrome again.") from error


def available(folder: Path = WEIGHTS) -> tuple[str, ...]:
    """Return the names of the shipped models, sorted."""
    return tuple(sorted(path.stem for path in folder.glob("*.json")))


def load(name: str, network: type[Network], folder: Path = WEIGHTS) -> tuple[ModelDescriptor, Network]:
    """Build `network` with the settings and weights of the model `name`: float32, for evaluation, on the CPU.

    Raises
    ------
    ModelError
        Absent or altered files, or weights that do not fit the network.
    """
    descriptor = read_descriptor(name, folder)
    encoded = _weights(descriptor, folder)
    try:
        built = network(**descriptor.settings)
        built.load_state_dict({key: value.float() for key, value in load_safetensors(encoded).items()})
    except (RuntimeError, TypeError) as error:
        raise ModelError(
            descriptor.name, f"does not fit {descriptor.network}: {error}", "Install Heliochrome again."
        ) from error
    return descriptor, built.eval().requires_grad_(False)


def verify(name: str, folder: Path = WEIGHTS) -> ModelDescriptor:
    """Return the descriptor of the model `name` after comparing its weights with it, sha256 and number.

    Raises
    ------
    ModelError
        Absent or altered files.
    """
    descriptor = read_descriptor(name, folder)
    stored = load_safetensors(_weights(descriptor, folder))
    if (number := sum(value.numel() for value in stored.values())) != descriptor.parameters:
        fault = f"has {number} weights, not {descriptor.parameters}"
        raise ModelError(name, fault, "Install Heliochrome again.")
    return descriptor


def _weights(descriptor: ModelDescriptor, folder: Path) -> bytes:
    """Return the weights file, if it is the one that was described."""
    weights = folder / f"{descriptor.name}.safetensors"
    if not weights.exists():
        raise ModelError(weights, "is missing", "Install Heliochrome again.")
    encoded = weights.read_bytes()
    if hashlib.sha256(encoded).hexdigest() != descriptor.sha256:
        raise ModelError(
            weights, "is not the file its descriptor names (sha256 differs)", "Install Heliochrome again."
        )
    return encoded


@lru_cache(maxsize=8)
def load_once(name: str, network: type[Network], folder: Path = WEIGHTS) -> tuple[ModelDescriptor, Network]:
    """Return what `load` returns, kept for the process."""
    return load(name, network, folder)


def export(network: nn.Module, descriptor: ModelDescriptor, folder: Path = WEIGHTS) -> ModelDescriptor:
    """Write `network` as float16 safetensors and its descriptor; return that, with sha256 and sizes."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        key: value.detach().to("cpu", torch.float16).contiguous()
        for key, value in network.state_dict().items()
    }
    encoded = save_safetensors(state)
    finished = ModelDescriptor(
        **{
            **asdict(descriptor),
            "sha256": hashlib.sha256(encoded).hexdigest(),
            "bytes": len(encoded),
            "parameters": sum(value.numel() for value in state.values()),
        }
    )
    (folder / f"{descriptor.name}.safetensors").write_bytes(encoded)
    text = json.dumps(asdict(finished), indent=2, sort_keys=True, ensure_ascii=False)
    (folder / f"{descriptor.name}.json").write_text(text + "\n")
    return finished
