"""`make bench-request`: a megapixel on request, warm; a repeat; hints; twenty clients at once.

Server and worker are processes of their own, as in a deployment, with a database and folder that are removed.
"""

from __future__ import annotations

import io
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from PIL import Image
from skimage import data

from catalog import tokens
from catalog.database import connect, migrate
from catalog.schema import TokenScope
from operators.deployment.postgres import EmbeddedPostgres, ensure_database
from tests.benchmarks.frame import Reached, report

SIDES = 1250, 800
CLIENTS = 20
PATIENCE = 900.0
HINT = {"x": 0.5, "y": 0.5, "radius": 0.03, "color": "#1b3a5e", "source": "a letter"}


@dataclass(frozen=True)
class Deployment:
    """A running server, its worker, and tokens."""

    address: str
    worker: psutil.Process
    secrets: tuple[str, ...]

    def client(self, number: int = 0) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.secrets[number]}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=60)


def main() -> int:
    """Start, measure, report."""
    with _deployment() as running:
        _finished(running.client(), picture(99))  # loads what is loaded at the first photograph
        one = _measure_one(running)
        crowd = _measure_crowd(running)
    return report(
        "request",
        {"one": one, "crowd": crowd},
        [
            Reached("preview of a megapixel, warm, s", one["preview_s"], 4),
            Reached("everything of a megapixel, warm, s", one["everything_s"], 12),
            Reached("a repeat, s", one["repeat_s"], 0.3),
            Reached("hints tried on a view, s", one["hints_s"], 2),
            Reached("clients of 20 that were served", crowd["served"], CLIENTS, at_most=False),
            Reached("clients served out of their order", crowd["out_of_order"], 0),
            Reached("status (p95) while 20 wait, ms", crowd["status_p95_ms"], 100),
            Reached("growth of the worker's memory over 20 photographs, MiB", crowd["growth_mib"], 300),
        ],
    )


def picture(seed: int) -> bytes:
    """Return a JPEG of a detailed photograph of a megapixel; each seed gives another one."""
    grey = Image.fromarray(data.astronaut()).convert("L").resize(SIDES, Image.Resampling.LANCZOS)
    grain = np.random.default_rng(seed).normal(0, 3, (SIDES[1], SIDES[0]))
    file = io.BytesIO()
    Image.fromarray((np.asarray(grey) + grain).clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=92)
    return file.getvalue()


def _measure_one(running: Deployment) -> dict[str, float]:
    client, content = running.client(), picture(0)
    began = time.monotonic()
    asked = _hand_over(client, content)
    preview = everything = 0.0
    while not everything:
        state = client.get(f"/requests/{asked['id']}").json()
        took = time.monotonic() - began
        if state.get("preview") and not preview:
            client.get(f"/requests/{asked['id']}/files/preview.jpg").raise_for_status()
            preview = time.monotonic() - began
        if state["state"] == "finished":
            everything = took
        elif state["state"] not in {"queued", "working"} or took > PATIENCE:
            raise RuntimeError(state)
        time.sleep(0.02)
    began = time.monotonic()
    assert _hand_over(client, content)["state"] == "finished"
    repeat = time.monotonic() - began
    # The first set of hints reads the outcome, the second finds it read.
    hints = []
    for _ in range(2):
        began = time.monotonic()
        path = f"/requests/{asked['id']}/hints"
        tried = client.post(path, json={"hints": [HINT]}, headers={"Prefer": "wait=10"}).json()
        httpx.get(tried["preview"]).raise_for_status()
        hints.append(time.monotonic() - began)
    return {
        "preview_s": preview,
        "everything_s": everything,
        "repeat_s": repeat,
        "first_hints_s": hints[0],
        "hints_s": hints[1],
    }


def _measure_crowd(running: Deployment) -> dict[str, Any]:
    """Let all clients ask in order, watch them at once, and return what each saw."""
    asked = [
        (number, _hand_over(running.client(number), picture(100 + number))["id"]) for number in range(CLIENTS)
    ]
    peak, over = [running.worker.memory_info().rss], threading.Event()

    def watch_memory() -> None:
        while not over.wait(0.2):
            peak.append(running.worker.memory_info().rss)

    watching = threading.Thread(target=watch_memory)
    watching.start()
    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        seen = list(pool.map(lambda one: _watched(running.client(one[0]), one[1]), asked))
    over.set()
    watching.join()
    order = [finished for _, finished in seen]
    status = [seconds for times, _ in seen for seconds in times]
    return {
        "served": sum(bool(finished) for finished in order),
        "out_of_order": sum(later < earlier for earlier, later in itertools.pairwise(order)),
        "status_p95_ms": 1000 * float(np.quantile(status, 0.95)),
        "looks": len(status),
        "seconds": time.monotonic() - began,
        "peak_mib": max(peak) / 2**20,
        "growth_mib": (max(peak) - peak[0]) / 2**20,
    }


def _watched(client: httpx.Client, number: str) -> tuple[list[float], str]:
    times, ends = [], time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        began = time.monotonic()
        state = client.get(f"/requests/{number}").json()
        times.append(time.monotonic() - began)
        if state["state"] not in {"queued", "working"}:
            return times, state.get("finished_at", "") if state["state"] == "finished" else ""
        time.sleep(1)
    return times, ""


def _hand_over(client: httpx.Client, content: bytes) -> dict[str, Any]:
    sent = client.post("/requests", files={"photograph": ("a.jpg", content)})
    answer: dict[str, Any] = sent.raise_for_status().json()
    return answer


def _finished(client: httpx.Client, content: bytes) -> None:
    _times, finished = _watched(client, _hand_over(client, content)["id"])
    if not finished:
        raise RuntimeError("the first photograph was not finished")


@contextmanager
def _deployment() -> Iterator[Deployment]:
    with tempfile.TemporaryDirectory(prefix="heliochrome-") as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder) / "postgres", "bench").running() as address:
            ensure_database(address, "bench")
            engine = connect(address.dsn("bench"))
            migrate(engine)
            with engine.begin() as connection:
                secrets = tuple(
                    tokens.create(connection, f"client {number}", [TokenScope.REQUEST], by="bench")
                    for number in range(CLIENTS)
                )
            engine.dispose()
            home = Path(folder) / "home"
            environment = {
                **os.environ,
                "HELIOCHROME_CATALOG_DSN": address.dsn("bench"),
                "HELIOCHROME_HOME": str(home),
                "AIRFLOW_HOME": str(Path(folder) / "airflow"),
            }
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            command = [sys.executable, "-m", "operators.cli"]
            with (
                _process([*command, "serve", "--requests", "--port", str(port)], environment),
                _process([*command, "worker"], environment) as worker,
            ):
                at = f"http://127.0.0.1:{port}"
                _wait_for(f"{at}/health")
                yield Deployment(at, psutil.Process(worker.pid), secrets)


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(address: str) -> None:
    ends = time.monotonic() + 300
    while time.monotonic() < ends:
        try:
            httpx.get(address)
        except httpx.ConnectError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("the server did not come up")


if __name__ == "__main__":
    sys.exit(main())
