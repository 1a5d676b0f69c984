"""Commands for work on request: worker."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from operators.cli.catalog import opened
from operators.cli.console import stderr_console
from operators.cli.deployment import DEFAULT_HOME, Home

PANEL = "On request"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel=PANEL)(worker)


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
    from operators.configured import request_stages
    from operators.on_request import RequestWorker

    with opened(home) as engine:
        stages = request_stages(engine, home, threads or None)
        working = RequestWorker(engine, stages.files, stages, stages.limits)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: working.stop())
        stderr_console.print("ready for requests; Ctrl-C stops")
        working.run()
