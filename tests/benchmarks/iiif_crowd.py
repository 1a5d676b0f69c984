"""The crowd of `make bench-iiif`: how long tiles take while others ask for what is slow or not there.

Runs the public server as ``heliochrome serve`` does, on a catalog of its own. Quiet rounds and rounds with a
crowd take turns: two large originals without service copies are asked for again and again, and 300 clients
ask for identifiers that mean nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from catalog.database import connect, migrate
from catalog.iiif.presentation import Audience, shown_file
from catalog.iiif.service_copies import FOLDER
from catalog.schema import ReviewState
from imaging.stage import Role
from operators.deployment.postgres import EmbeddedPostgres, ensure_database
from tests.benchmarks import iiif
from tests.benchmarks.frame import Reached, show
from tests.catalog.iiif import archive as archives

CLIENTS = 4
ROUNDS = 3
UNKNOWN = 300
SLOW = 2
SLOW_SIZE = (8000, 5000)
PAUSE_SECONDS = 2.0
"""How long a client of the crowd rests between two questions."""
MOST_RATIO = 2.0


IDLE_SECONDS = 10.0
"""After so long without a copy in the making none is on its way."""


@dataclass(frozen=True)
class Public:
    """The public server: where it is, what tiles are asked of, and its originals without copies."""

    server: iiif.Server
    store: Path
    originals: tuple[str, ...]


def measure(pyramid: Path) -> tuple[dict[str, object], Reached]:
    """Return the figures, and the ratio of the slowest hundredth of the answers with a crowd and without."""
    loads: dict[str, list[iiif.Load]] = {"quiet": [], "crowd": []}
    told: Counter[str] = Counter()
    with public_server(pyramid) as public:
        iiif.measure(public.server, iiif.tiles(seed=1), CLIENTS)
        for number in range(ROUNDS):
            loads["quiet"].append(iiif.measure(public.server, iiif.tiles(seed=number), CLIENTS))
            with crowd(public, told):
                loads["crowd"].append(iiif.measure(public.server, iiif.tiles(seed=number), CLIENTS))
            forget_copies(public)
    p99 = {
        name: sorted(ms for run in runs for ms in run.milliseconds)[int(0.99 * ROUNDS * iiif.REQUESTS)]
        for name, runs in loads.items()
    }
    rates = {
        name: len(runs) * iiif.REQUESTS / sum(run.seconds for run in runs) for name, runs in loads.items()
    }
    show(
        f"Tiles for {CLIENTS} clients beside {SLOW} slow originals and {UNKNOWN} unknown identifiers",
        ("round", "requests/s", "p99 ms"),
        [(name, rates[name], p99[name]) for name in loads],
    )
    figures = {"p99_ms": p99, "requests_per_second": rates, "answers_to_the_crowd": dict(told)}
    ratio = p99["crowd"] / p99["quiet"]
    return figures, Reached("p99 with a crowd ÷ without", ratio, MOST_RATIO)


@contextmanager
def public_server(pyramid: Path) -> Iterator[Public]:
    """Run the public server over a catalog that shows the pyramid and large originals."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heliochrome-")))
        folder.chmod(0o711)
        address = stack.enter_context(EmbeddedPostgres(folder / "postgres", "bench").running())
        ensure_database(address, "bench")
        engine = connect(address.dsn("bench"))
        stack.callback(engine.dispose)
        migrate(engine)
        archive = archives.make_archive(engine, folder)
        shown = archive.add("1987.1")
        with patch.object(archives, "WIDTH", SLOW_SIZE[0]), patch.object(archives, "HEIGHT", SLOW_SIZE[1]):
            slow = [archive.add(f"1987.{2 + number}") for number in range(SLOW)]
        for photograph in (shown, *slow):
            archive.decide(photograph, ReviewState.APPROVED)
        image = shown.digests[Role.COLORIZED]
        with engine.connect() as connection:
            found = shown_file(connection, image, Audience.PUBLIC)
        assert found is not None
        served = archive.store.root / found[1].path
        served.unlink()
        served.symlink_to(pyramid.resolve())
        port = iiif.free_port()
        command = [
            *(sys.executable, "-m", "tests.benchmarks.iiif_crowd", "serve"),
            *(address.dsn("bench"), str(archive.store.root), str(port)),
        ]
        process = stack.enter_context(iiif.running(command, port))
        server = iiif.Server("Heliochrome", port, f"/iiif/3/{image}", process)
        originals = tuple(photograph.digests[Role.ORIGINAL] for photograph in slow)
        yield Public(server, archive.store.root, originals)


def serve(dsn: str, store: str, port: str) -> None:
    """Serve as ``heliochrome serve`` does."""
    from catalog.web.standalone import PublicServer, run

    public = PublicServer(dsn, store, f"http://127.0.0.1:{port}")
    run(public, host="127.0.0.1", port=int(port), workers=os.cpu_count() or 1)


@contextmanager
def crowd(public: Public, told: Counter[str]) -> Iterator[None]:
    """Let others ask during the block; `told` counts what they were answered."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.iiif_crowd", "crowd"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as others:
        assert others.stdin is not None
        assert others.stdout is not None
        others.stdin.write(json.dumps([public.server.port, public.originals]) + "\n")
        others.stdin.flush()
        assert others.stdout.readline() == "asking\n"
        yield
        others.stdin.close()
        told.update(json.loads(others.stdout.readline()))


def forget_copies(public: Public) -> None:
    """Wait for copies in the making and remove them; where answers are quick, few are asked for."""
    folder = public.store / FOLDER
    deadline = time.monotonic() + 120
    idle_since = time.monotonic()
    while len(list(folder.rglob("*.tif"))) < SLOW and time.monotonic() - idle_since < IDLE_SECONDS:
        assert time.monotonic() < deadline, "the copies were not made"
        if list(folder.rglob("*.lock")):
            idle_since = time.monotonic()
        time.sleep(0.5)
    while list(folder.rglob("*.lock")):
        assert time.monotonic() < deadline, "the copies were not made"
        time.sleep(0.5)
    shutil.rmtree(folder, ignore_errors=True)


async def ask(port: int, originals: list[str]) -> Counter[str]:
    """Ask until standard input ends; return how often which status was answered, of what."""
    told: Counter[str] = Counter()

    async def client(kind: str, image: str | None) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            path = f"/iiif/3/{image or secrets.token_hex(32)}/info.json"
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            await iiif.read_body(reader, head)
            told[f"{kind} {head.split()[1]}"] += 1
            await asyncio.sleep(PAUSE_SECONDS)

    tasks = [asyncio.create_task(client("original", image)) for image in originals]
    tasks += [asyncio.create_task(client("unknown", None)) for _ in range(UNKNOWN)]
    sys.stdout.write("asking\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    told["no answer"] = sum(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return told


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:])
    else:
        json.dump(asyncio.run(ask(*json.loads(sys.stdin.readline()))), sys.stdout)
        sys.stdout.write("\n")
