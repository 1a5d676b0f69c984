"""Export of trained weights with their descriptor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import nn

from imaging.networks.training.export import encode, write_model
from restoration.models import RestorationDescriptor


def export(network: nn.Module, descriptor: RestorationDescriptor, folder: Path) -> RestorationDescriptor:
    """Write `network` as float16 safetensors and its descriptor; return that, with sha256 and sizes."""
    encoded = encode(network.state_dict())
    finished = replace(
        descriptor, sha256=encoded.sha256, bytes=len(encoded.content), parameters=encoded.parameters
    )
    write_model(finished, encoded, folder)
    return finished
