"""What the catalog returns is what the stages recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, delete

from catalog import derivatives, events, scans
from catalog.outcomes import record_ingestion
from catalog.provenance.cataloged import CatalogRegister, tag_inputs
from catalog.schema import event_agents
from catalog.schema import events as event_table
from catalog.store import Store
from imaging.errors import CatalogError, StoreError
from imaging.stage import Role
from tests.catalog.provenance.cataloged_photograph import (
    ACCESSION_NUMBER,
    MACHINE,
    Cataloged,
    catalog_photograph,
)
from tests.catalog.provenance.conftest import MODEL, Photograph
from tests.catalog.records import EVENT_CONTEXT, scan_record


@pytest.fixture
def cataloged(engine: Engine, photograph: Photograph, tmp_path: Path) -> Cataloged:
    return catalog_photograph(engine, photograph, tmp_path / "store", None)


def test_the_chain_comes_back_with_its_event_context(cataloged: Cataloged, photograph: Photograph) -> None:
    with cataloged.engine.connect() as connection:
        inputs = tag_inputs(connection, cataloged.store, cataloged.scan_id)
    assert [s.run.result.stage for s in inputs.runs] == ["restoration", "colorization"]
    for stored, original in zip(inputs.runs, photograph.inputs.runs, strict=True):
        assert stored.run.result == original.run.result
        assert (stored.run.software_version, stored.run.machine) == ("0.1.0", MACHINE)
        assert stored.run.agent == "Alena Novotná"
        assert all((stored.folder / file.name).is_file() for file in stored.run.result.files)
    assert inputs.description.accession_number == ACCESSION_NUMBER
    assert inputs.scan.name == "box 3/scan.tif"
    assert inputs.scan_path.is_file()


def test_hints_belong_to_the_colorization_and_carry_their_sources(cataloged: Cataloged) -> None:
    with cataloged.engine.connect() as connection:
        restoration, colorization = tag_inputs(connection, cataloged.store, cataloged.scan_id).runs
    assert restoration.run.hints == ()
    assert [hint.source for hint in colorization.run.hints] == ["letter, MS 7"]


def test_tagging_again_finds_the_same_key(cataloged: Cataloged, photograph: Photograph) -> None:
    again = catalog_photograph(cataloged.engine, photograph, cataloged.store.root, None)
    assert again.key == cataloged.key
    with cataloged.engine.connect() as connection:
        assert len(derivatives.of_scan(connection, cataloged.scan_id, "provenance")) == 1


def test_a_file_is_known_by_its_digest(cataloged: Cataloged, register: CatalogRegister) -> None:
    colorized = cataloged.tagged.file(Role.COLORIZED)
    known = register.by_sha256(colorized.sha256)
    assert known is not None
    assert (known.name, known.role, known.accession_number) == (
        "colorized.tif",
        Role.COLORIZED,
        ACCESSION_NUMBER,
    )
    assert known.path == cataloged.path("colorized.tif")
    master = register.by_sha256(known.input_sha256 or "")
    assert master is not None
    assert master.models == ((MODEL.name, MODEL.sha256),)
    assert register.by_sha256("ab" * 32) is None


def test_a_scan_of_which_nothing_was_made_has_nothing_to_tag(engine: Engine, tmp_path: Path) -> None:
    scan_id = record_ingestion(engine, scan_record(), EVENT_CONTEXT).scan.id
    with engine.connect() as connection, pytest.raises(CatalogError, match="nothing was made from it"):
        tag_inputs(connection, Store(tmp_path), scan_id)


def test_a_run_may_say_which_versions_and_who(cataloged: Cataloged) -> None:
    with cataloged.engine.connect() as connection:
        restoration = derivatives.of_scan(connection, cataloged.scan_id, "restoration")
        inputs = tag_inputs(
            connection, cataloged.store, cataloged.scan_id, versions=restoration, agent="DAG digitize"
        )
    assert [(s.run.result.stage, s.run.agent) for s in inputs.runs] == [("restoration", "DAG digitize")]


def test_an_outcome_that_left_the_store_is_named(cataloged: Cataloged) -> None:
    with cataloged.engine.connect() as connection:
        (version,) = derivatives.of_scan(connection, cataloged.scan_id, "restoration")
        cataloged.store.quarantine(version.store_key)
        with pytest.raises(StoreError, match="is no longer in the store"):
            tag_inputs(connection, cataloged.store, cataloged.scan_id)


def test_a_missing_event_is_named(cataloged: Cataloged) -> None:
    with cataloged.engine.connect() as connection:
        ours = event_table.c.stage == "restoration"
        connection.execute(delete(event_agents))
        connection.execute(delete(event_table).where(ours))
        with pytest.raises(CatalogError, match="event of its restoration, version 1, is missing"):
            tag_inputs(connection, cataloged.store, cataloged.scan_id)


def test_the_tagging_has_an_event_of_its_own(cataloged: Cataloged) -> None:
    with cataloged.engine.connect() as connection:
        last = events.of_scan(connection, cataloged.scan_id)[-1]
        assert scans.get(connection, cataloged.scan_id).state == "processed"
    assert (last.stage, set(last.output_sha256)) == ("provenance", {f.sha256 for f in cataloged.tagged.files})
