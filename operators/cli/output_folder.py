"""The output folder of a command on a single file: no foreign file is overwritten, and a kill costs little.

The work is done in a hidden folder within the one that was asked for, is moved out of it when it is done, and
a record is written last. A repeat finds the hidden folder and goes on from there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from catalog.durability import exclusive
from imaging.disk import writing
from imaging.errors import OptionsError
from imaging.fixity import atomic_path, sha256_file
from imaging.scan import inspect_scan
from imaging.stage import StageResult

_LOCK = ".heliochrome.lock"
_ELSEWHERE = "Choose another folder with --into."


def run_stage(
    work: Callable[[Path], StageResult],
    scan: Path,
    folder: Path,
    *,
    stage: str,
    page: int,
    outputs: Iterable[str],
    identify: Callable[[], str] | None = None,
) -> tuple[StageResult, Path]:
    """Run a stage's `work` on a page of a scan and return its result, and the record of it.

    Parameters
    ----------
    work
        Given the folder to write into; goes on from what it finds there.
    folder
        Where `outputs` and the record, ``STAGE.json``, are in the end; made when absent. What an earlier run
        made of the same page is replaced.
    identify
        Returns the digest of what is read, or refuses it; that of a scan's file by default.

    Raises
    ------
    OptionsError
        One of these files is there and is not of this page, or somebody changed it since; or another run is
        working in the folder.
    ScanError
        The scan cannot be read; no folder is made then.
    """
    digest = identify() if identify else _identify(scan, page)
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / f"{stage}.json"
    unfinished = folder / f".{stage}-{digest[:16]}-{page}"
    try:
        with exclusive(folder / _LOCK, wait=False):
            former = _former(record, digest, page)
            if former is None and (record.exists() or not unfinished.exists()):
                _refuse_what_is_there(folder, (*outputs, record.name))
            _refuse_what_was_changed(folder, former)
            unfinished.mkdir(exist_ok=True)
            try:
                result = work(unfinished)
            except BaseException:
                with suppress(OSError):
                    unfinished.rmdir()  # only where nothing was begun
                raise
            record.unlink(missing_ok=True)
            for file in former.files if former else ():
                (folder / Path(file.name).name).unlink(missing_ok=True)
            for file in result.files:
                os.replace(unfinished / file.name, folder / file.name)
            with writing(record), atomic_path(record) as partial:
                partial.write_text(result.to_json(), encoding="utf-8")
            shutil.rmtree(unfinished)
            return result, record
    except BlockingIOError:
        raise OptionsError(folder, "another run is working in it", f"Wait for it. {_ELSEWHERE}") from None


def _identify(scan: Path, page: int) -> str:
    inspect_scan(scan, page=page)
    return sha256_file(scan)


def _former(record: Path, digest: str, page: int) -> StageResult | None:
    """Return the record of an earlier run on the same page, if this is one."""
    try:
        result = StageResult.from_json(record.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    same = result.input_sha256 == digest and result.parameters.get("page", 0) == page
    return result if same else None


def _refuse_what_was_changed(folder: Path, former: StageResult | None) -> None:
    for file in former.files if former else ():
        path = folder / Path(file.name).name
        if path.exists() and sha256_file(path) != file.sha256:
            raise OptionsError(path, "was changed since it was made, and would be replaced", _ELSEWHERE)


def _refuse_what_is_there(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        if (folder / name).exists():
            raise OptionsError(folder / name, "is there already, and not of this scan", _ELSEWHERE)
