"""The rotating fixity audit: everything is read once per round, damage leaves the store, all is recorded."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from catalog import derivatives, events
from catalog.provenance.audit import AuditOptions, audit_fixity
from catalog.provenance.cataloged import CatalogRegister
from catalog.provenance.identity import SigningIdentity
from catalog.provenance.verify import verify_object
from catalog.schema import EventOutcome, EventType
from catalog.schema import events as event_table
from catalog.store import Store
from imaging.errors import OptionsError
from imaging.stage import Role, StageResult
from tests.catalog.provenance.cataloged_photograph import ACCESSION_NUMBER, Cataloged, catalog_photograph
from tests.catalog.provenance.conftest import Photograph


@pytest.fixture
def cataloged(engine: Engine, photograph: Photograph, tmp_path: Path) -> Cataloged:
    return catalog_photograph(engine, photograph, tmp_path / "store", None)


def _events(cataloged: Cataloged, kind: EventType) -> list[tuple[EventOutcome, str]]:
    columns = select(event_table.c.outcome, event_table.c.detail).where(event_table.c.type == kind)
    with cataloged.engine.connect() as connection:
        return [(row.outcome, row.detail) for row in connection.execute(columns.order_by(event_table.c.id))]


def _whole(occasion: str = "audit 1") -> AuditOptions:
    return AuditOptions(turn=0, of=1, occasion=occasion)


def _spoil(path: Path) -> None:
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_an_intact_store_is_read_and_recorded(cataloged: Cataloged) -> None:
    report = audit_fixity(cataloged.engine, cataloged.store, _whole())
    assert (report.intact, report.entries, report.originals, report.strangers) == (True, 3, 1, ())
    assert _events(cataloged, EventType.FIXITY_CHECK) == [(EventOutcome.SUCCESS, "")] * 4
    assert json.loads(report.to_json())["intact"] is True


def test_partial_work_that_nobody_went_on_with_is_dropped(cataloged: Cataloged) -> None:
    key = "0" * 64
    with cataloged.store.workspace(key) as folder:
        (folder / "tile-0").write_bytes(b"done")
    assert audit_fixity(cataloged.engine, cataloged.store, _whole()).dropped == ()
    everything = replace(_whole("audit 2"), abandoned=timedelta(0))
    assert audit_fixity(cataloged.engine, cataloged.store, everything).dropped == (key,)


def test_turns_together_read_everything_once(cataloged: Cataloged) -> None:
    reports = [
        audit_fixity(cataloged.engine, cataloged.store, AuditOptions(turn, 4, f"week {turn}"))
        for turn in range(4)
    ]
    assert sum(r.entries for r in reports) == 3
    assert sum(r.originals for r in reports) == 1


def test_the_same_audit_is_recorded_once(cataloged: Cataloged) -> None:
    for _ in range(2):
        audit_fixity(cataloged.engine, cataloged.store, _whole())
    assert len(_events(cataloged, EventType.FIXITY_CHECK)) == 4
    audit_fixity(cataloged.engine, cataloged.store, _whole("audit 2"))
    assert len(_events(cataloged, EventType.FIXITY_CHECK)) == 8


def test_a_flipped_bit_is_quarantined_recorded_and_reported(cataloged: Cataloged) -> None:
    _spoil(cataloged.path("colorized.tif"))
    report = audit_fixity(cataloged.engine, cataloged.store, _whole())
    (loss,) = report.losses
    assert (loss.address, loss.scan_id) == (cataloged.key, cataloged.scan_id)
    assert "colorized.tif sha256 is" in loss.faults[0]
    assert loss.quarantined is not None
    assert (cataloged.store.root / loss.quarantined / "colorized.tif").is_file()
    assert cataloged.store.find(cataloged.key) is None
    assert EventOutcome.FAIL in [outcome for outcome, _ in _events(cataloged, EventType.FIXITY_CHECK)]
    assert _events(cataloged, EventType.QUARANTINE) == [
        (EventOutcome.SUCCESS, f"moved to {loss.quarantined}")
    ]


def test_what_a_killed_audit_had_moved_is_recorded_by_the_next(
    cataloged: Cataloged, monkeypatch: pytest.MonkeyPatch
) -> None:
    _spoil(cataloged.path("colorized.tif"))

    def killed_after_the_move(key: str) -> None:
        Store.quarantine(cataloged.store, key)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(cataloged.store, "quarantine", killed_after_the_move)
        audit_fixity(cataloged.engine, cataloged.store, _whole())
    for occasion in ("audit 1", "audit 2"):
        (loss,) = audit_fixity(cataloged.engine, cataloged.store, _whole(occasion)).losses
        assert (cataloged.store.root / str(loss.quarantined) / "colorized.tif").is_file()
        moved = (EventOutcome.SUCCESS, f"moved to {loss.quarantined}")
        assert _events(cataloged, EventType.QUARANTINE) == [moved]
    faults = [text for outcome, text in _events(cataloged, EventType.FIXITY_CHECK) if outcome == "fail"]
    assert ["colorized.tif sha256 is" in text for text in faults] == [True, False]


def test_what_was_quarantined_is_made_anew_by_the_next_run(
    cataloged: Cataloged, photograph: Photograph
) -> None:
    _spoil(cataloged.path("restored.jpg"))
    audit_fixity(cataloged.engine, cataloged.store, _whole())
    again = catalog_photograph(cataloged.engine, photograph, cataloged.store.root, None)
    assert again.key == cataloged.key
    assert audit_fixity(cataloged.engine, cataloged.store, _whole("audit 2")).intact


def test_signed_files_made_anew_have_other_bytes_and_the_catalog_knows_them(
    engine: Engine, photograph: Photograph, identity: SigningIdentity, tmp_path: Path
) -> None:
    first = catalog_photograph(engine, photograph, tmp_path / "store", identity)
    _spoil(first.path("colorized.jpg"))
    audit_fixity(engine, first.store, _whole())
    again = catalog_photograph(engine, photograph, tmp_path / "store", identity)
    assert again.key == first.key
    assert again.tagged.file(Role.COLORIZED).sha256 != first.tagged.file(Role.COLORIZED).sha256
    with engine.connect() as connection:
        register = CatalogRegister(connection, again.store)
        assert all(v.agrees for v in verify_object(ACCESSION_NUMBER, register, anchors=identity.root))
        assert len(derivatives.of_scan(connection, again.scan_id, "provenance")) == 1
        details = [event.detail for event in events.of_scan(connection, again.scan_id)]
    assert details.count("made anew: its files were lost") == 1


def test_an_altered_original_is_found(cataloged: Cataloged, photograph: Photograph) -> None:
    _spoil(cataloged.store.original(photograph.inputs.scan.sha256))
    (loss,) = audit_fixity(cataloged.engine, cataloged.store, _whole()).losses
    assert loss.address == photograph.inputs.scan.sha256
    assert loss.scan_id == cataloged.scan_id


def test_what_is_missing_is_found_though_there_is_nothing_to_move(cataloged: Cataloged) -> None:
    cataloged.store.folder(cataloged.key).rename(cataloged.store.root / "elsewhere")
    (loss,) = audit_fixity(cataloged.engine, cataloged.store, _whole()).losses
    assert (loss.faults, loss.quarantined) == (("is missing",), None)


def test_damage_can_be_reported_only(cataloged: Cataloged) -> None:
    _spoil(cataloged.path("colorized.jpg"))
    options = AuditOptions(turn=0, of=1, occasion="look", quarantine=False)
    (loss,) = audit_fixity(cataloged.engine, cataloged.store, options).losses
    assert loss.quarantined is None
    assert cataloged.path("colorized.jpg").is_file()


def test_entries_unknown_to_the_catalog_are_named(cataloged: Cataloged) -> None:
    result = StageResult("restoration", "1", "ab" * 32, ())
    cataloged.store.produce("cd" * 32, lambda folder: result)
    report = audit_fixity(cataloged.engine, cataloged.store, _whole())
    assert report.strangers == ("cd" * 32,)
    assert report.intact


def test_progress_counts_what_is_due(cataloged: Cataloged) -> None:
    told: list[tuple[int, int]] = []
    audit_fixity(cataloged.engine, cataloged.store, _whole(), progress=lambda *step: told.append(step))
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4)]


def test_an_impossible_share_is_refused() -> None:
    with pytest.raises(OptionsError, match="turn 1 of 0"):
        AuditOptions(turn=1, of=0, occasion="never")
