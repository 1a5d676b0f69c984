"""The networks that ship with restoration, each with a descriptor that its weights must match.

They are in this package's ``weights`` folder, in the format that `imaging.networks.models` reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field
from torch import nn

from imaging.errors import ModelError
from imaging.networks.descriptor import ModelDescriptor, Size
from imaging.networks.models import ModelRegistry, fill, read_weights

WEIGHTS = Path(__file__).parent / "weights"

_REMEDY = "Install Heliochrome again."

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class RestorationDescriptor(ModelDescriptor):
    """What a network is, needs and was made from; see `imaging.networks.descriptor` for the other fields.

    Parameters
    ----------
    network
        Class of the network, for people; the caller of `load` brings the class.
    settings
        Its constructor's arguments.
    size
        Stored as ``multiple``.
    context
        Pixels around a tile that its result depends on; tiles overlap by at least this on each side.
    bytes
        Size of the weights file.
    parameters
        Number of weights.
    training
        Data, schedule and figures of the run that made them.
    """

    network: str
    settings: Mapping[str, Any]
    size: Annotated[Size, Field(alias="multiple")]
    context: int
    sha256: str = ""
    bytes: int = 0
    parameters: int = 0
    training: Mapping[str, Any] = field(default_factory=dict)
    license: str = "Apache-2.0"


def shipped() -> tuple[RestorationDescriptor, ...]:
    """Return the descriptors of all that ship, by name.

    Raises
    ------
    ModelError
        One of them cannot be read: what ships is whole or to be installed again.
    """
    models = _registry(WEIGHTS)
    for path, error in models.unreadable.items():
        raise ModelError(path, error.fault, _REMEDY) from error
    return models.descriptors()


def load(name: str, network: type[Network], folder: Path = WEIGHTS) -> tuple[RestorationDescriptor, Network]:
    """Build `network` with the settings and weights of the model `name`: float32, for evaluation, on the CPU.

    Raises
    ------
    ModelError
        Absent or altered files, or weights that do not fit the network.
    """
    path, descriptor = _registry(folder).find(name)
    weights = read_weights(path, descriptor)
    try:
        built = network(**descriptor.settings)
    except TypeError as error:
        raise ModelError(name, f"does not fit {network.__name__}: {error}", _REMEDY) from error
    fill(built, descriptor, weights)
    return descriptor, built.eval().requires_grad_(False)


def verify(name: str, folder: Path = WEIGHTS) -> RestorationDescriptor:
    """Return the descriptor of the model `name` after comparing its weights with it, sha256 and number.

    Raises
    ------
    ModelError
        Absent or altered files.
    """
    path, descriptor = _registry(folder).find(name)
    number = sum(value.numel() for value in read_weights(path, descriptor).values())
    if number != descriptor.parameters:
        raise ModelError(name, f"has {number} weights, not {descriptor.parameters}", _REMEDY)
    return descriptor


@lru_cache(maxsize=8)
def load_once(
    name: str, network: type[Network], folder: Path = WEIGHTS
) -> tuple[RestorationDescriptor, Network]:
    """Return what `load` returns, kept for the process."""
    return load(name, network, folder)


def _registry(folder: Path) -> ModelRegistry[RestorationDescriptor]:
    return ModelRegistry(RestorationDescriptor, folder)
