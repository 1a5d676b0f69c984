"""The demonstration: fill an inbox, let Airflow digitize it, show what came out.

Works in the home folder like any other run, with the collection ``demo``. A second demonstration finds all
work done and reports that.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from sqlalchemy import Engine

from catalog.database import connect, in_transaction
from catalog.interchange.spreadsheet import import_objects
from operators import settings
from operators.demo.contact_sheet import SheetEntry, write_contact_sheet
from operators.demo.samples import write_samples
from operators.demo.summary import Summary, count_events, summarize
from operators.deployment.client import RunStatus
from operators.deployment.services import Services, running

COLLECTION = "demo"
DAG = "digitize"
BATCH_SIZE = 24
"""Larger than for daily work: few photographs, and each batch starts five processes that import libraries."""
STEPS = {
    "photographs.ingest": "take in",
    "photographs.restore": "restore",
    "photographs.colorize": "colorize",
    "photographs.tag": "document",
    "photographs.describe": "describe",
}
"""The DAG's mapped tasks in order, and what people call them."""
HEADINGS = ("scan", "restored", "colorized", "how sure its colors are")


@dataclass(frozen=True)
class Demonstration:
    """What a demonstration came to.

    Parameters
    ----------
    photographs
        One summary each.
    report
        What the run's last task counted.
    state
        Airflow's word for the run's end.
    new_events
        Events that this demonstration added to the catalog; none when all was done before.
    contact_sheet
        The PNG to look at.
    """

    photographs: tuple[Summary, ...]
    report: dict[str, Any]
    state: str
    new_events: int
    contact_sheet: Path

    @property
    def succeeded(self) -> bool:
        """Whether the run is green and every photograph went all the way."""
        return self.state == "success" and all(photograph.is_complete for photograph in self.photographs)


def demonstrate(home: Path, historical: Path | None, console: Console) -> Demonstration:
    """Run the whole workflow on the demonstration's pictures and print what came out.

    Parameters
    ----------
    home
        The state folder.
    historical
        A folder of further scans to include; ignored when it is absent.
    console
        Where progress and results are shown.

    Raises
    ------
    ServiceError
        When a service does not start.
    """
    with ExitStack() as stack:
        services = stack.enter_context(
            running(home, report=lambda line: console.print(f"· {line}", markup=False))
        )
        described = write_samples(settings.inbox(home), historical)
        engine = connect(services.catalog_dsn)
        stack.callback(engine.dispose)
        _describe_objects(engine, described)
        before = _events(engine)
        console.print(f"· Airflow runs at {services.address}; DAG {DAG} starts")
        status = _digitize(services, console)
        with engine.connect() as connection:
            photographs = summarize(connection, COLLECTION, settings.store(home))
        result = Demonstration(
            photographs,
            services.airflow.xcom(DAG, status.run_id, "report", "report") or {},
            status.state,
            _events(engine) - before,
            _contact_sheet(photographs, services.home.root / "demo" / "contact-sheet.png"),
        )
    _show(result, services, console)
    return result


def _digitize(services: Services, console: Console) -> RunStatus:
    parameters = {
        "inbox": str(services.home.inbox),
        "collection": COLLECTION,
        "batch_size": BATCH_SIZE,
    }
    run_id = services.airflow.trigger(DAG, parameters)
    percent = TextColumn("{task.percentage:>3.0f} %")
    columns = (TextColumn("{task.description:<10}"), BarColumn(40), percent, TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bars = {task_id: progress.add_task(name, total=None) for task_id, name in STEPS.items()}
        for status in services.airflow.watch(DAG, run_id):
            for task_id, bar in bars.items():
                done, total = _share(status, task_id)
                progress.update(bar, completed=done, total=total or None)
    return status


def _share(status: RunStatus, task_id: str) -> tuple[float, int]:
    """Return how many of a task's batches are done, running ones by their shares, and how many there are."""
    batches = [task for task in status.tasks if task.task_id == task_id and task.map_index >= 0]
    done = sum(task.state == "success" for task in batches)
    crash_counter = sum(
        (float(task.progress.get("done", 0)) + float(task.progress.get("share", 0)))
        / max(float(task.progress.get("total", 1)), 1.0)
        for task in batches
        if task.state == "running"
    )
    return done + crash_counter, len(batches)


def _describe_objects(engine: Engine, described: Path) -> None:
    in_transaction(engine, lambda connection: import_objects(connection, described))


def _events(engine: Engine) -> int:
    with engine.connect() as connection:
        return count_events(connection)


def _contact_sheet(photographs: Sequence[Summary], target: Path) -> Path:
    target.parent.mkdir(exist_ok=True)
    entries = [
        SheetEntry(
            f"{photograph.accession_number}  {photograph.title}",
            (photograph.original, photograph.restored, photograph.colorized),
            photograph.confidence_map,
        )
        for photograph in photographs
    ]
    return write_contact_sheet(entries, HEADINGS, target)


def _show(result: Demonstration, services: Services, console: Console) -> None:
    table = Table(title="What became of each photograph", title_justify="left")
    table.add_column("object", no_wrap=True)
    for heading in ("damage", "confidence", "seconds", "files"):
        table.add_column(heading, justify="right")
    for photograph in result.photographs:
        table.add_row(
            Text.assemble(photograph.accession_number, "  ", (photograph.title, "dim")),
            "–" if photograph.damage is None else f"{photograph.damage:.2%}",
            "–" if photograph.confidence is None else f"{photograph.confidence:.0%}",
            f"{photograph.seconds:.1f}",
            str(photograph.files) if photograph.is_complete else f"[red]{photograph.files}",
        )
    console.print(table)
    made = result.report.get("fresh", 0)
    console.print(
        f"{result.report.get('finished', 0)} photographs finished, {result.report.get('before', 0)} before, "
        f"{result.report.get('lost', 0)} lost; "
        f"{made} stage results made, {result.new_events} events recorded"
        + ("" if made else " (all of it was done before)")
    )
    console.print(f"\nLook at   [bold]{escape(str(result.contact_sheet))}[/]")
    console.print(f"Files     {escape(str(services.home.store))}")
    console.print("Pages     run `heliochrome up` (or `make up`), log in, and open Collection in the menu")
    if not result.succeeded:
        console.print(
            f"[red]Not all went well:[/] the run ended as {result.state}; "
            f"logs are in {escape(str(services.home.logs))}"
        )
