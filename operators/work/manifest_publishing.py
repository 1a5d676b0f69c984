"""Publishing manifests: an object's IIIF manifest, kept in the catalog as it was last written.

For a published object it shows what the public sees, for one that awaits its first review what the archivists
see. A repeat writes the same text, which changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from catalog import manifests, objects, outcomes, scans
from catalog.database import in_transaction
from catalog.iiif.addresses import Addresses
from catalog.iiif.presentation import Audience, manifest_of, served_scan, shown_object
from catalog.iiif.records import Capabilities, Institution
from catalog.iiif.service_copies import ServiceCopies
from imaging.errors import CatalogError, HeliochromeError, ScanError
from operators.outcome import ItemResult, ScanReference
from operators.progress import Progress
from operators.work import estimates
from operators.work.estimates import Estimate
from operators.work.event_context import event_context

STAGE = "description"
"""The stage's name in events and outcomes."""


@dataclass(frozen=True)
class ManifestPublishing:
    """Writes manifests.

    Parameters
    ----------
    engine
        Of the catalog.
    addresses
        Where the manifests' readers find everything.
    institution
        Who publishes; ``None`` names nobody.
    store_root
        The file store's folder, where originals get the copies that the image service serves them from;
        ``None`` makes no copies.
    """

    engine: Engine
    addresses: Addresses
    institution: Institution | None = None
    store_root: Path | None = None

    def name(self, item: ScanReference) -> str:
        """Return the name under which the scan came in."""
        with self.engine.connect() as connection:
            return scans.get(connection, item.scan).original_name

    def estimate(self, item: ScanReference) -> Estimate:
        """Return what the manifest and the copy that the image service reads need, at most."""
        if self.store_root is None:
            return Estimate()
        with self.engine.connect() as connection:
            return estimates.description(scans.get(connection, item.scan))

    def process(self, item: ScanReference, progress: Progress) -> ItemResult:
        """Write the manifest of the object that the scan shows, once the pictures it names can be served."""
        if self.store_root is not None:
            self._prepare(self.store_root, item.scan)
        written = in_transaction(self.engine, lambda connection: self._write(connection, item.scan))
        return ItemResult(scans=(item,), fresh=int(written))

    def refuse(self, item: ScanReference, error: ScanError) -> bool:
        """Record the failure: this stage reads no scan and has nothing to refuse."""
        self.fail(item, error, STAGE)
        return False

    def fail(self, item: ScanReference, error: HeliochromeError, attempt: str) -> None:
        """Record that the manifest could not be written."""
        context = event_context(datetime.now(UTC))
        outcomes.record_failure(self.engine, item.scan, STAGE, error, context, attempt=attempt)

    def _prepare(self, store_root: Path, scan_id: int) -> None:
        with self.engine.connect() as connection:
            scan = scans.get(connection, scan_id)
        # The image service renders what has no copy, or reports why it cannot: that stops nothing here.
        if (served := served_scan(scan, store_root)) is not None:
            ServiceCopies(store_root).make(served)

    def _write(self, connection: Connection, scan_id: int) -> bool:
        scan = scans.get(connection, scan_id)
        if scan.object_id is None:
            raise CatalogError(scan.original_name, "shows no object of the catalog", "Ingest it again.")
        shown_by = objects.by_id(connection, [scan.object_id])[scan.object_id]
        audience = Audience.STAFF if shown_by.published_at is None else Audience.PUBLIC
        shown = shown_object(connection, shown_by.accession_number, audience)
        if shown is None:
            raise CatalogError(shown_by.accession_number, "has no picture to show", "Restore a scan of it.")
        # The staff's pages have the master files; the public's manifests name none.
        capabilities = Capabilities(masters=audience is Audience.STAFF)
        document = manifest_of(connection, shown, self.addresses, self.institution, capabilities).decode()
        return manifests.put(connection, scan.object_id, document)
