"""What libvips and the system say when a file cannot be written, as one of our errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyvips

from imaging.errors import OptionsError, StoreError

_ELSEWHERE = "Write into another folder."
REMEDY = "Free disk space and run it again."

_REFUSALS = ("write error", "write failed", "no space left on device", "disk quota exceeded")
"""How a line ends that tells of a write that failed. Not what it holds: a scan may be named anything, and
libvips calls a source that ends early "unable to write to memory"."""


def refused_by_disk(error: pyvips.Error) -> bool:
    """Whether libvips failed because the disk took no more, be it an output or a temporary copy."""
    return any(line.strip().lower().endswith(_REFUSALS) for line in str(error).splitlines())


def keep_apart(source: Path, outputs: Iterable[Path]) -> None:
    """Raise `OptionsError` when one of the `outputs` would replace the `source` that it is made from."""
    for output in outputs:
        if source.exists() and output.exists() and output.samefile(source):
            raise OptionsError(output, "is the picture that is read, and would be overwritten", _ELSEWHERE)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what keeps `path` from being written into `StoreError`; errors of the pixels' source pass."""
    try:
        yield
    except pyvips.Error as error:
        if refused_by_disk(error):
            raise StoreError(path, "it could not be written to the disk", REMEDY) from error
        raise
    except OSError as error:
        raise StoreError(path, error.strerror or str(error), REMEDY) from error
