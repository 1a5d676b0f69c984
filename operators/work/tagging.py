"""Provenance tagging of what a run made of a scan; the last stage, which opens the review."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine

from catalog import events, hints, objects
from catalog.derivatives import Version
from catalog.events import Event
from catalog.provenance import tag
from catalog.provenance.identity import SigningIdentity, development_identity, load_identity
from catalog.provenance.record import Description, ScanFile, SourcedHint, StageRun
from catalog.provenance.tag import StoredRun, TagInputs, TagOptions
from catalog.provenance.vocabulary import Stage
from catalog.scans import Scan
from catalog.schema import AgentRole, EventOutcome
from catalog.store import Store, stage_key
from imaging.errors import CatalogError, StoreError
from imaging.stage import StageResult
from operators import settings
from operators.outcome import Passage
from operators.work.circumstances import machine, software_version
from operators.work.stage import Commission, Share, StageWorker


class Tagging(StageWorker):
    """Tags the outcomes of one run.

    Parameters
    ----------
    engine, store
        Where outcomes are recorded and kept.
    identity
        Who signs content credentials; ``None`` leaves them away.
    agent
        Who started the run, as the record names it.
    """

    stage = str(Stage.PROVENANCE)
    for_review = True

    def __init__(self, engine: Engine, store: Store, *, identity: SigningIdentity | None, agent: str) -> None:
        super().__init__(engine, store)
        self.options = TagOptions(identity=identity)
        self.agent = agent

    def commission(self, scan: Scan, passage: Passage) -> Commission:
        """Return the tagging of what the earlier stages of this run made or found."""
        versions = self.versions(passage)
        with self.engine.connect() as connection:
            inputs = TagInputs(
                description=_description(connection, scan),
                scan=_scan_file(scan),
                scan_path=self.original(scan),
                runs=tuple(self._run(connection, scan, version) for version in versions),
            )

        def work(folder: Path, share: Share) -> StageResult:
            return tag.tag(inputs, folder, self.options)

        return Commission(stage_key(**tag.determinants(inputs, self.options)), work)

    def _run(self, connection: Connection, scan: Scan, version: Version) -> StoredRun:
        result = self.store.find(version.store_key)
        if result is None:
            raise StoreError(version.store_key, "is not in the store any more", "Run its stage again.")
        event = _event(connection, scan, version)
        run = StageRun(
            result=result,
            started=event.started_at,
            ended=event.ended_at,
            software_version=_software_version(event),
            agent=self.agent,
            machine=event.machine or machine(),
            hints=_hints(connection, scan, event) if version.stage == Stage.COLORIZATION else (),
        )
        return StoredRun(run, self.store.folder(version.store_key))


def signer() -> SigningIdentity:
    """Return who signs: the institution where it is configured, else a development identity that says so."""
    certificates, key = settings.signing_certificates(), settings.signing_key()
    if certificates is not None and key is not None:
        return load_identity(certificates, key, timestamp_url=settings.timestamp_url())
    return development_identity(settings.home() / "secrets" / "signing")


def _event(connection: Connection, scan: Scan, version: Version) -> Event:
    for event in events.of_scan(connection, scan.id):
        if event.version_id == version.id and event.outcome is EventOutcome.SUCCESS:
            return event
    raise CatalogError(
        scan.original_name, f"has no event for its {version.stage}", "Run the stage again to record it."
    )


def _software_version(event: Event) -> str:
    for participant in event.participants:
        if participant.role is AgentRole.EXECUTING_PROGRAM:
            return participant.agent.version
    return software_version()


def _hints(connection: Connection, scan: Scan, event: Event) -> tuple[SourcedHint, ...]:
    """Return the hints that stood when the colorization began."""
    return tuple(
        SourcedHint(
            h.x, h.y, h.radius, h.a, h.b, ", ".join(filter(None, (h.source, h.citation, h.source_date)))
        )
        for h in hints.of_scan(connection, scan.id)
        if h.given_at <= event.started_at and (h.withdrawn_at is None or h.withdrawn_at > event.started_at)
    )


def _description(connection: Connection, scan: Scan) -> Description:
    if scan.object_id is None:
        raise CatalogError(scan.original_name, "shows no object of the catalog", "Ingest it again.")
    shown = objects.by_id(connection, [scan.object_id])[scan.object_id]
    return Description(
        accession_number=shown.accession_number,
        title=shown.title,
        maker=shown.maker,
        date_text=shown.date_text,
        rights=shown.rights,
        source=shown.source,
    )


def _scan_file(scan: Scan) -> ScanFile:
    if scan.sha256 is None or scan.bytes is None:
        raise CatalogError(scan.original_name, "has no original in the store", "Ingest it again.")
    return ScanFile(
        sha256=scan.sha256,
        name=scan.original_name,
        media_type=scan.media_type or "application/octet-stream",
        bytes=scan.bytes,
        width=scan.width,
        height=scan.height,
        bits=scan.bits,
    )
