"""Undoing changes of tone, from the record of a restoration."""

from __future__ import annotations

import json
from pathlib import Path

from imaging.errors import OptionsError, StoreError
from imaging.fixity import describe_output, sha256_file
from imaging.pyramid import write_pyramid
from imaging.scan import decoding, inspect_scan, open_scan
from imaging.stage import OutputFile, Role, StageResult
from restoration.pipeline import STAGE
from restoration.tone import Tone

_WHICH = "Name the restoration.json that was written next to the restored photograph."


def undo_tones(record: Path, target: Path) -> OutputFile:
    """Write the restored photograph with the tones that it had before they were changed.

    Mended damage stays mended. Values are restored except for rounding and clipping, see `restoration.tone`.

    Parameters
    ----------
    record
        The `StageResult` as JSON, in the folder of the files that it names.
    target
        The pyramidal TIFF to write; must not exist, for it might be the scan.

    Raises
    ------
    OptionsError
        Not a record of a restoration, no tones were changed, or the target exists or its folder does not.
    StoreError
        The restored photograph is not the one in the record, or the disk is full.
    """
    result, tone = _read(record)
    restored = record.parent / result.file(Role.RESTORED).name
    if not tone.steps:
        raise OptionsError(record, "says that no tones were changed", "Use the restored photograph itself.")
    if not restored.is_file() or sha256_file(restored) != result.file(Role.RESTORED).sha256:
        raise StoreError(restored, f"is not the file that {record.name} describes", "Restore the scan again.")
    if target.exists() or not target.parent.is_dir():
        fault = "already exists" if target.exists() else "is in a folder that does not exist"
        raise OptionsError(target, fault, "Name a new file in an existing folder.")
    with decoding(restored):
        image = tone.undo(open_scan(restored))
        write_pyramid(image, target, dpi=inspect_scan(restored).dpi)
    bits = 16 if image.format == "ushort" else 8
    return describe_output(
        target, target.parent, Role.RESTORED, width=image.width, height=image.height, bits=bits
    )


def _read(record: Path) -> tuple[StageResult, Tone]:
    try:
        result = StageResult.from_json(record.read_text())
        if result.stage == STAGE:
            result.file(Role.RESTORED)
            return result, Tone.from_dict(json.loads(str(result.parameters["tone"])))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OptionsError(record, "is not the record of a restoration", _WHICH) from error
    raise OptionsError(record, f"is the record of another stage: {result.stage}", _WHICH)
