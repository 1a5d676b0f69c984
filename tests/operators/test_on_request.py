"""The worker with stand-in stages: what becomes of requests when things go wrong."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from catalog import recolorings, requests, tokens
from catalog.database import in_transaction
from catalog.recolorings import HeldRecoloring
from catalog.request_files import RequestFiles
from catalog.request_options import HintOption, RequestOptions
from catalog.requests import Request, RequestLimits, Upload
from catalog.schema import RequestState, TokenScope
from imaging.errors import CorruptScan, HeliochromeError, StoreError
from imaging.fixity import describe_output
from imaging.stage import Role, StageResult
from operators.on_request import RequestWorker


@dataclass(frozen=True)
class Outcome:
    entries: dict[str, str]
    figures: dict[str, Any]


@dataclass
class StandIn:
    """Writes one small file a request.

    `trouble` is called first, with the progress function, and `made` where the file was not there yet.
    """

    files: RequestFiles
    trouble: Callable[[Request, Callable[[str, float], None]], None] = lambda request, report: None
    made: Callable[[Request], None] = lambda request: None
    method: str = "m"
    ran: list[int] = field(default_factory=list)

    def run(
        self, request: Request, report: Callable[[str, float], None], kept: Callable[[str, str], None]
    ) -> Outcome:
        self.ran.append(request.id)
        self.trouble(request, report)
        key = hashlib.sha256(request.sha256.encode()).hexdigest()

        def work(folder: Path) -> StageResult:
            (folder / "confidence.tif").write_bytes(b"pixels")
            output = describe_output(folder / "confidence.tif", folder, Role.CONFIDENCE)
            return StageResult("colorization", "1", request.sha256, (output,))

        if self.files.store(request.sha256).produce(key, work).fresh:
            self.made(request)
        kept("colorization", key)
        report("colorization", 0.9)
        return Outcome({"colorization": key}, {"kind": "monochrome"})

    def file(self, request: Request, outcome: Outcome) -> str:
        return request.chosen.accession_number

    def recolor(self, held: HeldRecoloring) -> tuple[str, list[dict[str, Any]]]:
        return "0" * 64, [{"limited": False} for _ in held.recoloring.hints]


LIMITS = RequestLimits(lease_seconds=2, most_seconds=30)


@pytest.fixture
def files(tmp_path: Path) -> RequestFiles:
    return RequestFiles(tmp_path / "requests")


@pytest.fixture
def client(engine: Engine) -> tokens.ApiToken:
    with engine.begin() as connection:
        found = tokens.find(connection, tokens.create(connection, "bot", [TokenScope.REQUEST], by="test"))
    assert found is not None
    return found


Ask = Callable[..., Request]


@pytest.fixture
def ask(engine: Engine, files: RequestFiles, client: tokens.ApiToken, tmp_path: Path) -> Ask:
    def make(content: bytes = b"photograph", **options: Any) -> Request:
        path = tmp_path / "upload"
        path.write_bytes(content)
        upload = Upload(path, hashlib.sha256(content).hexdigest(), "a.jpg", 10, 8)
        chosen = RequestOptions(**options)
        return in_transaction(
            engine, lambda c: requests.admit(c, files, client, upload, chosen, limits=LIMITS)
        ).request

    return make


def now(engine: Engine, request: Request) -> Request:
    with engine.connect() as connection:
        return requests.by_id(connection, request.id)


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_request_is_worked_on_once(engine: Engine, files: RequestFiles, ask: Ask) -> None:
    stages = StandIn(files)
    asked = ask()
    worker = RequestWorker(engine, files, stages, LIMITS)
    assert worker.work_once() and not worker.work_once()
    finished = now(engine, asked)
    assert (finished.state, finished.progress, finished.method) == (RequestState.FINISHED, 1.0, "m")
    assert set(files.results(finished.sha256, finished.entries)) == {"confidence.tif"}
    assert ask().state is RequestState.FINISHED and stages.ran == [asked.id]


def test_a_bad_photograph_is_refused_in_words_and_the_next_goes_on(
    engine: Engine, files: RequestFiles, ask: Ask
) -> None:
    def trouble(request: Request, report: object) -> None:
        if request.id == bad.id:
            raise CorruptScan("/srv/store/ab/abc", "it is truncated", "Copy it again.")

    bad, good = ask(b"bad"), ask(b"good")
    worker = RequestWorker(engine, files, StandIn(files, trouble), LIMITS)
    assert worker.work_once() and worker.work_once()
    refused = now(engine, bad)
    assert (refused.state, refused.reason, refused.remedy) == (
        RequestState.REFUSED,
        "it is truncated",
        "Copy it again.",
    )
    assert now(engine, good).state is RequestState.FINISHED


@pytest.mark.parametrize(
    "failure",
    [
        OSError(5, "Input/output error", "/srv/store/ab"),
        HeliochromeError("/srv/x", "is broken at /srv/x", "Mend /srv/x."),
    ],
)
def test_a_failure_tells_its_client_nothing_of_this_machine(
    engine: Engine, files: RequestFiles, ask: Ask, failure: Exception
) -> None:
    def trouble(request: Request, report: object) -> None:
        raise failure

    asked = ask()
    assert RequestWorker(engine, files, StandIn(files, trouble), LIMITS).work_once()
    failed = now(engine, asked)
    assert failed.state is RequestState.FAILED
    assert "/srv" not in f"{failed.reason} {failed.remedy}"


def test_trouble_that_is_nobody_s_fault_fails_no_request(
    engine: Engine, files: RequestFiles, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trouble(request: Request, report: object) -> None:
        raise StoreError("/srv/store", "the disk is full", "Make room.")

    monkeypatch.setattr("operators.on_request.TROUBLE_SECONDS", 0.0)
    asked = ask()
    full, well = StandIn(files, trouble), StandIn(files)
    for _ in range(LIMITS.most_attempts + 1):
        assert RequestWorker(engine, files, full, LIMITS).work_once()
        assert now(engine, asked).state is RequestState.QUEUED
    assert RequestWorker(engine, files, well, LIMITS).work_once()
    assert now(engine, asked).state is RequestState.FINISHED


def test_a_request_that_takes_too_long_is_given_up(engine: Engine, files: RequestFiles, ask: Ask) -> None:
    def trouble(request: Request, report: Callable[[str, float], None]) -> None:
        for step in range(100):
            time.sleep(0.02)
            report("restoration", step / 100)

    asked = ask()
    limits = RequestLimits(lease_seconds=5, most_seconds=0.1)
    assert RequestWorker(engine, files, StandIn(files, trouble), limits).work_once()
    assert "longer than 0.1 s" in (now(engine, asked).reason or "")


def test_a_worker_gives_signs_of_life_and_keeps_its_request(
    engine: Engine, files: RequestFiles, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def trouble(request: Request, report: Callable[[str, float], None]) -> None:
        report("restoration", 0.25)
        begun.set()
        go_on.wait(20)

    monkeypatch.setattr("operators.on_request.SIGN_SECONDS", 0.1)
    asked = ask()
    slow, other = (RequestWorker(engine, files, StandIn(files, t), LIMITS) for t in (trouble, trouble))
    working = threading.Thread(target=slow.work_once)
    working.start()
    assert begun.wait(10)
    until(lambda: now(engine, asked).progress == 0.25)
    time.sleep(LIMITS.lease_seconds + 0.5)
    assert not other.work_once()
    go_on.set()
    working.join()
    assert now(engine, asked).state is RequestState.FINISHED


def test_what_is_withdrawn_while_it_is_worked_on_leaves_nothing(
    engine: Engine, files: RequestFiles, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operators.on_request.SIGN_SECONDS", 0.05)

    def trouble(request: Request, report: Callable[[str, float], None]) -> None:
        with engine.begin() as connection:
            requests.withdraw(connection, files, request)
        for _ in range(200):
            time.sleep(0.02)
            report("restoration", 0.5)

    asked = ask()
    assert RequestWorker(engine, files, StandIn(files, trouble), LIMITS).work_once()
    assert now(engine, asked).state is RequestState.WITHDRAWN
    assert files.photographs() == ()


def test_a_worker_that_is_stopped_puts_its_request_back(
    engine: Engine, files: RequestFiles, ask: Ask
) -> None:
    asked = ask()

    def trouble(request: Request, report: Callable[[str, float], None]) -> None:
        worker.stop()
        report("restoration", 0.5)

    worker = RequestWorker(engine, files, StandIn(files, trouble), LIMITS)
    worker.run()
    put_back = now(engine, asked)
    assert (put_back.state, put_back.attempts) == (RequestState.QUEUED, 0)


def test_hints_are_tried_while_a_photograph_is_worked_on(
    engine: Engine, files: RequestFiles, client: tokens.ApiToken, ask: Ask
) -> None:
    finished = ask(b"first")
    go_on = threading.Event()

    def trouble(request: Request, report: object) -> None:
        if request.id != finished.id:
            go_on.wait(20)

    worker = RequestWorker(engine, files, StandIn(files, trouble), LIMITS)
    running = threading.Thread(target=worker.run)
    running.start()
    try:
        until(lambda: now(engine, finished).state is RequestState.FINISHED)
        other = ask(b"second")
        until(lambda: now(engine, other).state is RequestState.WORKING)
        hint = HintOption(x=0.5, y=0.5, a=10, b=-20, source="a letter")
        with engine.begin() as connection:
            tried = recolorings.ask(connection, now(engine, finished), client, [hint])

        def shown() -> bool:
            with engine.connect() as connection:
                found = recolorings.get(connection, finished, tried.uuid)
            return found is not None and found.state is RequestState.FINISHED

        until(shown)
        assert now(engine, other).state is RequestState.WORKING
    finally:
        go_on.set()
        worker.stop()
        running.join(20)


def test_a_database_that_drops_its_connections_is_waited_for(
    engine: Engine, files: RequestFiles, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operators.on_request.RETRY_SECONDS", 0.05)

    def trouble(request: Request, report: object) -> None:
        with engine.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )

    asked = ask()
    assert RequestWorker(engine, files, StandIn(files, trouble), LIMITS).work_once()
    assert now(engine, asked).state is RequestState.FINISHED


def test_filing_is_noted(engine: Engine, files: RequestFiles, ask: Ask) -> None:
    asked = ask(keep="catalog", accession_number="1987.12")
    assert RequestWorker(engine, files, StandIn(files), LIMITS).work_once()
    assert now(engine, asked).accession_number == "1987.12"
