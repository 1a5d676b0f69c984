"""Agents' conversations with the official client, over both transports, with the stages that ship."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import numpy as np
import pytest
import uvicorn
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, ImageContent, ResourceLink, TextContent
from PIL import Image
from skimage import data
from sqlalchemy import Engine

from catalog import objects, tokens
from catalog.iiif.addresses import Addresses
from catalog.request_files import RequestFiles
from catalog.requests import RequestLimits
from catalog.schema import TokenScope
from catalog.store import Store
from operators.mcp_server import http_app, make_server
from operators.on_request import RequestWorker
from operators.work.request_desk import RequestDesk
from operators.work.request_filing import Filing
from operators.work.request_stages import RequestStages

LIMITS = RequestLimits()


def photograph() -> bytes:
    file = io.BytesIO()
    Image.fromarray(data.astronaut()).convert("L").resize((256, 256)).save(file, "JPEG", quality=92)
    return file.getvalue()


DATA = f"data:image/jpeg;base64,{base64.b64encode(photograph()).decode()}"

Token = Callable[..., str]


@pytest.fixture
def token(engine: Engine) -> Token:
    def make(name: str, *scopes: TokenScope) -> str:
        with engine.begin() as connection:
            return tokens.create(connection, name, scopes, by="test")

    return make


@pytest.fixture
def desk(engine: Engine, store: Store, tmp_path: Path) -> RequestDesk:
    return RequestDesk(engine, store, RequestFiles(tmp_path / "requests"), LIMITS)


@pytest.fixture
def address(desk: RequestDesk) -> Iterator[str]:
    """The address of a server of the tools over HTTP."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    at = f"http://127.0.0.1:{port}"
    app = http_app(make_server(desk, address=at), at, "127.0.0.1")
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield at
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def worker(engine: Engine, store: Store, desk: RequestDesk) -> Iterator[RequestStages]:
    filing = Filing(engine, store, Addresses("https://photographs.example"))
    stages = RequestStages(engine, desk.files, LIMITS, filing=filing)
    working = RequestWorker(engine, desk.files, stages, LIMITS)
    thread = threading.Thread(target=working.run)
    thread.start()
    yield stages
    working.stop()
    thread.join(30)


@asynccontextmanager
async def connected(address: str, secret: str) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {secret}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=300) as http,
        Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client,
    ):
        yield client


def words(result: CallToolResult) -> str:
    return " ".join(one.text for one in result.content if isinstance(one, TextContent))


def pictures(result: CallToolResult) -> list[np.ndarray]:
    shown = [one for one in result.content if isinstance(one, ImageContent)]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one.data)))).astype(int) for one in shown]


def test_a_whole_conversation_over_http(
    engine: Engine, address: str, worker: RequestStages, token: Token
) -> None:
    secret = token("agent", TokenScope.REQUEST, TokenScope.REVIEW)
    told: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    async def talk() -> None:
        async with connected(address, secret) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert names == {
                *("restore", "colorize", "alternatives", "describe_doubt"),
                *("search_catalog", "get_provenance", "publish_status"),
            }
            colored = await client.call_tool("colorize", {"photograph": DATA}, progress_callback=hear)
            assert not colored.is_error, words(colored)
            assert "inferred by a model" in words(colored) and "%" in words(colored)
            (plain,) = pictures(colored)
            assert max(plain.shape) == 256 and np.ptp(plain, axis=2).mean() > 2
            number = re.search(r"Photograph (\S+) is finished", words(colored))[1]
            links = {one.name: one for one in colored.content if isinstance(one, ResourceLink)}
            assert {"colorized.tif", "colorized.jpg", "restored.tif"} <= set(links)
            read = await client.read_resource(links["colorized.jpg"].uri)
            copy = base64.b64decode(read.contents[0].blob)
            assert b"compositeWithTrainedAlgorithmicMedia" in copy

            doubt = await client.call_tool("describe_doubt", {"photograph": number})
            boxes = json.loads(words(doubt).partition("Boxes, as shares of the picture: ")[2])
            assert all(0 <= box["left"] < 1 for box in boxes) and len(pictures(doubt)) == 1

            hint = {"place": "0.25, 0.85", "color": "vermilion", "source": "the suit is kept", "radius": 0.05}
            hinted = await client.call_tool("colorize", {"photograph": number, "hints": [hint]})
            (warm,) = pictures(hinted)
            here = warm[210:225, 58:70].reshape(-1, 3).mean(0)
            assert here[0] - here[2] > (plain[210:225, 58:70].reshape(-1, 3).mean(0) @ [1, 0, -1]) + 10

            others = await client.call_tool("alternatives", {"photograph": number, "count": 1})
            assert len(pictures(others)) == 2, words(others)

            filed = await client.call_tool("colorize", {"photograph": number, "file_under": "2026.7"})
            assert "filed under 2026.7" in words(filed)
            status = await client.call_tool("publish_status", {"accession_number": "2026.7"})
            assert "is not published" in words(status) and "pending" in words(status)
            found = await client.call_tool("search_catalog", {"words": "2026.7"})
            assert json.loads(words(found))[0]["accession_number"] == "2026.7"
            for name in (number, "2026.7"):
                provenance = json.loads(words(await client.call_tool("get_provenance", {"name": name})))
                assert "the suit is kept" in json.dumps(provenance)
            asked = {"photograph": "portrait.jpg"}
            prompt = await client.get_prompt("colorize_my_family_photograph", asked)
            assert "inferred" in prompt.messages[0].content.text

    asyncio.run(talk())
    assert told and max(told) <= 1 and told == sorted(told)
    with engine.connect() as connection:
        assert objects.get(connection, "2026.7").published_at is None


