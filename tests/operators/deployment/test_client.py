"""An api-server that dies or lets nobody in is told as a service that failed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from imaging.errors import ServiceError
from operators.deployment.client import AirflowClient

CLIENT = ("http://127.0.0.1:1", "admin", "a secret")


def refuse(*arguments: object, **options: object) -> httpx.Response:
    return httpx.Response(401, request=httpx.Request("POST", f"{CLIENT[0]}/auth/token"))


def die(*arguments: object, **options: object) -> httpx.Response:
    raise httpx.ConnectError("Connection refused")


@pytest.mark.parametrize(("server", "fault"), [(refuse, "401 Unauthorized"), (die, "Connection refused")])
def test_server_that_does_not_answer_is_a_failed_service(
    server: Callable[..., httpx.Response], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("httpx.Client.post", server)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(ServiceError, match=fault) as failure:
        AirflowClient(*CLIENT).status("digitize", "run")
    assert CLIENT[0] in str(failure.value) and CLIENT[2] not in str(failure.value)


def test_requests_share_one_connection() -> None:
    connections = set()

    class Server(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            connections.add(self.client_address)
            self.do_POST()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b'{"access_token": "x", "state": "success", "task_instances": [], "total_entries": 0}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever).start()
        with closing(AirflowClient(f"http://127.0.0.1:{server.server_port}", "admin", "a secret")) as client:
            for _ in range(3):
                client.status("digitize", "run")
        server.shutdown()
    assert len(connections) == 1
