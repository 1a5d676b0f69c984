"""What commands print: tables and progress for people, one JSON document for scripts, statuses for both."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from enum import IntEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from imaging.errors import HeliochromeError, OptionsError, ScanError, UnfinishedScan

stderr_console = Console(stderr=True)
"""Progress and remarks; standard output is for results."""
stdout_console = Console(soft_wrap=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]


class Status(IntEnum):
    """Exit statuses."""

    WELL = 0
    NOT_ALL_WELL = 1
    USAGE = 2
    REFUSED = 3
    FAILED = 4
    INTERRUPTED = 130


def status_of(error: HeliochromeError) -> Status:
    """Return the exit status that an error means."""
    if isinstance(error, ScanError | UnfinishedScan):
        return Status.REFUSED
    return Status.USAGE if isinstance(error, OptionsError) else Status.FAILED


def print_error(error: HeliochromeError, as_json: bool) -> None:
    """Print an error: as text for people, as a document for scripts."""
    if as_json:
        print_json(
            {
                "error": type(error).__name__,
                "subject": error.subject,
                "fault": error.fault,
                "remedy": error.remedy,
            }
        )
    stderr_console.print(f"[red]{type(error).__name__}[/] {escape(str(error))}", highlight=False)


def print_json(document: Any) -> None:
    """Print a document to standard output."""
    sys.stdout.write(json.dumps(document, default=_plain, ensure_ascii=False, indent=1) + "\n")


def print_facts(title: str, facts: Mapping[str, Any]) -> None:
    """Print names and values."""
    table = Table(
        title=Text(title, "table.title"),
        title_justify="left",
        show_header=False,
        box=None,
        padding=(0, 2, 0, 0),
    )
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), _cell(value))
    stdout_console.print(table)


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    stdout_console.print(table)


@contextmanager
def progress_bar(title: str, silent: bool = False) -> Iterator[Callable[[float], None]]:
    """Show a bar with the time left; lends the function to call with the finished share, 0–1."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(40),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=stderr_console, transient=True, disable=silent or not stderr_console.is_terminal
    ) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def _cell(value: Any) -> Text:
    # Not a string: in those rich looks for markup, and titles and file names hold brackets.
    return Text(f"{value:.4g}" if isinstance(value, float) else str(value))


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