def test_without_a_good_token_http_is_closed(address: str, token: Token) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accept = {"Accept": "application/json, text/event-stream"}
    for header in ({}, {"Authorization": "Bearer hlc_no"}):
        refused = httpx.post(f"{address}/mcp", json=body, headers=accept | header)
        assert refused.status_code == 401
        assert "resource_metadata" in refused.headers["www-authenticate"]
    evil = {"Authorization": f"Bearer {token('a', TokenScope.REQUEST)}", "Host": "evil.example"}
    assert httpx.post(f"{address}/mcp", json=body, headers=accept | evil).status_code == 421


def test_a_client_may_do_what_its_scopes_say_and_sees_what_is_its_own(
    engine: Engine, address: str, desk: RequestDesk, token: Token
) -> None:
    from catalog.request_options import RequestOptions

    mine = token("mine", TokenScope.REQUEST)
    other = desk.client(token("other", TokenScope.REQUEST))
    foreign = desk.hand_over_bytes(other, photograph(), RequestOptions())
    own = desk.hand_over_bytes(desk.client(mine), photograph(), RequestOptions())

    async def talk() -> list[CallToolResult]:
        async with connected(address, mine) as client:
            asked: list[tuple[str, dict[str, Any]]] = [
                ("publish_status", {"accession_number": "1"}),
                ("colorize", {"photograph": DATA, "file_under": "1"}),
                ("colorize", {"photograph": str(foreign.uuid)}),
                ("describe_doubt", {"photograph": str(foreign.uuid)}),
                ("get_provenance", {"name": str(foreign.uuid)}),
                ("colorize", {"photograph": "/etc/passwd"}),
                ("colorize", {"photograph": "data:image/jpeg;base64,####"}),
                ("colorize", {"photograph": "data:text/html;base64,PGI+"}),
                ("colorize", {"photograph": DATA, "hints": [{"place": "x", "color": "red", "source": "s"}]}),
                ("restore", {"photograph": DATA, "denoise": 7}),
                ("colorize", {"photograph": str(own.uuid), "kind": "nonsense"}),
            ]
            return [await client.call_tool(name, arguments) for name, arguments in asked]

    answers = asyncio.run(talk())
    assert [answer.is_error for answer in answers] == [True] * len(answers)
    told = [words(answer) for answer in answers]
    assert "review or publish" in told[0] and "review" in told[1]
    assert all("is no photograph of this client" in one for one in told[2:5])
    assert "cannot be named" in told[5]
    assert "upper left" in told[8]
    assert "kind: Input should be" in told[10]
    assert not any("/" in one and "tmp" in one for one in told)


def test_a_program_on_this_machine_names_files_over_stdio(
    engine: Engine, token: Token, tmp_path: Path
) -> None:
    open_folder = tmp_path / "album"
    open_folder.mkdir()
    (open_folder / "portrait.jpg").write_bytes(photograph())
    (tmp_path / "secret.jpg").write_bytes(photograph())
    environment = {
        "HELIOCHROME_TOKEN": token("desktop", TokenScope.REQUEST),
        "HELIOCHROME_CATALOG_DSN": engine.url.render_as_string(hide_password=False),
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "HELIOCHROME_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "operators.cli", "mcp", "--folder", str(open_folder)],
        env=environment,
        cwd=str(tmp_path),
    )

    async def talk() -> tuple[CallToolResult, CallToolResult]:
        async with Client(command, read_timeout_seconds=280) as client:
            outside = await client.call_tool("restore", {"photograph": "../secret.jpg"})
            return outside, await client.call_tool("colorize", {"photograph": "portrait.jpg"})

    outside, colored = asyncio.run(talk())
    assert outside.is_error and "secret" not in words(outside)
    assert not colored.is_error, words(colored)
    assert "inferred by a model" in words(colored)
    assert len(pictures(colored)) == 1
