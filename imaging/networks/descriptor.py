"""What a set of weights is, as data: a JSON file beside a safetensors file.

A descriptor states everything that using the weights needs and everything that showing their output needs:
here what is so of all networks, in a class of its own below `ModelDescriptor` what a stage's networks need
besides. It covers the weights that ship with Heliochrome and those that a museum brings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BeforeValidator, ConfigDict, PlainSerializer, TypeAdapter, ValidationError

from imaging.errors import ModelError
from imaging.stage import ModelReference

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class SizeRequirements:
    """Sizes of the pictures that a network takes.

    Parameters
    ----------
    multiple_of
        Height and width must be multiples of this, px, 1–256.
    minimum
        Neither may be smaller than this, px; raised to a multiple of `multiple_of`.

    Raises
    ------
    ValueError
        A number outside its range.

    Examples
    --------
    >>> SizeRequirements(multiple_of=32, minimum=70)
    SizeRequirements(multiple_of=32, minimum=96)
    >>> SizeRequirements(multiple_of=32).padding(64, 50)
    (0, 14)
    """

    multiple_of: int = 1
    minimum: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.multiple_of <= 256:
            raise ValueError(f"sides cannot be multiples of {self.multiple_of} px: 1 to 256 can be")
        if self.minimum < 0:
            raise ValueError(f"no side is shorter than 0 px, such as {self.minimum}")
        object.__setattr__(self, "minimum", self.minimum + -self.minimum % self.multiple_of)

    def padding(self, height: int, width: int) -> tuple[int, int]:
        """Return how many rows and columns a picture of this size, px, lacks."""
        rows, columns = (max(side + -side % self.multiple_of, self.minimum) for side in (height, width))
        return rows - height, columns - width


def _read_size(stored: Any) -> Any:
    return stored if isinstance(stored, Mapping | SizeRequirements) else {"multiple_of": stored}


def _stored_size(size: SizeRequirements) -> int | dict[str, int]:
    if not size.minimum:
        return size.multiple_of
    return {"multiple_of": size.multiple_of, "minimum": size.minimum}


Size = Annotated[SizeRequirements, BeforeValidator(_read_size), PlainSerializer(_stored_size)]
"""Stored as one number, the multiple, where there is no minimum."""


@dataclass(frozen=True, kw_only=True)
class ModelDescriptor:
    """One set of weights.

    Parameters
    ----------
    name, version
        What it is called, in lower case; the version changes when the weights do.
    sha256
        Digest of the weights file; empty before that is written.
    license
        SPDX identifier or, failing one, a sentence.
    size
        Of the network's input; whoever runs it pads.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: str
    version: str
    sha256: str
    license: str
    size: Size

    def __post_init__(self) -> None:
        if wrong := self._faults():
            raise ModelError(
                self.name, f"its descriptor's {', '.join(wrong)} cannot be used", "Correct the descriptor."
            )

    def _faults(self) -> list[str]:
        """Return the names of fields that cannot be used."""
        faults = {
            "name": not _NAME.fullmatch(self.name),
            "sha256": self.sha256 and not _DIGEST.fullmatch(self.sha256),
            "license": not self.license.strip(),
        }
        return [name for name, is_wrong in faults.items() if is_wrong]

    @property
    def weights_file(self) -> str:
        """Name of the safetensors file beside the descriptor."""
        return f"{self.name}.safetensors"

    @property
    def reference(self) -> ModelReference:
        """Name, version and sha256, as a stage result records them."""
        return ModelReference(self.name, self.version, self.sha256)

    def stored(self) -> dict[str, Any]:
        """Return the fields as they are stored."""
        fields: dict[str, Any] = _adapter(type(self)).dump_python(self, by_alias=True)
        return fields

    def to_json(self) -> str:
        """Return the descriptor as the JSON document that `read_descriptor` reads."""
        return _adapter(type(self)).dump_json(self, indent=2, by_alias=True).decode() + "\n"


Descriptor = TypeVar("Descriptor", bound=ModelDescriptor)


def read_descriptor(path: Path, kind: type[Descriptor]) -> Descriptor:
    """Read a descriptor of this kind.

    Raises
    ------
    ModelError
        It is absent, is not JSON, or states what cannot be used.
    """
    try:
        descriptor: Descriptor = _adapter(kind).validate_json(path.read_bytes())
    except OSError as fault:
        raise ModelError(path, "its descriptor cannot be read", "Check the path.") from fault
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ModelError(path, f"{where}: {first['msg']}", "Correct the descriptor.") from fault
    if not descriptor.sha256:
        raise ModelError(path, "its descriptor states no sha256", "Add that of the weights file.")
    return descriptor


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
