"""What determines a result, collected from the options themselves, so that new options count by default."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from imaging.stage import Scalar

NOT_DETERMINING: Final[Mapping[str, bool]] = {"aside": True}
"""Metadata of a field that does not determine the result, or that is recorded elsewhere."""


def determinants(options: Any) -> dict[str, Scalar]:
    """Return the fields of frozen options, those of options within them under ``outer_inner``.

    Parameters
    ----------
    options
        A dataclass of scalars, enums, paths, further such dataclasses, and tuples of these.

    Examples
    --------
    >>> from dataclasses import dataclass, field
    >>> @dataclass(frozen=True)
    ... class Options:
    ...     strength: float = 0.5
    ...     threads: int = field(default=4, metadata=NOT_DETERMINING)
    >>> determinants(Options())
    {'strength': 0.5}
    """
    found: dict[str, Scalar] = {}
    for field in fields(options):
        if field.metadata.get("aside"):
            continue
        value = getattr(options, field.name)
        if is_dataclass(value):
            found |= {f"{field.name}_{name}": inner for name, inner in determinants(value).items()}
        elif isinstance(value, tuple):
            found[field.name] = json.dumps([_plain(item) for item in value], sort_keys=True)
        else:
            found[field.name] = _scalar(value)
    return found


def _plain(value: Any) -> Scalar | dict[str, Scalar]:
    return determinants(value) if is_dataclass(value) else _scalar(value)


def _scalar(value: Any) -> Scalar:
    if isinstance(value, Enum):
        return _scalar(value.value)
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"an option of type {type(value).__name__} cannot be recorded")
