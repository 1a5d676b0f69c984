"""Commands on the catalog: import, export, list, show, troubles, migrate.

They use the catalog that the environment names (HELIOCHROME_CATALOG_DSN, AIRFLOW_CONN_HELIOCHROME_CATALOG),
else the embedded one, which is started for the command where it does not run. Connections that Airflow keeps
elsewhere are its tasks' and pages' alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from operators import settings
from operators.cli.answer import AsJson, Status, people, tell_facts, tell_json, tell_rows
from operators.cli.deployment import DEFAULT_HOME, Home

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(
    no_args_is_help=True,
    help="Look into the catalog and exchange it: objects, scans, what was made of them, what went wrong.",
)
Accession = Annotated[str, typer.Argument(help="Accession number.")]
Collection = Annotated[str | None, typer.Option(help="Slug of a collection.")]


@contextmanager
def opened(home: Path) -> Iterator[Engine]:
    """Lend an engine on the catalog."""
    from catalog.database import connect  # noqa: PLC0415 - alembic takes a while to load
    from operators.deployment import services  # noqa: PLC0415

    with services.catalog(home) as dsn:
        engine = connect(dsn, application="heliochrome command line")
        try:
            yield engine
        finally:
            engine.dispose()


@app.command("import")
def bring_in(  # noqa: PLR0917 - typer makes options of them
    source: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV file; the README lists the columns.")
    ],
    dry_run: Annotated[bool, typer.Option(help="Check every row and count, change nothing.")] = False,
    skip_bad_rows: Annotated[
        bool, typer.Option(help="Take the good rows although others are faulty.")
    ] = False,
    encoding: Annotated[
        str, typer.Option(help="Of the file, such as cp1252; UTF-8 and UTF-16 are recognized.")
    ] = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Bring the objects of a CSV file in; known ones are updated, a repeat changes nothing."""
    from catalog.database import in_transaction  # noqa: PLC0415
    from catalog.interchange.spreadsheet import import_objects  # noqa: PLC0415

    with opened(home) as engine:
        report = in_transaction(
            engine,
            lambda c: import_objects(
                c, source, encoding=encoding, dry_run=dry_run, skip_bad_rows=skip_bad_rows
            ),
        )
    if as_json:
        tell_json(asdict(report))
    else:
        facts = {k: v for k, v in asdict(report).items() if k not in {"errors", "remarks"}}
        tell_facts(source.name, {**facts, "remarks": len(report.remarks)})
        for error in report.errors:
            people.print(f"line {error.line}, {error.column or 'row'}: {error.fault}", markup=False)
        for remark in report.remarks:
            people.print(f"remark on line {remark.line}, {remark.column}: {remark.remark}", markup=False)
    return Status.NOT_ALL_WELL if report.faulty else Status.WELL


@app.command()
def export(
    target: Annotated[Path | None, typer.Argument(help="File to write; standard output by default.")] = None,
    collection: Collection = None,
    linked_art: Annotated[
        bool, typer.Option("--linked-art", help="Write a JSON list of Linked Art documents, not CSV.")
    ] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Write objects as CSV, in the form that `import` reads, or as Linked Art (JSON-LD).

    Linked Art names each object by its page below the configured `address`.
    """
    from catalog.iiif.addresses import Addresses  # noqa: PLC0415
    from catalog.interchange import linked_art as json_ld  # noqa: PLC0415
    from catalog.interchange import spreadsheet  # noqa: PLC0415
    from imaging.disk import writing  # noqa: PLC0415 - loads libvips
    from imaging.fixity import atomic_path  # noqa: PLC0415

    with opened(home) as engine, engine.connect() as connection:

        def write(file: TextIO) -> int:
            if linked_art:
                return json_ld.export_objects(connection, file, Addresses(settings.address()), collection)
            return spreadsheet.export_objects(connection, file, collection)

        if target is None:
            write(sys.stdout)
        else:
            with (
                writing(target),
                atomic_path(target) as partial,
                partial.open("w", encoding="utf-8", newline="") as file,
            ):
                written = write(file)
            people.print(f"{written} objects written to {target}", markup=False)


@app.command("list")
def list_objects(
    collection: Collection = None,
    after: Annotated[str, typer.Option(help="Begin behind this accession number.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """List objects by accession number."""
    from catalog import collections, objects  # noqa: PLC0415

    with opened(home) as engine, engine.connect() as connection:
        found = (
            collections.members(connection, collection, after=after, limit=limit)
            if collection
            else objects.listed(connection, after=after, limit=limit)
        )
    if as_json:
        tell_json([asdict(item) for item in found])
    else:
        rows = [(o.accession_number, o.title, o.maker, o.date_text) for o in found]
        tell_rows(("accession number", "title", "maker", "date"), rows)


@app.command()
def show(accession: Accession, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Tell everything about an object: its scans, versions, files and events."""
    from catalog import derivatives, events, objects, scans  # noqa: PLC0415

    with opened(home) as engine, engine.connect() as connection:
        item = objects.get(connection, accession)
        told: list[dict[str, Any]] = [
            {
                "scan": asdict(scan),
                "names": scans.names(connection, scan.id),
                "versions": [asdict(version) for version in derivatives.of_scan(connection, scan.id)],
                "events": [asdict(event) for event in events.of_scan(connection, scan.id)],
            }
            for scan in scans.of_object(connection, item.id)
        ]
    if as_json:
        tell_json({"object": asdict(item), "scans": told})
        return
    tell_facts(accession, {k: v for k, v in asdict(item).items() if v not in ("", None)})
    for entry in told:
        scan = entry["scan"]
        tell_facts(f"scan {scan['original_name']}", {k: v for k, v in scan.items() if v not in ("", None)})
        rows = [
            (e["started_at"], e["stage"] or e["type"], e["outcome"], e["detail"]) for e in entry["events"]
        ]
        tell_rows(("when", "what", "outcome", "detail"), rows)


@app.command()
def troubles(
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """List scans that were refused or failed and still wait for somebody; status 1 when there are any."""
    from catalog import scans  # noqa: PLC0415

    with opened(home) as engine, engine.connect() as connection:
        found = scans.troubles(connection, limit=limit)
    if as_json:
        tell_json([asdict(scan) for scan in found])
    else:
        rows = [(scan.original_name, scan.state, scan.reason, scan.remedy) for scan in found]
        tell_rows(("file", "state", "reason", "what to do"), rows)
    return Status.NOT_ALL_WELL if found else Status.WELL


@app.command()
def migrate(home: Home = DEFAULT_HOME) -> None:
    """Bring the catalog's tables up to date; `up` does so by itself."""
    from operators.deployment import services  # noqa: PLC0415

    with services.catalog(home) as dsn:
        services.migrate_catalog(dsn)
    people.print("the catalog's tables are up to date")
