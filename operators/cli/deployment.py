"""Commands that run services: up, demo."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from operators import settings
from operators.cli.console import Status, stderr_console, stdout_console

PANEL = "Collections"

Home = Annotated[
    Path,
    typer.Option(
        "--home", envvar="HELIOCHROME_HOME", help="The folder of all state.", show_default=".heliochrome"
    ),
]
DEFAULT_HOME = Path(".heliochrome")
LOOK_SECONDS = 2.0
"""How often `up` checks whether everything still runs."""


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel=PANEL)(up)
    app.command(rich_help_panel=PANEL)(demo)


def up(
    home: Home = DEFAULT_HOME,
    port: Annotated[int | None, typer.Option(help="Port of Airflow's pages; a free one by default.")] = None,
) -> None:
    """Run the workflow: PostgreSQL and Airflow, until Ctrl-C or SIGTERM stops them.

    Scans in HOME/inbox are digitized every night, and whenever somebody starts the DAG `digitize`. All
    state is kept in HOME. HELIOCHROME_CATALOG_DSN puts the catalog into a PostgreSQL server of your own.
    """
    from operators.deployment import services  # loads SQLAlchemy

    def report(line: str) -> None:
        stderr_console.print(f"· {line}", markup=False)

    with services.running(home, port=port, report=report) as running:
        account = running.accounts[0]
        stdout_console.print(
            f"Heliochrome runs at [bold]{running.address}[/]  (photographs: menu Browse → Collection)"
        )
        stdout_console.print(
            f"Log in as [bold]{account.name}[/] with [bold]{account.password}[/]", highlight=False
        )
        stdout_console.print(f"Drop scans into {settings.inbox(home)}; Ctrl-C stops everything", markup=False)
        while True:
            time.sleep(LOOK_SECONDS)
            services.raise_if_ended(running)


def demo(
    home: Home = DEFAULT_HOME,
    scans: Annotated[
        Path | None, typer.Option(help="A folder of further scans to include.", file_okay=False)
    ] = None,
) -> int:
    """Show the whole workflow with sample pictures: aged prints in, colored and documented photographs out.

    The second time all work is found done. The exit status shows whether all went well.
    """
    from operators.demo.run import demonstrate  # loads libvips and OpenCV

    done = demonstrate(home, scans, stdout_console)
    return Status.WELL if done.succeeded else Status.NOT_ALL_WELL
