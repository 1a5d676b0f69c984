"""`make bench-iiif`: random tiles of a gigapixel pyramid, beside IIPImage in the same run.

Both servers read the same file with as many processes as there are cores, answer the same requests in the
same order, and take turns, so that what else the machine does hits both. The load comes from a third process
over kept-alive connections. Where IIPImage (``iipimage-server`` and ``lighttpd``) is not installed, an
absolute bound takes the ratio's place. Then the public server is asked for tiles while a crowd asks for what
is slow or not there (`tests.benchmarks.iiif_crowd`). Processor time per request tells more than the rate does
where other work competes for the cores.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import psutil
from PIL import Image
from starlette.types import ASGIApp

from tests.benchmarks.frame import Reached, report, show

WIDTH, HEIGHT = 40_000, 25_000
TILE = 512
FACTORS = (1, 2, 4, 8, 16, 32)
CLIENTS = (1, 4, 16)
REQUESTS = 320
ROUNDS = 3
PREVIEWS = 20
IMAGE = "gigapixel.tif"
IIPIMAGE = Path("/usr/lib/iipimage-server/iipsrv.fcgi")
JPEG_QUALITY = 85

LEAST_RATIO = 1.0
LEAST_PROCESSOR_RATIO = 0.5
LEAST_RATE = 150.0
MOST_PREVIEW_MS = 60.0


@dataclass(frozen=True)
class Server:
    """A server under test: its name, where its image is, and its main process."""

    name: str
    port: int
    prefix: str
    process: psutil.Process

    def rss_mib(self) -> float:
        """Return the resident memory of all its processes, shared pages counted once per process."""
        return sum(one.memory_info().rss for one in self._family()) / 2**20

    def cpu_seconds(self) -> float:
        """Return the processor time that all its processes have used."""
        return sum(sum(one.cpu_times()[:2]) for one in self._family())

    def _family(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@dataclass(frozen=True)
class Load:
    """What a run took: seconds in all, milliseconds of each request, bytes received, processor time."""

    seconds: float
    milliseconds: list[float]
    bytes: int
    cpu_seconds: float = 0.0


def main() -> int:
    """Measure and report."""
    home = Path(os.environ.get("HELIOCHROME_HOME", ".heliochrome")) / "bench"
    home.mkdir(parents=True, exist_ok=True)
    pyramid = home / IMAGE
    if not pyramid.exists():
        make_gigapixel(pyramid)
    with ExitStack() as stack:
        servers = [stack.enter_context(heliochrome(pyramid))]
        reason = missing_iipimage()
        if reason is None:
            servers.append(stack.enter_context(iipimage(pyramid)))
        else:
            sys.stdout.write(f"IIPImage is left out: {reason}\n")
        check_same_picture(servers)
        loads = {(server.name, clients): [] for server in servers for clients in CLIENTS}
        for number in range(ROUNDS):
            for clients in CLIENTS:
                paths = tiles(seed=1000 * number + clients)
                for server in servers if number % 2 else reversed(servers):
                    loads[server.name, clients].append(measure(server, paths, clients))
        previews = {server.name: preview_ms(server) for server in servers}
        memory = {server.name: server.rss_mib() for server in servers}
    from tests.benchmarks import iiif_crowd

    with_crowd = iiif_crowd.measure(pyramid)
    return conclude(loads, previews, memory, with_crowd)


def conclude(
    loads: dict[tuple[str, int], list[Load]],
    previews: dict[str, float],
    memory: dict[str, float],
    with_crowd: tuple[dict[str, object], Reached],
) -> int:
    """Print the table and write the report."""
    rates, processor, rows, figures = {}, {}, [], []
    for (name, clients), runs in loads.items():
        times = sorted(ms for run in runs for ms in run.milliseconds)
        rate = len(times) / sum(run.seconds for run in runs)
        rates[name, clients] = rate
        p50, p99 = statistics.median(times), times[int(0.99 * len(times))]
        cpu = 1000 * sum(run.cpu_seconds for run in runs) / len(times)
        processor[name, clients] = cpu
        rows.append((f"{name}, {clients} clients", rate, cpu, p50, p99, previews[name], memory[name]))
        figures.append(
            {
                "server": name,
                "clients": clients,
                "requests_per_second": rate,
                "cpu_ms": cpu,
                "p50_ms": p50,
                "p99_ms": p99,
                "preview_ms": previews[name],
                "rss_mib": memory[name],
                "seconds_of_rounds": [run.seconds for run in runs],
                "bytes": sum(run.bytes for run in runs),
            }
        )
    show(
        f"{TILE} px tiles of {WIDTH}×{HEIGHT} px",
        ("server", "requests/s", "CPU ms", "p50 ms", "p99 ms", "!1024,1024 ms", "RSS MiB"),
        rows,
    )
    reached = [Reached("!1024,1024, ms", previews["Heliochrome"], MOST_PREVIEW_MS)]
    names = {name for name, _ in rates}
    if "IIPImage" in names:
        reached += [
            Reached(
                f"requests/s ÷ IIPImage's, {clients} clients",
                rates["Heliochrome", clients] / rates["IIPImage", clients],
                LEAST_RATIO,
                at_most=False,
            )
            for clients in CLIENTS
        ]
        reached.append(
            Reached(
                "IIPImage's processor time ÷ ours",
                min(
                    processor["IIPImage", clients] / processor["Heliochrome", clients] for clients in CLIENTS
                ),
                LEAST_PROCESSOR_RATIO,
                at_most=False,
            )
        )
    else:
        best = max(rates["Heliochrome", clients] for clients in CLIENTS)
        reached.append(Reached("tiles/s", best, LEAST_RATE, at_most=False))
    reached.append(with_crowd[1])
    return report("iiif", {"measurements": figures, "crowd": with_crowd[0]}, reached)


def make_gigapixel(path: Path) -> None:
    """Write a pyramid of `WIDTH`×`HEIGHT` px, mosaicked from scikit-image's photographs with grain."""
    import pyvips
    from skimage import data

    from imaging.pyramid import Compression, PyramidOptions, write_pyramid

    sys.stdout.write(f"writing {path}, once\n")
    pictures = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    tiles_ = [
        pyvips.Image.new_from_array(picture)
        .copy(interpretation="srgb")
        .thumbnail_image(1000, height=1000, size="force")
        for picture in pictures
    ]
    mosaic = pyvips.Image.arrayjoin(tiles_, across=2)
    whole = mosaic.replicate(-(-WIDTH // mosaic.width), -(-HEIGHT // mosaic.height)).crop(0, 0, WIDTH, HEIGHT)
    grain = pyvips.Image.gaussnoise(1024, 1024, sigma=3, mean=0, seed=1)
    grain = grain.replicate(-(-WIDTH // 1024), -(-HEIGHT // 1024)).crop(0, 0, WIDTH, HEIGHT)
    grainy = (whole + grain).cast("uchar").copy(interpretation="srgb")
    write_pyramid(grainy, path, PyramidOptions(Compression.JPEG, quality=90))


def tiles(seed: int) -> list[str]:
    """Return the requests of one round: whole tiles at random places of random levels."""
    chance = random.Random(seed)  # noqa: S311
    paths = []
    for _ in range(REQUESTS):
        side = TILE * chance.choice(FACTORS)
        left = side * chance.randrange(max(1, WIDTH // side))
        top = side * chance.randrange(max(1, HEIGHT // side))
        paths.append(f"{left},{top},{side},{side}/{TILE},{TILE}/0/default.jpg")
    return paths


def app() -> ASGIApp:
    """Return Heliochrome's image service over the one file (a factory for uvicorn's processes)."""
    # Linux shares processor time out among sessions first (sched_autogroup), and lighttpd gives each FastCGI
    # process one of its own: on a busy machine ours would else have a fraction of what IIPImage's have.
    os.setsid()
    from catalog.iiif.addresses import Addresses
    from catalog.iiif.image_service import ImageService, ServedFile, ServicePolicy
    from catalog.iiif.memory import forget_operations

    forget_operations()
    file = ServedFile(Path(os.environ["BENCH_PYRAMID"]), "0" * 64)
    policy = ServicePolicy(concurrency=2, queue=64, inline_pixels=TILE * TILE)
    return ImageService(lambda name: file if name == IMAGE else None, Addresses("http://127.0.0.1"), policy)


def serve(port: str) -> None:
    """Serve it as ``heliochrome serve`` serves the public's application."""
    from catalog.web import standalone

    workers = os.cpu_count() or 1
    standalone.serve("tests.benchmarks.iiif:app", host="127.0.0.1", port=int(port), workers=workers)


@contextmanager
def heliochrome(pyramid: Path) -> Iterator[Server]:
    """Run Heliochrome's image service in as many processes as there are cores."""
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.iiif", "serve", str(port)]
    environment = {**os.environ, "BENCH_PYRAMID": str(pyramid.resolve())}
    with running(command, port, environment) as process:
        yield Server("Heliochrome", port, f"/iiif/3/{IMAGE}", process)


@contextmanager
def iipimage(pyramid: Path) -> Iterator[Server]:
    """Run IIPImage behind lighttpd, in as many processes as there are cores."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder) / "lighttpd.conf"
        configuration.write_text(
            f"""
server.modules = ("mod_fastcgi")
server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {port}
server.max-keep-alive-requests = 100000
fastcgi.server = ("/fcgi-bin/iipsrv.fcgi" => ((
  "socket" => "{folder}/iipsrv.socket",
  "bin-path" => "{IIPIMAGE}",
  "max-procs" => {os.cpu_count()},
  "check-local" => "disable",
  "bin-environment" => (
    "FILESYSTEM_PREFIX" => "{pyramid.resolve().parent}/",
    "JPEG_QUALITY" => "{JPEG_QUALITY}",
    "VERBOSITY" => "0",
    "LOGFILE" => "{folder}/iipsrv.log"
  ))))
"""
        )
        with running(
            [shutil.which("lighttpd") or "lighttpd", "-D", "-f", str(configuration)], port
        ) as process:
            yield Server("IIPImage", port, f"/fcgi-bin/iipsrv.fcgi?IIIF={IMAGE}", process)


def missing_iipimage() -> str | None:
    """Return why IIPImage cannot be run here, or ``None``."""
    if not IIPIMAGE.exists():
        return "iipimage-server is not installed"
    return None if shutil.which("lighttpd") else "lighttpd is not installed"


@contextmanager
def running(
    command: list[str], port: int, environment: dict[str, str] | None = None
) -> Iterator[psutil.Process]:
    """Run a server until it is no longer needed; yields once it listens."""
    with subprocess.Popen(command, env=environment, start_new_session=True) as started:
        try:
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield psutil.Process(started.pid)
        finally:
            started.terminate()


def check_same_picture(servers: list[Server]) -> None:
    """Fail when the servers answer the same request with different pictures; warms them up too."""
    for path in tiles(seed=7)[:24]:
        answers = [np.asarray(Image.open(io.BytesIO(fetch(server, path))), dtype=float) for server in servers]
        for other in answers[1:]:
            difference = float(np.abs(answers[0] - other).mean())
            assert difference < 6, f"{path}: the servers' tiles differ by {difference:.1f} on average"


def preview_ms(server: Server) -> float:
    """Return the median time of the whole picture within 1024 px, ms."""
    times = []
    for _ in range(PREVIEWS):
        began = time.perf_counter()
        fetch(server, "full/!1024,1024/0/default.jpg")
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def fetch(server: Server, path: str) -> bytes:
    """Return one answer."""
    with urlopen(f"http://127.0.0.1:{server.port}{server.prefix}/{path}", timeout=30) as answer:
        return bytes(answer.read())


def measure(server: Server, paths: list[str], clients: int) -> Load:
    """Ask for `paths` with so many clients at once, from a process of its own."""
    asked = json.dumps([server.port, server.prefix, paths, clients])
    used = server.cpu_seconds()
    finished = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.iiif", "load"],
        input=asked,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        start_new_session=True,
    )
    return replace(Load(**json.loads(finished.stdout)), cpu_seconds=server.cpu_seconds() - used)


async def ask_all(port: int, prefix: str, paths: list[str], clients: int) -> Load:
    """Ask over `clients` kept-alive connections; each takes the next path when it has its answer."""
    waiting, milliseconds, received = iter(paths), [], 0

    async def client() -> None:
        nonlocal received
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for path in waiting:
            began = time.perf_counter()
            writer.write(f"GET {prefix}/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            assert " 200 " in head.split("\r\n", 1)[0], head
            body = await read_body(reader, head)
            milliseconds.append(1000 * (time.perf_counter() - began))
            received += len(body)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return Load(time.perf_counter() - began, milliseconds, received)


async def read_body(reader: asyncio.StreamReader, head: str) -> bytes:
    """Return the body that follows `head`, of stated length or in chunks (RFC 9112 §6)."""
    if "content-length:" in head:
        return await reader.readexactly(int(head.partition("content-length:")[2].split("\r\n")[0]))
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    if sys.argv[1:] == ["load"]:
        outcome = asyncio.run(ask_all(*json.load(sys.stdin)))
        json.dump(vars(outcome), sys.stdout)
    elif sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    else:
        sys.exit(main())
