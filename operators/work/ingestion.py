"""Ingestion: a file of the inbox becomes scans in the store and the catalog, or is refused with a reason.

Reads the inbox, which it never changes. Writes the original and one catalog transaction per scan. A repeat
finds every scan known and writes nothing; it reads no file again that is the same one as before, and whose
original is in the store. A crash leaves at most a hidden copy in the store.

The same bytes under two names are one scan, and both names are noted. Each page of a file with several is a
scan of its own, refused for itself alone. Where no object has the accession number that the file's name
states, one is made; different pictures whose names state the same share it, and the report remarks on them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from catalog import collections, objects, outcomes, scans
from catalog.agents import software
from catalog.database import in_transaction
from catalog.objects import ObjectRecord
from catalog.scans import Scan, ScanRecord
from catalog.schema import ScanState
from catalog.store import Store
from imaging.errors import HeliochromeError, ScanError, UnfinishedScan, UnsupportedScan
from imaging.files import is_settled, resolve_inside
from imaging.fixity import sha256_file
from imaging.scan import ScanProperties, inspect_scan
from imaging.scan_kind import ScanKind
from operators.inbox import file_state
from operators.outcome import Failure, ItemResult, ScanReference
from operators.progress import Progress
from operators.version import software_version
from operators.work import estimates, kinds
from operators.work.estimates import Estimate
from operators.work.event_context import SOFTWARE, event_context
from operators.work.file_names import NamePattern, StatedName

log = logging.getLogger(__name__)

STAGE = "ingestion"
MAY_READ = "Let the account of Airflow's workers read the folder."


@dataclass(frozen=True)
class Ingestion:
    """Takes in one file after the other.

    Parameters
    ----------
    engine, store
        Where scans are recorded and originals kept.
    inbox
        The folder that names are relative to.
    collection
        Slug of the collection that the objects join; empty for none.
    again
        Whether scans that an earlier run refused get another chance.
    quiet_seconds
        How long a file must lie unchanged before it is read, s.
    name_pattern
        Reads accession numbers from file names.
    kind
        The kind of all scans, from the run's form; ``None`` to detect each one's.
    agent
        Who started the run, as the record names it.
    """

    engine: Engine
    store: Store
    inbox: Path
    collection: str = ""
    again: bool = False
    quiet_seconds: float = 0.0
    name_pattern: NamePattern = field(default_factory=NamePattern)
    kind: ScanKind | None = None
    agent: str = SOFTWARE

    def name(self, item: str) -> str:
        """Return the file name."""
        return item

    def estimate(self, item: str) -> Estimate:
        """Return what it takes to take the file in, at most."""
        return estimates.ingestion(self._path(item).stat().st_size)

    def process(self, item: str, progress: Progress) -> ItemResult:
        """Take one file in."""
        path = self._path(item)
        # Before it is read: if it changes meanwhile, the next run does not take it for the same file.
        file = file_state(path)
        if known := self._taken_in_before(item, file):
            references = tuple(ScanReference(scan.id) for scan in known)
            return ItemResult(scans=references, remarks=self._detect_kinds(*known))
        try:
            # The header first: a file that declares too many pixels is not even copied.
            inspect_scan(path)
            sha256, original = self.store.add_original(path)
            count = inspect_scan(original).pages
        except ScanError as error:
            # Under the name that people know, not the store's.
            raise type(error)(item, error.fault, error.remedy) from error
        pages = [self._take_in(item, sha256, original, page) for page in range(count)]
        self._seal(item, sha256, file)
        return ItemResult(
            scans=tuple(scan for page in pages for scan in page.scans),
            lost=tuple(failure for page in pages for failure in page.lost),
            fresh=sum(page.fresh for page in pages),
            remarks=tuple(remark for page in pages for remark in page.remarks),
        )

    def refuse(self, item: str, error: ScanError) -> bool:
        """Record the refusal; return whether an earlier run had recorded the same."""
        file, sha256, size = self._identity(item)
        known = self._record_refusal(item, error, sha256, size)
        if file and sha256:
            self._seal(item, sha256, file)
        return known

    def fail(self, item: str, error: HeliochromeError, attempt: str) -> None:
        """Record the failure as a refusal: there is no scan yet to record it with."""
        outcomes.record_refusal(self.engine, item, error, event_context(datetime.now(UTC)))

    def _path(self, name: str) -> Path:
        path = resolve_inside(Path(name), self.inbox)
        try:
            is_there, is_folder = path.exists(), path.is_dir()
        except PermissionError as error:
            raise UnsupportedScan(name, "its folder may not be entered", MAY_READ) from error
        if is_folder:
            fault = "it is a folder that is not searched: a link to one, or one that may not be read"
            raise UnsupportedScan(name, fault, f"Put the scans themselves into the inbox. {MAY_READ}")
        if not is_there:
            if "\\x" in name:
                raise UnsupportedScan(name, "its name is not in UTF-8", "Rename the file or its folder.")
            raise UnsupportedScan(
                name, "it no longer exists, or is a link to nothing", "Put the file itself there."
            )
        if path.is_file() and path.stat().st_size and not is_settled(path, self.quiet_seconds):
            raise UnfinishedScan(name, "it is still being written", "The next run takes it.")
        return path

    def _taken_in_before(self, name: str, file: str) -> tuple[Scan, ...]:
        """Return the scans of a file that has not changed since it came in and need not be read again."""
        with self.engine.connect() as connection:
            pages = scans.of_file(connection, name, file)
        if not all(page.state is not ScanState.REFUSED and self._is_stored(page) for page in pages):
            return ()
        for page in pages:
            self._catalog_object(page, self.name_pattern.read(name).accession_number)
        return pages

    def _detect_kinds(self, *taken: Scan) -> tuple[str, ...]:
        """Set the kind from the run's form, detect kinds; return remarks for a person to look at."""
        if self.kind is not None:
            for scan in taken:
                kinds.set_kind(self.engine, scan, self.kind, software(self.agent, software_version()))
        return tuple(remark for scan in taken for remark in kinds.detect_kind(self.engine, self.store, scan))

    def _is_stored(self, scan: Scan) -> bool:
        original = None if scan.path is None or scan.lost_at else self.store.resolve(scan.path)
        return original is not None and original.is_file() and original.stat().st_size == scan.bytes

    def _identity(self, name: str) -> tuple[str | None, str | None, int | None]:
        """Return the file's state, digest and size, as far as it can be read."""
        try:
            path = resolve_inside(Path(name), self.inbox)
            if path.is_file():
                # Its state first, as in `process`.
                return file_state(path), sha256_file(path), path.stat().st_size
        except (ScanError, OSError) as unreadable:
            log.info("its bytes are not read: %s", unreadable)
        return None, None, None

    def _seal(self, name: str, sha256: str, file: str) -> None:
        in_transaction(self.engine, lambda connection: scans.seal(connection, name, sha256, file))

    def _take_in(self, name: str, sha256: str, original: Path, page: int) -> ItemResult:
        started = datetime.now(UTC)
        with self.engine.connect() as connection:
            known = scans.by_sha256(connection, sha256, page)
        if known is not None and self._stands(known):
            reason = f"{known.reason}. {known.remedy} (Refused before; not tried again.)"
            return ItemResult(lost=(Failure(page_name(name, page), STAGE, reason, known=True),))
        try:
            properties = inspect_scan(original, page=page)
        except ScanError as error:
            refused_before = self._record_refusal(name, error, sha256, original.stat().st_size, page)
            return ItemResult(lost=(Failure.of(error, STAGE, page_name(name, page), known=refused_before),))
        record = self._record(name, sha256, original, page, properties)
        registered = outcomes.record_ingestion(self.engine, record, event_context(started))
        stated = self.name_pattern.read(name, page if properties.pages > 1 else None)
        object_id = self._catalog_object(registered.scan, stated.accession_number)
        return ItemResult(
            scans=(ScanReference(registered.scan.id),),
            fresh=int(registered.fresh),
            remarks=(
                *((f"{name}: {stated.remark}",) if stated.remark else ()),
                *self._namesakes(registered.scan, stated, object_id),
                *self._detect_kinds(registered.scan),
            ),
        )

    def _stands(self, scan: Scan) -> bool:
        """Return whether a scan stays refused: no new version of the software, no request to try again."""
        return scan.state is ScanState.REFUSED and not self.again and scan.refused_by == software_version()

    def _record_refusal(
        self, name: str, error: ScanError, sha256: str | None, size: int | None, page: int = 0
    ) -> bool:
        with self.engine.connect() as connection:
            # The database's clock, not ours: it set the time of the row's last change.
            now = connection.execute(select(func.now())).scalar_one()
        context = event_context(datetime.now(UTC))
        scan = outcomes.record_refusal(self.engine, name, error, context, sha256=sha256, page=page, size=size)
        return scan.updated_at < now

    def _record(
        self, name: str, sha256: str, original: Path, page: int, properties: ScanProperties
    ) -> ScanRecord:
        return ScanRecord(
            sha256=sha256,
            page=page,
            path=self.store.relative(original),
            original_name=name,
            bytes=original.stat().st_size,
            width=properties.width,
            height=properties.height,
            bits=properties.bits,
            media_type=properties.media_type,
        )

    def _catalog_object(self, scan: Scan, number: str) -> int:
        return in_transaction(self.engine, lambda connection: self._attach(connection, scan, number))

    def _attach(self, connection: Connection, scan: Scan, number: str) -> int:
        object_id = scan.object_id
        if object_id is None:
            record = ObjectRecord(accession_number=number, title=number)
            object_id = objects.ensure(connection, record).id
            scans.link(connection, scan.id, object_id)
        if self.collection:
            collections.ensure(connection, self.collection)
            collections.add(connection, self.collection, [object_id])
        return object_id

    def _namesakes(self, scan: Scan, stated: StatedName, object_id: int) -> tuple[str, ...]:
        """Return remarks on other pictures whose names state the same: cameras restart at IMG_0001."""
        mine = scan.original_name
        with self.engine.connect() as connection:
            beside = scans.of_object(connection, object_id)
        others = [
            "an earlier file of this name" if other.original_name == mine else other.original_name
            for other in beside
            if other.sha256 != scan.sha256
            and self.name_pattern.read(other.original_name).states_the_same(stated)
        ]
        return tuple(
            f"{mine} and {other} are both taken for object {stated.accession_number}, which their names "
            "state. Check whether they show the same; files of different objects need different names."
            for other in others
        )


def page_name(name: str, page: int) -> str:
    """Return what people call a page of a file; the first one is called as the file.

    Examples
    --------
    >>> page_name("box 3/album.tif", 1)
    'box 3/album.tif p. 2'
    """
    return f"{name} p. {page + 1}" if page else name
