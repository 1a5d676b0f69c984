"""Commands for work on request: worker, mcp."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from operators.cli.catalog import opened
from operators.cli.console import stderr_console
from operators.cli.deployment import DEFAULT_HOME, Home

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from operators.on_request import RequestWorker

PANEL = "On request"
TOKEN_VARIABLE = "HELIOCHROME_TOKEN"  # noqa: S105 - the variable's name, not a token


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel=PANEL)(worker)
    app.command(rich_help_panel=PANEL)(mcp)


def worker(
    home: Home = DEFAULT_HOME,
    threads: Annotated[
        int, typer.Option(min=0, help="Of the networks; 0 for one for each core, at most four.")
    ] = 0,
) -> None:
    """Work on the photographs that `serve --requests` takes in, until Ctrl-C or SIGTERM.

    Start one, or several on one machine; each keeps its models loaded. A request in hand goes back into the
    queue when its worker stops, and to another worker when it is killed.
    """
    with opened(home) as engine:
        working = _worker(engine, home, threads)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: working.stop())
        stderr_console.print("ready for requests; Ctrl-C stops")
        working.run()


def mcp(  # noqa: PLR0917 - typer makes options of them
    home: Home = DEFAULT_HOME,
    http: Annotated[
        bool, typer.Option(help="Serve streamable HTTP; by default standard input and output.")
    ] = False,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where to listen.")] = 8091,
    address: Annotated[str, typer.Option(help="As clients see it; http://HOST:PORT by default.")] = "",
    folder: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Whose files a client on this machine may name; not over HTTP."
        ),
    ] = None,
    work: Annotated[
        bool | None,
        typer.Option(help="Also work on requests; by default over standard input and output only."),
    ] = None,
) -> None:
    """Let chatbots and agents restore and colorize, over the Model Context Protocol.

    Over standard input and output the client's token is taken from HELIOCHROME_TOKEN; over HTTP each client
    sends its own as a bearer token. Needs the extra: pip install "heliochrome[mcp]".
    """
    from operators.configured import request_desk
    from operators.mcp_server import make_server
    from operators.work.request_desk import Refused

    secret = None if http else os.environ.get(TOKEN_VARIABLE, "")
    with opened(home) as engine:
        desk = request_desk(engine, home, None if http else folder)
        if secret is not None:
            if not secret:
                remedy = f"Make one with `heliochrome token create`, and set {TOKEN_VARIABLE}."
                raise Refused("token", "there is none", remedy)
            desk.client(secret)
        at = address or f"http://{host}:{port}"
        server = make_server(desk, secret=secret, address=at)
        with _working(engine, home, not http if work is None else work):
            if http:
                from operators.mcp_server import serve

                stderr_console.print(f"serving {at}/mcp; Ctrl-C stops it")
                serve(server, at, host=host, port=port)
            else:
                server.run("stdio")


def _worker(engine: Engine, home: Path, threads: int = 0) -> RequestWorker:
    from operators.configured import request_stages
    from operators.on_request import RequestWorker

    stages = request_stages(engine, home, threads or None)
    return RequestWorker(engine, stages.files, stages, stages.limits)


@contextmanager
def _working(engine: Engine, home: Path, wanted: bool) -> Iterator[None]:
    """Work on requests beside the block, where that is wanted."""
    if not wanted:
        yield
        return
    working: list[RequestWorker] = []
    ended = threading.Event()

    def work() -> None:
        # Models take seconds to load, for which a client need not wait.
        working.append(_worker(engine, home))
        if not ended.is_set():
            working[0].run()

    thread = threading.Thread(target=work, name="worker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        for one in working:
            one.stop()
        thread.join(10)
