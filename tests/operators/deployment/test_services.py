"""The whole of it, once: `heliochrome up` runs, digitizes, lets nobody in unasked, and leaves nothing behind.

One start serves all these tests: it is what takes the time.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import func, select

from catalog.database import connect
from catalog.schema import metadata
from operators.deployment import services
from operators.deployment.client import AirflowClient
from operators.deployment.home import Home
from tests.operators.conftest import picture

START_SECONDS = 300
"""On a machine that does much else besides."""


@dataclass(frozen=True)
class Deployment:
    home: Home
    process: subprocess.Popen[bytes]
    client: AirflowClient
    runs: list[str] = field(default_factory=list)

    def rows(self) -> dict[str, int]:
        with services.catalog(self.home.root) as dsn:
            engine = connect(dsn)
            with engine.connect() as connection:
                counts = {
                    table.name: connection.scalar(select(func.count()).select_from(table))
                    for table in metadata.sorted_tables
                }
            engine.dispose()
        return counts

    def digitize(self, **parameters: object) -> tuple[str, dict[str, int]]:
        run = self.client.trigger("digitize", {"inbox": str(self.home.inbox), **parameters})
        self.runs.append(run)
        *_, status = self.client.watch("digitize", run)
        return status.state, self.client.xcom("digitize", run, "report", "report")


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with tempfile.TemporaryDirectory(prefix="heliochrome-") as folder:
        Path(folder).chmod(0o711)
        home = Home.at(Path(folder) / "home")
        environment = {
            **os.environ,
            "HELIOCHROME_HOME": str(home.root),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,visitor:viewer",
        }
        with (home.logs / "up.log").open("wb") as output:
            command = [sys.executable, "-m", "operators.cli", "up"]
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            with closing(_wait_until_up(home, process)) as client:
                yield Deployment(home, process, client)
        finally:
            process.terminate()
            process.wait(120)


def _wait_until_up(home: Home, process: subprocess.Popen[bytes]) -> AirflowClient:
    deadline = time.monotonic() + START_SECONDS
    log = home.logs / "up.log"
    while "Ctrl-C stops everything" not in log.read_text():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)
    address = json.loads(home.addresses.read_text())["address"]
    return AirflowClient(address, "admin", home.secret("account-admin")[:20])


def test_bad_scan_holds_nobody_back_and_a_repeat_changes_nothing(deployment: Deployment) -> None:
    for seed, name in enumerate(("a.tif", "b.jpg")):
        picture("L", seed, (128, 96)).save(deployment.home.inbox / name)
    (deployment.home.inbox / "a again.tif").write_bytes((deployment.home.inbox / "a.tif").read_bytes())
    (deployment.home.inbox / "letter.tif").write_text("Dear Sir")

    state, report = deployment.digitize(collection="demo", batch_size=2, produce=["restored"])
    assert state == "failed", "a photograph was lost"
    assert report | {"fresh": 0} == {
        "found": 4, "before": 0, "due": 0, "finished": 2, "fresh": 0, "lost": 1, "known": 0, "waiting": 0,
        "passed_over": 0, "remarks": 0,
    }  # fmt: skip
    before = deployment.rows()
    assert (before["scans"], before["sightings"], before["reviews"], before["manifests"]) == (3, 4, 2, 2)

    state, report = deployment.digitize(collection="demo", batch_size=2, produce=["restored"])
    assert state == "success", "what is lost was told before"
    assert (report["before"], report["finished"], report["fresh"], report["known"]) == (3, 0, 0, 1)
    assert deployment.rows() == before


def test_task_shows_its_photographs(deployment: Deployment) -> None:
    wanted = {"run": deployment.runs[0], "task": "photographs.tag", "batch": "0"}
    headers = {"Authorization": f"Bearer {_token(deployment)}"}
    page = f"{deployment.client.address}/heliochrome/task"
    answer = httpx.get(page, params=wanted, headers=headers, timeout=60)
    assert (answer.status_code, answer.headers["location"]) == (303, "/heliochrome/photographs/a~20again/")


def test_pages_are_closed_without_airflows_leave(deployment: Deployment) -> None:
    address = deployment.client.address
    for path in ("/", "/all/", "/static/heliochrome.css", "/docs", "/task?run=x&task=y", "/nothing"):
        page = f"{address}/heliochrome{path}"
        assert httpx.get(page).status_code == 401
        assert httpx.get(page, headers={"Authorization": "Bearer made.up.token"}).status_code == 403


def test_viewer_looks_and_does_not_decide(deployment: Deployment) -> None:
    credentials = {"username": "visitor", "password": deployment.home.secret("account-visitor")[:20]}
    token = httpx.post(f"{deployment.client.address}/auth/token", json=credentials).json()["access_token"]
    visitor = httpx.Client(base_url=f"{deployment.client.address}/heliochrome", timeout=60)
    visitor.headers["Authorization"] = f"Bearer {token}"
    with visitor:
        assert visitor.get("/").status_code == 200
        decision = {"decision": "approved", "revision": "0"}
        assert visitor.post("/reviews/1/decision", data=decision).status_code == 403


def test_other_sites_change_nothing(deployment: Deployment) -> None:
    token = _token(deployment)
    headers = {"Authorization": f"Bearer {token}", "Origin": "https://elsewhere.example"}
    page = f"{deployment.client.address}/heliochrome/reviews/1/decision"
    assert httpx.post(page, headers=headers, data={"decision": "approved"}).status_code == 403


def test_dags_pool_and_plugin_are_there_and_nothing_else(deployment: Deployment) -> None:
    api = httpx.Client(base_url=f"{deployment.client.address}/api/v2", timeout=60)
    api.headers["Authorization"] = f"Bearer {_token(deployment)}"
    with api:
        dags = {dag["dag_id"]: dag["is_paused"] for dag in api.get("/dags").json()["dags"]}
        assert dags == {"digitize": False, "audit_fixity": False, "publish_collection": False}
        assert api.get("/importErrors").json()["total_entries"] == 0
        assert api.get("/plugins/importErrors").json()["total_entries"] == 0
        assert api.get("/pools/heliochrome_tiles").json()["slots"] >= 1


def test_second_start_in_the_same_home_says_where_the_first_is(deployment: Deployment) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "operators.cli", "up", "--home", str(deployment.home.root)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 4
    assert deployment.client.address in second.stderr.replace("\n", "")


def test_nothing_listens_beyond_this_machine(deployment: Deployment) -> None:
    for process in _processes(deployment.home):
        with suppress(psutil.NoSuchProcess):
            for connection in process.net_connections(kind="inet"):
                if connection.status == psutil.CONN_LISTEN:
                    assert connection.laddr.ip == "127.0.0.1"


def test_sigterm_ends_everything(deployment: Deployment) -> None:
    assert len(_processes(deployment.home)) >= 5
    deployment.process.send_signal(signal.SIGTERM)
    assert deployment.process.wait(120) == 128 + signal.SIGTERM
    assert not _processes(deployment.home)
    assert not (deployment.home.postgres / "data" / "postmaster.pid").exists()


def _token(deployment: Deployment) -> str:
    deployment.client.wait_for_dag("digitize")
    return deployment.client._token


def _processes(home: Home) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            ours = process.environ().get("HELIOCHROME_HOME") == str(home.root)
            if ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
