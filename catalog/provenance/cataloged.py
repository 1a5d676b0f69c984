"""The catalog's side of provenance: what is recorded, as `tag` and `verify` want it.

Reads the catalog and the store; writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from catalog import derivatives, events, given_hints, objects, scans
from catalog.derivatives import Version
from catalog.events import Event
from catalog.given_hints import GivenHint
from catalog.provenance.record import Description, ScanFile, SourcedHint, StageRun
from catalog.provenance.tag import StoredRun, TagInputs
from catalog.provenance.verify import KnownFile
from catalog.provenance.vocabulary import SOFTWARE
from catalog.scans import Scan
from catalog.schema import AgentKind, AgentRole
from catalog.store import Store
from catalog.vocabulary import Stage
from imaging.errors import CatalogError, StoredFileError
from imaging.stage import Role

_PIXEL_STAGES = (Stage.RESTORATION, Stage.COLORIZATION)
_UNATTENDED = "the workflow, unattended"


def tag_inputs(
    connection: Connection,
    store: Store,
    scan_id: int,
    *,
    versions: Sequence[Version] | None = None,
    agent: str = "",
) -> TagInputs:
    """Return what `catalog.provenance.tag` needs for a picture made from a scan.

    Parameters
    ----------
    connection, store
        Where the stages were recorded, and where their files lie.
    scan_id
        The scan's row.
    versions
        What was made from it, in order; ``None`` for the newest picture and its lineage.
    agent
        Who or what ran the stages; empty for the people that their events name.

    Raises
    ------
    CatalogError
        The scan is unknown or refused, shows no object, or nothing was made from it yet; a stage's event is
        missing.
    StoredFileError
        A stage's outcome is no longer in the store.
    """
    scan = scans.get(connection, scan_id)
    chain = _newest(connection, scan) if versions is None else versions
    happened = events.of_scan(connection, scan_id)
    given = given_hints.of_scan(connection, scan_id)
    runs = [_run(store, version, _event(scan, version, happened), given, agent) for version in chain]
    return TagInputs(
        description=_description(connection, scan),
        scan=_scan_file(scan),
        scan_path=store.resolve(scan.path or ""),
        runs=tuple(runs),
    )


@dataclass(frozen=True)
class CatalogRegister:
    """The catalog and the store as `catalog.provenance.verify` asks them."""

    connection: Connection
    store: Store

    def by_sha256(self, sha256: str, *, made_from: str | None = None) -> KnownFile | None:
        """Return the file with this digest, or ``None``; see `catalog.provenance.verify.Register`."""
        if versions := derivatives.by_sha256(self.connection, sha256):
            one = next((v for v in reversed(versions) if v.input_sha256 == made_from), versions[-1])
            return next(file for file in self._files(one) if file.sha256 == sha256)
        scan = scans.by_sha256(self.connection, sha256)
        return None if scan is None or scan.path is None else self._original(scan)

    def of_object(self, accession_number: str) -> tuple[KnownFile, ...]:
        """Return every file of an object: its scans, and all versions of what was made from them."""
        shown = objects.get(self.connection, accession_number)
        found: list[KnownFile] = []
        for scan in scans.of_object(self.connection, shown.id):
            if scan.path is not None:
                found.append(self._original(scan))
            for version in derivatives.of_scan(self.connection, scan.id):
                found += self._files(version)
        return tuple(found)

    def _files(self, version: Version) -> Iterator[KnownFile]:
        accession_number = self._accession_number(scans.get(self.connection, version.scan_id))
        happened = events.that_made(version, events.of_scan(self.connection, version.scan_id))
        models = tuple(_models(happened)) if happened else ()
        for derivative in version.derivatives:
            yield KnownFile(
                path=self.store.resolve(derivative.path),
                sha256=derivative.sha256,
                role=derivative.role,
                name=derivative.name,
                accession_number=accession_number,
                input_sha256=version.input_sha256,
                models=models,
            )

    def _original(self, scan: Scan) -> KnownFile:
        return KnownFile(
            path=self.store.resolve(scan.path or ""),
            sha256=scan.sha256 or "",
            role=Role.ORIGINAL,
            name=scan.original_name,
            accession_number=self._accession_number(scan),
        )

    def _accession_number(self, scan: Scan) -> str:
        if scan.object_id is None:
            return ""
        return objects.by_id(self.connection, [scan.object_id])[scan.object_id].accession_number


def _description(connection: Connection, scan: Scan) -> Description:
    if scan.object_id is None:
        raise CatalogError(
            scan.original_name, "is not linked to an object of the catalog", "Link the scan to its object."
        )
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
    if scan.sha256 is None or scan.bytes is None or scan.media_type is None:
        raise CatalogError(scan.original_name, "was refused", "Put a readable scan into the inbox.")
    return ScanFile(
        scan.sha256, scan.original_name, scan.media_type, scan.bytes, scan.width, scan.height, scan.bits
    )


def _newest(connection: Connection, scan: Scan) -> Sequence[Version]:
    made = [v for v in derivatives.of_scan(connection, scan.id) if v.stage in _PIXEL_STAGES]
    if not made:
        raise CatalogError(scan.original_name, "nothing was made from it yet", "Restore the scan first.")
    return derivatives.lineage(connection, made[-1].id)


def _run(store: Store, version: Version, event: Event, given: Iterable[GivenHint], agent: str) -> StoredRun:
    result = store.find(version.store_key)
    if result is None:
        raise StoredFileError(version.store_key, "is no longer in the store", "Run its stage again.")
    programs = [p.agent for p in event.participants if p.role is AgentRole.EXECUTING_PROGRAM]
    people = [p.agent.name for p in event.participants if p.agent.kind is not AgentKind.SOFTWARE]
    program = next((a for a in programs if a.name == SOFTWARE), next(iter(programs), None))
    run = StageRun(
        result=result,
        started=event.started_at,
        ended=event.ended_at,
        software_version=program.version if program else "",
        agent=agent or ", ".join(people) or _UNATTENDED,
        machine=event.machine,
        outcome=event.outcome,
        note=event.detail,
        hints=tuple(_followed(version, event, given)),
    )
    return StoredRun(run, store.folder(version.store_key))


def _event(scan: Scan, version: Version, happened: Iterable[Event]) -> Event:
    if (found := events.that_made(version, happened)) is None:
        fault = f"the event of its {version.stage}, version {version.number}, is missing"
        raise CatalogError(scan.original_name, fault, "Run that stage again: it records what it finds done.")
    return found


def _followed(version: Version, event: Event, given: Iterable[GivenHint]) -> Iterator[SourcedHint]:
    if version.stage != Stage.COLORIZATION:
        return
    for hint in given_hints.followed(given, event.started_at):
        source = ", ".join(filter(None, (hint.source, hint.citation, hint.source_date)))
        yield SourcedHint(hint.x, hint.y, hint.radius, hint.a, hint.b, source, hint.color)


def _models(event: Event) -> Iterator[tuple[str, str]]:
    for participant in event.participants:
        if participant.role is AgentRole.MODEL:
            yield participant.agent.name, participant.agent.identifier.removeprefix("sha256:")
