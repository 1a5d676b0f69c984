"""One photograph's fault stops nobody else; what may pass is tried again; what crashes, fails."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from imaging.errors import CatalogError, CorruptScan, ScanTooLarge, StoreError, UnfinishedScan
from operators.batch import RETRY_POLICY, BatchOperator, BatchUnfinished
from operators.outcome import BatchOutcome, ItemResult, ScanReference
from operators.progress import CRASH_COUNTS, KEY
from operators.space import Space
from operators.work.estimates import Estimate


class StateStore(dict[str, Any]):
    def set(self, key: str, value: Any) -> None:
        self[key] = copy(value)


class FakeWorker:
    """Processes numbers; those in `faults` raise."""

    def __init__(self, faults: dict[int, BaseException]) -> None:
        self.faults = faults
        self.processed: list[int] = []
        self.refused: list[int] = []
        self.failed: list[int] = []

    def name(self, item: ScanReference) -> str:
        return f"{item.scan}.tif"

    def estimate(self, item: ScanReference) -> Estimate:
        return Estimate(item.scan)

    def process(self, item: ScanReference, progress: Any) -> ItemResult:
        if item.scan in self.faults:
            raise self.faults[item.scan]
        self.processed.append(item.scan)
        return ItemResult(
            scans=(item.with_version(item.scan * 10),), fresh=1, remarks=(f"look at {item.scan}",)
        )

    def refuse(self, item: ScanReference, error: Exception) -> bool:
        self.refused.append(item.scan)
        return False

    def fail(self, item: ScanReference, error: Exception, attempt: str) -> None:
        self.failed.append(item.scan)


class FakeOperator(BatchOperator):
    stage = "testing"
    crew: FakeWorker

    def worker(self, hook: Any, context: Any) -> FakeWorker:
        return self.crew


Run = Callable[..., BatchOutcome]


@pytest.fixture
def run() -> Run:
    def start(worker: FakeWorker, state: StateStore | None = None, try_number: int = 3) -> BatchOutcome:
        batch = BatchOutcome(0, scans=(ScanReference(1), ScanReference(2), ScanReference(3)))
        operator = FakeOperator(task_id="testing", batch=batch.to_xcom())
        operator.crew = worker
        context = {
            "ti": SimpleNamespace(try_number=try_number, max_tries=2),
            "run_id": "run",
            "task_state_store": state,
        }
        return BatchOutcome.from_xcom(operator.execute(context))

    return start


def test_bad_scan_is_refused_and_its_neighbors_go_on(run: Run) -> None:
    worker = FakeWorker({2: CorruptScan("2.tif", "pixels are missing", "Scan it again.")})
    outcome = run(worker)
    assert outcome.scans == (ScanReference(1, (10,)), ScanReference(3, (30,)))
    (failure,) = outcome.lost
    assert (failure.photograph, failure.reason) == ("2.tif", "pixels are missing. Scan it again.")
    assert (worker.refused, worker.failed, outcome.fresh) == ([2], [], 2)
    assert outcome.remarks == ("look at 1", "look at 3")


def test_unfinished_file_waits_and_is_not_lost(run: Run) -> None:
    outcome = run(FakeWorker({1: UnfinishedScan("1.tif", "is being written", "Later.")}))
    assert (outcome.waiting, outcome.lost) == (("1.tif",), ())


def test_defect_is_tried_again_after_the_neighbors_are_done(run: Run) -> None:
    worker = FakeWorker({1: ZeroDivisionError("oops")})
    with pytest.raises(BatchUnfinished, match="1 of 3"):
        run(worker, try_number=1)
    assert (worker.processed, worker.failed) == ([2, 3], [])


def test_defect_is_recorded_as_failure_at_the_last_try(run: Run) -> None:
    worker = FakeWorker({1: ZeroDivisionError("oops")})
    outcome = run(worker, try_number=3)
    assert (worker.failed, [failure.photograph for failure in outcome.lost]) == ([1], ["1.tif"])
    assert "ZeroDivisionError: oops" in outcome.lost[0].reason


def test_trouble_of_everyone_fails_the_task(run: Run) -> None:
    with pytest.raises(StoreError):
        run(FakeWorker({2: StoreError("store", "the disk is full", "Free some space.")}))


def test_task_waits_for_space_before_it_touches_a_photograph(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([9, 1, 1, 9, 9])
    state, seen, worker = StateStore(), list[Any](), FakeWorker({})

    def sleep(seconds: float) -> None:
        seen.append((copy(state[KEY]), copy(state[CRASH_COUNTS]), list(worker.processed)))

    disk = Space(Path("/store"), 0, lambda folder: next(free), lambda: 0.0, sleep)
    monkeypatch.setattr("operators.batch.store_space", lambda: disk)
    assert not run(worker, state).lost
    assert worker.processed == [1, 2, 3]
    (told, counted, processed), _ = seen
    assert (told["photograph"], processed) == ("2.tif", [1])
    assert "0.00 GiB are free on the disk of /store" in told["waiting"]
    assert "2" not in counted, "a photograph that waits is not in hand: no crash counts against it"
    assert "waiting" not in state[KEY]


def test_photograph_of_unknown_size_is_tried(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeWorker, "estimate", lambda *_: _raise(CatalogError("a", "is gone", "Look.")))
    worker = FakeWorker({})
    assert not run(worker).lost
    assert worker.processed == [1, 2, 3]


class Unreachable(StateStore):
    def set(self, key: str, value: Any) -> None:
        if key == CRASH_COUNTS and not value:
            raise ConnectionError("the api-server is away")
        super().set(key, value)


@pytest.mark.parametrize(
    "trouble", [StoreError("store", "the disk is full", "Free some."), OperationalError("", {}, Exception())]
)
def test_photograph_is_not_to_blame_for_the_trouble_of_everyone(run: Run, trouble: Exception) -> None:
    state = StateStore()
    for attempt in (1, 2):
        with pytest.raises(type(trouble)):
            run(FakeWorker({2: trouble}), state, try_number=attempt)
    worker = FakeWorker({})
    assert not run(worker, state, try_number=3).lost
    assert worker.processed == [1, 2, 3]


def test_photograph_is_not_to_blame_when_its_refusal_cannot_be_recorded(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeWorker, "refuse", lambda *_: _raise(OperationalError("", {}, Exception())))
    state = StateStore()
    with pytest.raises(OperationalError):
        run(FakeWorker({2: CorruptScan("2.tif", "pixels are missing", "Scan it again.")}), state)
    assert state[CRASH_COUNTS] == {}


def test_trouble_of_everyone_is_told_though_the_state_store_is_away(run: Run) -> None:
    with pytest.raises(StoreError, match="disk is full"):
        run(FakeWorker({2: StoreError("store", "the disk is full", "Free some space.")}), Unreachable())


def test_photograph_that_exhausted_the_memory_twice_is_recorded_as_failed(run: Run) -> None:
    state = StateStore()
    for _ in range(2):
        with pytest.raises(MemoryError):
            run(FakeWorker({2: MemoryError()}), state, try_number=1)
    worker = FakeWorker({2: MemoryError()})
    run(worker, state, try_number=3)
    assert (worker.processed, worker.failed) == ([1, 3], [2])


def test_photograph_that_killed_the_process_twice_is_recorded_as_failed(run: Run) -> None:
    state = StateStore()
    for _ in range(2):
        with pytest.raises(SystemExit):
            run(FakeWorker({2: SystemExit()}), state, try_number=1)
    worker = FakeWorker({2: SystemExit()})
    outcome = run(worker, state, try_number=3)
    assert worker.processed == [1, 3]
    assert worker.failed == [2] and "crashed 2 times" in outcome.lost[0].reason
    assert state[CRASH_COUNTS] == {} and state[KEY]["done"] == 3


def test_of_pages_only_the_one_that_crashes_the_process_fails(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeWorker, "name", lambda self, item: "album.tif")
    state = StateStore()
    for _ in range(2):
        with pytest.raises(SystemExit):
            run(FakeWorker({2: SystemExit()}), state, try_number=1)
    worker = FakeWorker({2: SystemExit()})
    run(worker, state, try_number=3)
    assert (worker.processed, worker.failed) == ([1, 3], [2])


@pytest.mark.parametrize("kind", [CorruptScan, ScanTooLarge])
def test_bad_scans_are_not_tried_again(kind: type[Exception]) -> None:
    decision = RETRY_POLICY.evaluate(kind("a", "b", "c"), 1, 2)
    assert decision.action.value == "fail"
    assert RETRY_POLICY.evaluate(OSError(), 1, 2).action.value == "default"


def _raise(error: Exception) -> None:
    raise error
