"""The result of a stage: frozen, JSON-able, small enough for XCom.

A stage is a function ``(input path, output folder, frozen options) -> StageResult``. It writes only into
the folder it was given and names its files relative to it, so that the folder can be moved as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

Scalar = str | int | float | bool | None
"""A value that JSON, PREMIS and a catalog column can all hold."""


class Role(StrEnum):
    """What a file is to its photograph."""

    ORIGINAL = "original"
    RESTORED = "restored"
    DAMAGE_MASK = "damage-mask"
    COLORIZED = "colorized"
    CONFIDENCE = "confidence"
    ALTERNATIVE = "alternative"
    ACCESS_COPY = "access-copy"
    MANIFEST = "manifest"
    PROVENANCE = "provenance"
    CREDENTIAL = "content-credential"


INFERRED = frozenset({Role.COLORIZED, Role.ALTERNATIVE})
"""What shows colors that a network inferred."""


@dataclass(frozen=True)
class OutputFile:
    """One file that a stage wrote.

    Parameters
    ----------
    role
        What the file is to its photograph.
    name
        Path relative to the stage's output folder, POSIX separators.
    sha256
        Hex digest of the file's bytes.
    bytes
        Size of the file, bytes.
    media_type
        IANA media type.
    width, height
        Pixels of the full-size picture; ``None`` for files that are not pictures.
    bits
        Bits per sample (8 or 16); ``None`` for files that are not pictures.
    """

    role: Role
    name: str
    sha256: str
    bytes: int
    media_type: str
    width: int | None = None
    height: int | None = None
    bits: int | None = None


@dataclass(frozen=True)
class ModelReference:
    """The weights that were used: name, version and the sha256 of the weights file."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class StageResult:
    """The outcome of one stage on one photograph.

    Parameters
    ----------
    stage, version
        The stage's name (``restoration``, ``colorization``, ``provenance``) and the version of its method.
    input_sha256
        Digest of the file the stage read.
    files
        What it wrote, relative to its output folder.
    models
        The networks that were used; empty for classical methods.
    parameters
        The options in force, with automatic choices resolved.
    figures
        What matters to a reviewer: mended share, noise, mean confidence, seconds.
    regions
        Of interest for annotations, each ``{"kind": str, "mended": bool, "polygon": [[x, y], …]}``, full-size
        px.
    """

    stage: str
    version: str
    input_sha256: str
    files: tuple[OutputFile, ...]
    models: tuple[ModelReference, ...] = ()
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    figures: Mapping[str, Scalar] = field(default_factory=dict)
    regions: tuple[Mapping[str, Any], ...] = ()

    def file(self, role: Role) -> OutputFile:
        """Return the first file with `role`; raise `KeyError` when there is none."""
        for candidate in self.files:
            if candidate.role is role:
                return candidate
        raise KeyError(role)

    def to_json(self) -> str:
        """Return the result as one JSON document with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> StageResult:
        """Read what `to_json` wrote."""
        raw = json.loads(text)
        return cls(
            stage=raw["stage"],
            version=raw["version"],
            input_sha256=raw["input_sha256"],
            files=tuple(OutputFile(**{**f, "role": Role(f["role"])}) for f in raw["files"]),
            models=tuple(ModelReference(**m) for m in raw["models"]),
            parameters=raw["parameters"],
            figures=raw["figures"],
            regions=tuple(raw["regions"]),
        )
