from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time

import httpx

from catalog.schema import ReviewState
from tests.catalog.iiif.archive import Archive


def test_several_processes_serve_one_port_and_leave_together(archive: Archive) -> None:
    archive.decide(archive.add("1987.1"), ReviewState.APPROVED)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = (
        "import sys; from catalog.iiif.records import Institution;"
        "from catalog.web.standalone import PublicServer, run;"
        "museum = Institution('Harbor Museum', 'https://m.example/');"
        "run(PublicServer(sys.argv[1], sys.argv[2], sys.argv[3], museum),"
        "host='127.0.0.1', port=int(sys.argv[4]), workers=2)"
    )
    address = f"http://127.0.0.1:{port}"
    dsn = archive.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with subprocess.Popen(
        [sys.executable, "-c", code, dsn, str(archive.store.root), address, str(port)],
        start_new_session=True,
    ) as server:
        try:
            manifest = _first_answer(f"{address}/iiif/manifests/1987.1/manifest.json").json()
            thumbnail = httpx.get(manifest["thumbnail"][0]["id"], timeout=60)
            assert thumbnail.headers["content-type"] == "image/jpeg"
            assert manifest["provider"][0]["label"]["none"] == ["Harbor Museum"]
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "a process was left behind"


def _first_answer(address: str) -> httpx.Response:
    for _ in range(300):
        try:
            return httpx.get(address, timeout=60)
        except httpx.ConnectError:
            time.sleep(0.2)
    raise AssertionError("the server did not come up")
