"""Averaged weights as fp16 safetensors with their descriptor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from colorization.chroma import Decoding
from colorization.descriptor import Architecture, ColorDescriptor
from colorization.models import DEFAULT
from colorization.network import SIZE_MULTIPLE, ColorNetwork
from colorization.training.targets import Palette
from imaging.networks.descriptor import SizeRequirements
from imaging.networks.training.export import encode, write_model

LICENSE = "Apache-2.0"
DESCRIPTION = "Heliochrome's own network: EfficientNet-lite0 pyramid, hints, confidence"

DATA = (
    "ImageNet-1k, through the EfficientNet-lite0 encoder's published weights (Apache-2.0)",
    "SUN scenes: interiors, streets, landscapes (research set, no licence stated)",
    "Caltech 101 (research set)",
    "Intel scenes, 150 px (CC0)",
    "Clothing Co-Parsing (Apache-2.0)",
    "House fronts, rooms, offices (research sets, to be cited; none stated)",
    "Flickr photographs of Pascal VOC: vehicles, animals, people, rooms (none stated)",
    "PACS photographs (research set); cats and dogs (none stated)",
    "FSA/OWI Kodachromes 1939–1945 (US government work)",
    "34 old color photographs (none stated)",
    "Flat-lay clothing (CC0)",
    "Photographs in web templates: portraits, weddings, offices, food (none stated for the photographs)",
    "Studio portraits on plain backdrops (CC-BY 4.0)",
    "Faces: CelebA, UTKFace and two more (research sets; none stated)",
    "Flickr8k, Imagenette and an ImageNet sample (none stated; research sets)",
    "Open Images (CC-BY, picture by picture)",
    "Sports, crowds, streets and shops (none stated)",
    "Weather, DIV2K and other small sets of scenes and vehicles (none stated)",
)


def export(
    network: ColorNetwork,
    palette: Palette,
    folder: Path,
    *,
    version: str,
    decoding: Decoding,
    preferred_side: int = 256,
    name: str = DEFAULT,
    data: Sequence[str] = DATA,
    figures: Mapping[str, float] | None = None,
) -> Path:
    """Write ``NAME-VERSION.safetensors`` and its ``.json`` into `folder`; return the descriptor's path."""
    encoded = encode({**network.state_dict(), "log_weight": palette.weight.log()})
    described = ColorDescriptor(
        name=name,
        version=version,
        architecture=Architecture.HELIOCHROME,
        weights=f"{name}-{version}.safetensors",
        sha256=encoded.sha256,
        license=LICENSE,
        description=DESCRIPTION,
        preferred_side=preferred_side,
        size=SizeRequirements(multiple_of=SIZE_MULTIPLE),
        width=network.width,
        bins=len(palette.bins),
        decoding=decoding,
        data=tuple(data),
        figures=dict(figures or {}),
    )
    return write_model(described, encoded, folder)
