from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from catalog.web.listening import SPREADS, claimed
from imaging.errors import ServiceError

HOST = "127.0.0.1"
CONNECTIONS = 40
LEAST = 5
"""Of fair coin throws, fewer than so many heads among 40 come once in five million tries."""


def names_its_process() -> ASGIApp:
    return PlainTextResponse(str(os.getpid()))


@pytest.mark.skipif(not SPREADS, reason="the kernel does not spread connections among sockets of one port")
def test_connections_that_come_at_once_are_spread_over_the_processes() -> None:
    with _two_processes() as port:
        answered = Counter(asyncio.run(_ask_at_once(port)))
        assert len(answered) == 2
        assert min(answered.values()) >= LEAST, answered
        with pytest.raises(ServiceError, match=f"{HOST}:{port}: another server listens there"):
            claimed(HOST, port, spreading=True).__enter__()


@pytest.mark.parametrize(("first", "second"), list(product([False, SPREADS], repeat=2)))
def test_a_port_is_claimed_once_even_before_a_process_listens(first: bool, second: bool) -> None:
    with claimed(HOST, 0, spreading=first) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ServiceError, match="name another port with --port"):
            claimed(HOST, port, spreading=second).__enter__()
    with claimed(HOST, port, spreading=second):
        pass  # free again


def test_a_port_that_others_listen_on_or_an_address_elsewhere_is_refused() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        for spreading in (False, SPREADS):
            with pytest.raises(ServiceError, match="another server listens there"):
                claimed(HOST, other.getsockname()[1], spreading=spreading).__enter__()
    with pytest.raises(ServiceError, match=r"192\.0\.2\.1:8090: cannot be listened on"):
        claimed("192.0.2.1", 8090, spreading=SPREADS).__enter__()


@pytest.mark.parametrize("spreading", [False, SPREADS])
def test_small_answers_do_not_wait_for_the_client_to_acknowledge_earlier_ones(spreading: bool) -> None:
    async def nodelay() -> int:
        accepted: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
        with claimed(HOST, 0, spreading=spreading) as listener:
            server = await asyncio.start_server(lambda _, writer: accepted.put_nowait(writer), sock=listener)
            _, client = await asyncio.open_connection(*listener.getsockname())
            writer = await accepted.get()
            option = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for end in (writer, client, server):
                end.close()
            return int(option)

    assert asyncio.run(nodelay())


@contextmanager
def _two_processes() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    code = (
        "import sys; from uvicorn import Config; from catalog.web.listening import serve;"
        "serve(Config(sys.argv[1], factory=True, host=sys.argv[2], port=int(sys.argv[3]), workers=2,"
        " loop='asyncio', log_level='warning'))"
    )
    command = [sys.executable, "-c", code, f"{__name__}:names_its_process", HOST, str(port)]
    with subprocess.Popen(command, start_new_session=True) as server:
        try:
            _wait_for_both(port)
            yield port
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)


def _wait_for_both(port: int) -> None:
    deadline = time.monotonic() + 60
    seen: set[str] = set()
    while len(seen) < 2:
        assert time.monotonic() < deadline, "the processes did not come up"
        try:
            seen.update(asyncio.run(_ask_at_once(port)))
        except OSError:
            time.sleep(0.2)


async def _ask_at_once(port: int) -> list[str]:
    connections = await asyncio.gather(*(asyncio.open_connection(HOST, port) for _ in range(CONNECTIONS)))
    for _, writer in connections:
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
    answers = [await reader.read() for reader, _ in connections]
    for _, writer in connections:
        writer.close()
    return [answer.decode().rpartition("\r\n\r\n")[2] for answer in answers]
