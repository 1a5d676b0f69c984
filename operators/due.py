"""What a run has to do: files to take in, and scans that are due according to the catalog.

Reads the catalog, names and times of the inbox's files, and whether originals are there; never what a file
holds. A file that was taken in entirely, has not changed since and whose originals are in the store is not
opened again: the catalog alone decides what is done with its scans, wherever the file is by then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.derivatives import bytes_per_original_byte
from catalog.due import Due, Redo, bytes_of, due, pages_of_files
from catalog.schema import ScanState
from imaging.errors import ScanError
from imaging.files import resolve_inside
from operators.inbox import file_state
from operators.outcome import Failure

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from catalog.scans import Scan
    from catalog.store import Store


MADE_OF_EACH_BYTE = 6.0
"""Bytes that stages make of a byte of an original, where the catalog has none to go by: of a grey scan."""


@dataclass(frozen=True)
class Inquiry:
    """What the run asks for.

    Parameters
    ----------
    software_version
        Version of this software: what other versions refused is examined again.
    collection
        What the files' objects are to join; empty for none.
    again
        Whether all refused scans get another chance.
    redo
        Which finished scans are taken up again.
    everything
        Whether scans are due whose files are not among those asked about.
    """

    software_version: str
    collection: str = ""
    again: bool = False
    redo: Redo = Redo.NEVER
    everything: bool = True


@dataclass(frozen=True)
class Work:
    """What the run has to do.

    Parameters
    ----------
    names
        Files to take in.
    scans
        Scans that are due and lie in the store.
    before
        How many files need nothing more.
    refused
        What was refused before and still is.
    """

    names: tuple[str, ...]
    scans: tuple[Due, ...]
    before: int
    refused: tuple[Failure, ...]


def work_due(engine: Engine, store: Store, inbox: Path, names: Iterable[str], inquiry: Inquiry) -> Work:
    """Return what there is to do about the files `names` of the inbox, and about the catalog's scans.

    Raises
    ------
    StoreError
        The store's originals are all gone.
    """
    names = list(names)
    states = {name: state for name in names if (state := _state(inbox, name)) is not None}
    with engine.connect() as connection:
        pages = pages_of_files(connection, states, collection=inquiry.collection or None)
        if any(page.path is not None for found in pages.values() for page in found):
            # Otherwise all would count as lost, and be copied to where the store's disk should be mounted.
            store.require_originals()
        settled = {name: found for name, found in pages.items() if _is_settled(found, store, inquiry)}
        owed = due(
            connection,
            redo=inquiry.redo,
            software_version=inquiry.software_version,
            again=inquiry.again,
            among=None if inquiry.everything else {page.id for found in settled.values() for page in found},
        )
    waiting = {one.scan for one in owed}
    done = [found for found in settled.values() if not waiting.intersection(page.id for page in found)]
    return Work(
        names=tuple(name for name in names if name not in settled),
        scans=owed,
        before=sum(any(page.state is not ScanState.REFUSED for page in found) for found in done),
        refused=tuple(
            _refused_before(page) for found in done for page in found if page.state is ScanState.REFUSED
        ),
    )


def bytes_to_write(engine: Engine, inbox: Path, work: Work) -> int:
    """Return about how many bytes the run will write: for each byte of an original what was made so far."""
    sizes = [size for name in work.names if (size := _size(inbox, name)) is not None]
    with engine.connect() as connection:
        made = bytes_per_original_byte(connection) or MADE_OF_EACH_BYTE
        stored = bytes_of(connection, [due.scan for due in work.scans])
    return int(sum(sizes) * (1 + made) + stored * made)


def _size(inbox: Path, name: str) -> int | None:
    try:
        return resolve_inside(Path(name), inbox).stat().st_size
    except (ScanError, OSError, ValueError):
        return None


def _state(inbox: Path, name: str) -> str | None:
    try:
        return file_state(resolve_inside(Path(name), inbox))
    except (ScanError, OSError, ValueError):
        # Whatever makes it unreadable is reported when it is taken in.
        return None


def _is_settled(pages: Iterable[Scan], store: Store, inquiry: Inquiry) -> bool:
    return all(
        page.refused_by == inquiry.software_version and not inquiry.again
        if page.state is ScanState.REFUSED and page.path is None
        else _is_stored(page, store)
        for page in pages
    )


def _is_stored(page: Scan, store: Store) -> bool:
    if page.path is None or page.lost_at is not None:
        return False
    try:
        return store.resolve(page.path).stat().st_size == page.bytes
    except FileNotFoundError:
        return False


def _refused_before(page: Scan) -> Failure:
    name = f"{page.original_name} p. {page.page + 1}" if page.page else page.original_name
    return Failure(name, "ingestion", f"{page.reason}. {page.remedy} (Refused before.)", known=True)
