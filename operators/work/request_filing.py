"""Filing of a finished request in the catalog: its photograph becomes a scan that waits for review.

Reads the request's store; writes the museum's store and the catalog, as the workflow does. What the request
has made already is copied, not made again. A repeat finds everything and changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from sqlalchemy import Connection, Engine

from catalog import given_hints, objects, outcomes, scans
from catalog.agents import software
from catalog.database import in_transaction
from catalog.iiif.addresses import Addresses
from catalog.iiif.records import Institution
from catalog.objects import ObjectRecord
from catalog.provenance.clone import clone_file
from catalog.provenance.identity import SigningIdentity
from catalog.request_files import RequestFiles
from catalog.requests import Request
from catalog.scans import Scan, ScanRecord
from catalog.store import Store
from catalog.store_files import RESULT
from imaging.errors import CatalogError
from imaging.scan import inspect_scan
from imaging.stage import StageResult
from operators.outcome import ScanReference
from operators.progress import Progress
from operators.version import software_version
from operators.work import kinds
from operators.work.colorization import Coloring
from operators.work.event_context import SOFTWARE, event_context
from operators.work.manifest_publishing import ManifestPublishing
from operators.work.restoration import Restoring
from operators.work.tagging import Tagging

AGENT = "a client, on request"
_COPIED = ("restoration", "colorization")


@dataclass(frozen=True)
class Filing:
    """Where requests are filed, and who signs and publishes there.

    Parameters
    ----------
    engine, store
        The catalog and the museum's store.
    addresses
        Of the manifests.
    identity
        Who signs content credentials; `None` to write none.
    institution
        Who publishes.
    """

    engine: Engine
    store: Store
    addresses: Addresses
    identity: SigningIdentity | None = None
    institution: Institution | None = None

    def file(
        self,
        request: Request,
        files: RequestFiles,
        entries: Mapping[str, str],
        restoring: Restoring,
        coloring: Coloring,
    ) -> str:
        """File a request and return the accession number; `restoring` and `coloring` have its options.

        Raises
        ------
        CatalogError
            The photograph is in the catalog under another number.
        """
        scan = self._take_in(request, files)
        source = files.store(request.sha256)
        for name in _COPIED:
            if name in entries:
                _copy(source, self.store, entries[name])
        if "colorization" in entries:
            self._give_hints(scan, request, _began(self.store, entries["colorization"]))
        tagging = Tagging(self.engine, self.store, identity=self.identity, agent=AGENT)
        reference = ScanReference(scan.id)
        for worker in (restoring, coloring, tagging):
            (reference,) = worker.process(reference, Progress(1)).scans
        ManifestPublishing(self.engine, self.addresses, self.institution).process(reference, Progress(1))
        return request.chosen.accession_number

    def _take_in(self, request: Request, files: RequestFiles) -> Scan:
        started, options = datetime.now(UTC), request.chosen
        digest, original = self.store.add_original(files.original(request.sha256))
        properties = inspect_scan(original)
        record = ScanRecord(
            sha256=digest,
            path=self.store.relative(original),
            original_name=request.original_name,
            bytes=original.stat().st_size,
            width=properties.width,
            height=properties.height,
            bits=properties.bits,
            media_type=properties.media_type,
        )
        scan = outcomes.record_ingestion(self.engine, record, event_context(started)).scan
        in_transaction(self.engine, lambda connection: _attach(connection, scan, request))
        if options.kind is not None:
            kinds.set_kind(self.engine, scan, options.kind, software(SOFTWARE, software_version()))
        kinds.detect_kind(self.engine, self.store, scan)
        return scan

    def _give_hints(self, scan: Scan, request: Request, colored: datetime) -> None:
        """Record the request's hints as given before it was colored, which followed them."""
        given = [hint.hint() for hint in request.chosen.hints]
        client, at = software(AGENT, software_version()), min(request.created_at, colored)
        in_transaction(self.engine, lambda c: given_hints.give(c, scan.id, given, client, at=at))


def _attach(connection: Connection, scan: Scan, request: Request) -> None:
    number = request.chosen.accession_number
    if scan.object_id is None:
        shown = objects.ensure(connection, ObjectRecord(accession_number=number, title=number))
        scans.link(connection, scan.id, shown.id)
        return
    known = objects.by_id(connection, [scan.object_id])[scan.object_id].accession_number
    if known != objects.plain(number):
        remedy = "File it under that number, or ask without keep: catalog."
        raise CatalogError(request.original_name, f"is in the catalog as {known} already", remedy)


def _copy(source: Store, target: Store, key: str) -> None:
    """Copy a finished entry from one store to another, unless it is there."""
    result = source.find(key)
    if result is None:
        return

    def work(folder: Path) -> StageResult:
        for file in result.files:
            path = folder / PurePosixPath(file.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            clone_file(source.path(key, file), path)
        return result

    if not target.produce(key, work).fresh:
        return
    # When the work was done, which is told by this file, not when it was copied.
    written = (source.folder(key) / RESULT).stat()
    os.utime(target.folder(key) / RESULT, ns=(written.st_atime_ns, written.st_mtime_ns))


def _began(store: Store, key: str) -> datetime:
    """Return when the work on an entry began."""
    result = store.find(key)
    seconds = result.figures.get("seconds") if result else None
    ended = datetime.fromtimestamp((store.folder(key) / RESULT).stat().st_mtime, UTC)
    return ended - timedelta(seconds=float(seconds) if isinstance(seconds, int | float) else 0)
