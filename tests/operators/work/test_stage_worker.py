"""What a stage reads is what it was asked to read, and nobody is blamed for what is not his fault."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import c2pa
import psycopg2
import pytest
from PIL import Image
from sqlalchemy import Engine, exc, select

from catalog import derivatives, due, events
from catalog.scans import Scan
from catalog.schema import EventOutcome, EventType, ScanState
from catalog.schema import scans as scan_rows
from catalog.store import Store
from colorization.options import ColorizationOptions
from imaging import errors
from imaging.errors import HeliochromeError, Scope, StoredFileError
from imaging.fixity import sha256_file
from imaging.stage import Role, StageResult
from operators.batch import BatchOperator, BatchUnfinished
from operators.outcome import BatchOutcome, ScanReference
from operators.progress import Progress
from operators.work.colorization import Coloring
from operators.work.estimates import Estimate
from operators.work.ingestion import Ingestion
from operators.work.restoration import Restoring
from operators.work.stage_worker import Share, StageTask, StageWorker
from restoration.options import RestorationOptions
from tests.operators.conftest import Photographer
from tests.operators.work.test_whole_way import Sepia

OPTIONS = RestorationOptions(tile=128, device="cpu", threads=1)


@pytest.fixture
def ingestion(engine: Engine, store: Store, inbox: Path) -> Ingestion:
    return Ingestion(engine, store, inbox)


@pytest.fixture
def restoring(engine: Engine, store: Store) -> Restoring:
    return Restoring(engine, store, OPTIONS)


def flip(path: Path, count: int = 64) -> None:
    """Turn `count` bytes in the middle of a file around, as a rotting disk does; its size stays."""
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + count] = bytes(255 - byte for byte in content[middle : middle + count])
    path.write_bytes(content)


def happened(engine: Engine, scan: int, kind: EventType) -> list[EventOutcome]:
    with engine.connect() as connection:
        return [event.outcome for event in events.of_scan(connection, scan) if event.type is kind]


def test_work_on_a_rotted_original_is_not_committed_and_the_original_asked_for_again(
    ingestion: Ingestion, restoring: Restoring, photograph: Photographer
) -> None:
    path = photograph("a.tif")
    (reference,) = ingestion.process("a.tif", Progress(1)).scans
    original = restoring.store.original(sha256_file(path))
    flip(original)
    with pytest.raises(StoredFileError, match=r"a\.tif: its original .* sha256 is .* Put the file"):
        restoring.process(reference, Progress(1))
    assert not list(restoring.store.keys()) and not original.exists()
    quarantined = restoring.store.quarantined(original.name)
    assert quarantined is not None and sha256_file(quarantined) != original.name
    assert happened(restoring.engine, reference.scan, EventType.FIXITY_CHECK) == [EventOutcome.FAIL]
    assert happened(restoring.engine, reference.scan, EventType.QUARANTINE) == [EventOutcome.SUCCESS]

    assert ingestion.process("a.tif", Progress(1)).scans == (reference,)
    restored = restoring.process(reference, Progress(1)).scans[0].versions[0]
    with restoring.engine.connect() as connection:
        assert derivatives.get(connection, restored).input_sha256 == original.name


def test_original_that_is_gone_is_asked_for_again_and_its_scan_waits(
    ingestion: Ingestion, restoring: Restoring, photograph: Photographer
) -> None:
    path = photograph("a.tif")
    (reference,) = ingestion.process("a.tif", Progress(1)).scans
    restoring.store.original(sha256_file(path)).unlink()
    with pytest.raises(StoredFileError, match="Put the file into the inbox again"):
        restoring.process(reference, Progress(1))
    with restoring.engine.connect() as connection:
        assert due.due(connection) == ()
    ingestion.process("a.tif", Progress(1))
    with restoring.engine.connect() as connection:
        assert [one.scan for one in due.due(connection)] == [reference.scan]


def test_rotted_original_that_cannot_be_decoded_is_no_reason_to_refuse_the_scan(
    ingestion: Ingestion, restoring: Restoring, photograph: Photographer
) -> None:
    path = photograph("a.jpg")
    (reference,) = ingestion.process("a.jpg", Progress(1)).scans
    original = restoring.store.original(sha256_file(path))
    flip(original, count=original.stat().st_size)
    with pytest.raises(StoredFileError, match="has changed"):
        restoring.process(reference, Progress(1))


def test_rotted_page_is_found_as_its_original_is(
    ingestion: Ingestion, restoring: Restoring, inbox: Path, photograph: Photographer
) -> None:
    first, second = (photograph(f"{seed}.tif", seed=seed) for seed in (1, 2))
    with Image.open(first) as one, Image.open(second) as two:
        one.save(inbox / "album.tif", save_all=True, append_images=[two])
    *_, page = ingestion.process("album.tif", Progress(1)).scans
    flip(restoring.store.original(sha256_file(inbox / "album.tif")))
    with pytest.raises(StoredFileError, match="its original in the store has changed"):
        restoring.process(page, Progress(1))
    assert not list(restoring.store.keys())


def test_work_on_a_rotted_derivative_is_not_committed_and_that_made_anew(
    ingestion: Ingestion, restoring: Restoring, photograph: Photographer
) -> None:
    photograph("a.tif")
    (reference,) = ingestion.process("a.tif", Progress(1)).scans
    (restored,) = restoring.process(reference, Progress(1)).scans
    with restoring.engine.connect() as connection:
        version = derivatives.get(connection, restored.versions[0])
    master = restoring.store.resolve(version.derivative(Role.RESTORED).path)
    flip(master)
    coloring = Coloring(restoring.engine, restoring.store, ColorizationOptions(), Sepia())
    with pytest.raises(StoredFileError, match=r"a\.tif: its restoration .* The next run makes it anew"):
        coloring.process(restored, Progress(1))
    assert not list(restoring.store.keys())

    assert restoring.process(reference, Progress(1)).scans == (restored,)
    assert sha256_file(master) == version.derivative(Role.RESTORED).sha256
    assert coloring.process(restored, Progress(1)).fresh == 1


class Failing(StageWorker):
    """Raises an error over one photograph, and does the others."""

    stage = "restoration"

    def __init__(self, engine: Engine, store: Store, error: Exception, scan: int) -> None:
        super().__init__(engine, store)
        self.error, self.scan, self.done = error, scan, list[int]()

    def estimate(self, item: ScanReference) -> Estimate:
        return Estimate()

    def stage_task(self, scan: Scan, reference: ScanReference) -> StageTask:
        read = self.original(scan)
        key = f"{scan.id:064x}"

        def work(folder: Path, share: Share) -> StageResult:
            if scan.id == self.scan:
                raise self.error
            self.done.append(scan.id)
            return StageResult(self.stage, "1", read.sha256, ())

        return StageTask(key, work, (read,))


class Trying(BatchOperator):
    stage = "restoration"
    crew: StageWorker

    def worker(self, hook: Any, context: Any) -> StageWorker:
        return self.crew


def attempt(worker: Failing, number: int) -> BatchOutcome:
    batch = BatchOutcome(0, scans=tuple(ScanReference(scan) for scan in (1, 2, 3)))
    operator = Trying(task_id="trying", batch=batch.to_xcom())
    operator.crew = worker
    instance = SimpleNamespace(try_number=number, max_tries=2)
    return BatchOutcome.from_xcom(operator.execute({"ti": instance, "run_id": "run"}))


def of_ours(kind: type[HeliochromeError]) -> HeliochromeError:
    return kind("2.tif", "is out of order", "Mend it.")


def of_system(number: int) -> OSError:
    return OSError(number, os.strerror(number))


SCAN, ITEM, EVERYONE = Scope.SCAN, Scope.ITEM, Scope.EVERYONE
OURS: dict[type[HeliochromeError], Scope] = {
    errors.HeliochromeError: ITEM,
    errors.ScanError: SCAN,
    errors.UnsupportedScan: SCAN,
    errors.CorruptScan: SCAN,
    errors.ScanTooLarge: SCAN,
    errors.ForbiddenScan: SCAN,
    errors.OptionsError: EVERYONE,
    errors.ModelError: EVERYONE,
    errors.StoreError: EVERYONE,
    errors.StoredFileError: ITEM,
    errors.CatalogError: ITEM,
    errors.ServiceError: EVERYONE,
    errors.SigningError: EVERYONE,
}
SYSTEM = {
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM), EVERYONE
    ),
    **dict.fromkeys((errno.ESTALE, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNREFUSED), EVERYONE),
    **dict.fromkeys((errno.ETIMEDOUT, errno.EPIPE, errno.EACCES, errno.EIO), EVERYONE),
    **dict.fromkeys((errno.ENOENT, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL), ITEM),
}
DATABASE = {
    psycopg2.OperationalError: EVERYONE,
    psycopg2.InterfaceError: EVERYONE,
    psycopg2.InternalError: EVERYONE,
    psycopg2.ProgrammingError: EVERYONE,
    psycopg2.DatabaseError: EVERYONE,
    psycopg2.DataError: ITEM,
    psycopg2.IntegrityError: ITEM,
}


def cases() -> Iterator[Any]:
    for kind, scope in OURS.items():
        yield pytest.param(partial(of_ours, kind), scope, id=kind.__name__)
    for number, scope in SYSTEM.items():
        yield pytest.param(partial(of_system, number), scope, id=errno.errorcode[number])
    for kind, scope in DATABASE.items():
        yield pytest.param(partial(kind, "trouble"), scope, id=f"psycopg2.{kind.__name__}")
        wrapped = getattr(exc, kind.__name__)
        yield pytest.param(partial(wrapped, "SELECT", {}, kind()), scope, id=f"sqlalchemy.{kind.__name__}")
    yield pytest.param(partial(exc.TimeoutError, "none is free"), EVERYONE, id="sqlalchemy.TimeoutError")
    for kind in (c2pa.C2paError, *(getattr(c2pa.C2paError, name) for name in C2PA)):
        yield pytest.param(partial(kind, "trouble"), ITEM, id=f"c2pa.{kind.__name__}")
    full = f"Io: {os.strerror(errno.ENOSPC)} (os error 28)"
    yield pytest.param(partial(c2pa.C2paError, full), EVERYONE, id="c2pa on a full disk")
    for kind in (ValueError, KeyError, ZeroDivisionError, AssertionError, RuntimeError):
        yield pytest.param(partial(kind, "trouble"), ITEM, id=kind.__name__)


C2PA = sorted(name for name, kind in vars(c2pa.C2paError).items() if isinstance(kind, type))


def test_every_error_of_ours_has_its_place_in_the_walk() -> None:
    def below(kind: type[HeliochromeError]) -> Iterator[type[HeliochromeError]]:
        yield kind
        for narrower in kind.__subclasses__():
            yield from below(narrower)

    # One that is still being written waits without a word, see test_batch.py.
    # Those of requests answer a client, and no stage raises them.
    others = {errors.UnfinishedScan} | {
        kind for kind in below(HeliochromeError) if "request" in kind.__module__
    }
    assert set(OURS) == set(below(HeliochromeError)) - others
    assert {"Io", "Signature", "Other"} <= set(C2PA)


@pytest.mark.parametrize(("make", "scope"), list(cases()))
def test_error_does_what_its_scope_says(
    ingestion: Ingestion, photograph: Photographer, make: Any, scope: Scope
) -> None:
    for scan in (1, 2, 3):
        photograph(f"{scan}.tif", seed=scan)
        assert ingestion.process(f"{scan}.tif", Progress(1)).scans == (ScanReference(scan),)
    worker = Failing(ingestion.engine, ingestion.store, make(), 2)
    match scope:
        case Scope.SCAN:
            outcome = attempt(worker, 1)
            assert ([p.scan for p in outcome.scans], len(outcome.lost)) == ([1, 3], 1)
            assert states(ingestion.engine) == [ScanState.NEW, ScanState.REFUSED, ScanState.NEW]
            (failure,) = ingestion.process("2.tif", Progress(1)).lost
            assert failure.known, "refused once"
        case Scope.ITEM:
            with pytest.raises(BatchUnfinished):
                attempt(worker, 1)
            assert worker.done == [1, 3] and states(ingestion.engine) == [ScanState.NEW] * 3
            outcome = attempt(worker, 3)
            assert ([p.scan for p in outcome.scans], len(outcome.lost)) == ([1, 3], 1)
            assert states(ingestion.engine) == [ScanState.NEW, ScanState.FAILED, ScanState.NEW]
            assert ingestion.process("2.tif", Progress(1)).scans == (ScanReference(2),), (
                "it has another chance"
            )
        case Scope.EVERYONE:
            for number in (1, 3):
                with pytest.raises(Exception) as raised:
                    attempt(worker, number)
                assert not isinstance(raised.value, BatchUnfinished)
            assert states(ingestion.engine) == [ScanState.NEW] * 3, "no photograph is blamed"


def states(engine: Engine) -> list[ScanState]:
    with engine.connect() as connection:
        return list(connection.execute(select(scan_rows.c.state).order_by(scan_rows.c.id)).scalars())
