"""A photograph that went all the way: in a store of its own and in the catalog."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from catalog import given_hints, objects, scans
from catalog.agents import person, software
from catalog.events import Participant
from catalog.given_hints import Hint
from catalog.objects import ObjectRecord
from catalog.outcomes import EventContext, record_ingestion, record_success
from catalog.provenance.cataloged import tag_inputs
from catalog.provenance.identity import SigningIdentity
from catalog.provenance.tag import StoredRun, TagOptions, determinants, tag
from catalog.scans import ScanRecord
from catalog.schema import AgentRole
from catalog.store import Store, stage_key
from imaging.stage import StageResult
from tests.catalog.provenance.conftest import HINT, Photograph

ACCESSION_NUMBER = "1912.44"
MACHINE = "x86_64, 2 cores, no accelerator"


@dataclass(frozen=True)
class Cataloged:
    """Where the photograph lies and what its newest tagging came to."""

    engine: Engine
    store: Store
    scan_id: int
    key: str
    tagged: StageResult

    def path(self, name: str) -> Path:
        return self.store.folder(self.key) / name


def catalog_photograph(
    engine: Engine, photograph: Photograph, root: Path, identity: SigningIdentity | None, **options: int
) -> Cataloged:
    store = Store(root)
    scan_id = _ingest(engine, store, photograph)
    for stored in photograph.inputs.runs:
        _record(engine, store, scan_id, stored)
    with engine.connect() as connection:
        inputs = tag_inputs(connection, store, scan_id)
    chosen = TagOptions(identity, access_side=200, **options)
    key = stage_key(**determinants(inputs, chosen))
    produced = store.produce(key, lambda folder: tag(inputs, folder, chosen))
    record_success(engine, scan_id, key, produced.result, _now(), for_review=True)
    return Cataloged(engine, store, scan_id, key, produced.result)


def _ingest(engine: Engine, store: Store, photograph: Photograph) -> int:
    scan = photograph.inputs.scan
    sha256, original = store.add_original(photograph.inputs.scan_path)
    record = ScanRecord(
        sha256=sha256,
        path=store.relative(original),
        original_name=f"box 3/{scan.name}",
        bytes=scan.bytes,
        width=scan.width or 0,
        height=scan.height or 0,
        bits=scan.bits or 0,
        media_type=scan.media_type,
    )
    scan_id = record_ingestion(engine, record, _now()).scan.id
    with engine.begin() as connection:
        shown = ObjectRecord(accession_number=ACCESSION_NUMBER, title="Tram", maker="Žofie Müller")
        scans.link(connection, scan_id, objects.ensure(connection, shown).id)
        given = Hint(
            x=HINT.x, y=HINT.y, radius=HINT.radius, a=HINT.a, b=HINT.b, source="letter", citation="MS 7"
        )
        given_hints.give(connection, scan_id, [given], person("Alena Novotná"))
    return scan_id


def _record(engine: Engine, store: Store, scan_id: int, stored: StoredRun) -> None:
    result = stored.run.result
    key = stage_key(
        input_sha256=result.input_sha256, stage=result.stage, version=result.version, parameters={}
    )

    def copied(folder: Path) -> StageResult:
        for file in result.files:
            shutil.copyfile(stored.folder / file.name, folder / file.name)
        return result

    store.produce(key, copied)
    record_success(engine, scan_id, key, result, _now())


def _now() -> EventContext:
    moment = datetime.now(UTC) + timedelta(seconds=1)
    program = Participant(software("Heliochrome", "0.1.0"), AgentRole.EXECUTING_PROGRAM)
    archivist = Participant(person("Alena Novotná"), AgentRole.IMPLEMENTER)
    return EventContext(moment, moment, (program, archivist), MACHINE)
