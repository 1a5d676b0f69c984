"""Weights that were learned, as float16 safetensors with their descriptor."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from imaging.fixity import atomic_path
from imaging.networks.descriptor import ModelDescriptor


@dataclass(frozen=True)
class Encoded:
    """A safetensors file yet to be written.

    Parameters
    ----------
    content
        Its bytes.
    sha256
        Their digest.
    parameters
        How many numbers it holds.
    """

    content: bytes
    sha256: str
    parameters: int


def encode(weights: Mapping[str, Tensor]) -> Encoded:
    """Return a network's state in half precision, by name; counters of batches are left out."""
    half = {
        name: value.detach().cpu().half().contiguous()
        for name, value in sorted(weights.items())
        if value.is_floating_point()
    }
    content = save(half)
    return Encoded(
        content, hashlib.sha256(content).hexdigest(), sum(value.numel() for value in half.values())
    )


def write_model(descriptor: ModelDescriptor, encoded: Encoded, folder: Path) -> Path:
    """Write weights and descriptor into `folder`; return the descriptor's path.

    The descriptor comes last, so that a crash leaves no model half there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / descriptor.weights_file
    with atomic_path(weights) as partial:
        partial.write_bytes(encoded.content)
    described = weights.with_suffix(".json")
    with atomic_path(described) as partial:
        partial.write_text(descriptor.to_json())
    return described
