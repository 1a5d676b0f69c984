"""Workers that are killed: no request is lost, and none is done twice."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from catalog import requests, tokens
from catalog.database import in_transaction
from catalog.request_files import RequestFiles
from catalog.request_options import RequestOptions
from catalog.requests import RequestLimits, Upload
from catalog.schema import TokenScope

ROOT = Path(__file__).parents[2]
CLIENTS, EACH, KILLED = 3, 4, 4

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.touch()
    return path


@pytest.fixture
def start(engine: Engine, tmp_path: Path, journal: Path) -> Iterator[Start]:
    processes: list[subprocess.Popen[bytes]] = []
    dsn = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def begin() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.operators.request_worker", dsn]
        process = subprocess.Popen([*command, str(tmp_path / "requests"), str(journal)], cwd=ROOT)
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.wait()


def ask(engine: Engine, folder: Path, clients: int, each: int) -> None:
    files, path = RequestFiles(folder / "requests"), folder / "upload"
    for client in range(clients):
        with engine.begin() as connection:
            secret = tokens.create(connection, f"client {client}", [TokenScope.REQUEST], by="test")
            known = tokens.find(connection, secret)
        assert known is not None
        for number in range(each):
            content = f"photograph {client} {number}".encode()
            path.write_bytes(content)
            upload = Upload(path, hashlib.sha256(content).hexdigest(), "a.jpg", 10, 8)

            def admit(connection, upload=upload, known=known):
                return requests.admit(
                    connection, files, known, upload, RequestOptions(), limits=RequestLimits()
                )

            in_transaction(engine, admit)


def states(engine: Engine) -> Counter[str]:
    with engine.connect() as connection:
        return Counter(connection.execute(text("SELECT state FROM requests")).scalars())


def lines(journal: Path, word: str) -> list[str]:
    return [line.split()[1] for line in journal.read_text().splitlines() if line.startswith(word)]


def until(condition: Callable[[], bool], seconds: float) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_killed_workers_requests_go_on_and_none_is_done_twice(
    engine: Engine, tmp_path: Path, journal: Path, start: Start
) -> None:
    ask(engine, tmp_path, CLIENTS, EACH)
    alive = [start(), start()]
    for _ in range(KILLED):
        begun = len(lines(journal, "begun"))
        until(lambda begun=begun: len(lines(journal, "begun")) > begun, 60)
        alive.pop(0).send_signal(signal.SIGKILL)
        alive.append(start())
    until(lambda: states(engine) == {"finished": CLIENTS * EACH}, 120)
    made = Counter(lines(journal, "made"))
    assert len(made) == CLIENTS * EACH and set(made.values()) == {1}
    files = RequestFiles(tmp_path / "requests")
    assert len(files.photographs()) == CLIENTS * EACH
    assert [part for part in files.root.rglob("partial/*") if part.is_dir()] == []
    with engine.connect() as connection:
        attempts = connection.execute(text("SELECT sum(attempts) FROM requests")).scalar_one()
    assert attempts > CLIENTS * EACH, "no worker was killed over a request"


def test_two_workers_do_not_share_one_request(
    engine: Engine, tmp_path: Path, journal: Path, start: Start
) -> None:
    both = start(), start()
    time.sleep(3)
    ask(engine, tmp_path, 1, 1)
    until(lambda: states(engine) == {"finished": 1}, 60)
    time.sleep(0.5)
    assert all(process.poll() is None for process in both)
    assert len(lines(journal, "begun")) == len(lines(journal, "made")) == 1
