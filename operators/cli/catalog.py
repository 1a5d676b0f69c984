"""Commands for the catalog: import, names, export, list, show, troubles, retry, migrate.

They use the catalog that the environment names (AIRFLOW_CONN_HELIOCHROME_CATALOG, HELIOCHROME_CATALOG_DSN),
else the one that Airflow's connection `heliochrome_catalog` names, else the embedded one, which is started
for the command where it does not run; `migrate` takes that one only when it is asked to.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from imaging.errors import CatalogError
from operators import settings
from operators.cli.console import AsJson, Status, print_facts, print_json, print_rows, stderr_console
from operators.cli.deployment import DEFAULT_HOME, Home

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

app = typer.Typer(
    no_args_is_help=True,
    help="Read, import and export the catalog: objects, scans, what was made of them, what went wrong.",
)
Accession = Annotated[str, typer.Argument(help="Accession number.")]
Collection = Annotated[str | None, typer.Option(help="Slug of a collection.")]


@contextmanager
def opened(home: Path) -> Iterator[Engine]:
    """Provide an engine for the catalog."""
    from catalog.database import connect  # alembic takes a while to load
    from operators.deployment import services

    with services.catalog(home) as dsn:
        engine = connect(dsn, application="heliochrome command line")
        try:
            yield engine
        finally:
            engine.dispose()


@app.command("import")
def bring_in(  # noqa: PLR0917 - typer makes options of them
    source: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV file; the guide lists the columns.")
    ],
    linked_art: Annotated[
        bool, typer.Option("--linked-art", help="The file is JSON, one Linked Art document or a list.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Check every row and count, change nothing.")] = False,
    skip_bad_rows: Annotated[
        bool, typer.Option(help="Import the valid rows although others are faulty.")
    ] = False,
    encoding: Annotated[
        str, typer.Option(help="Of the file, such as cp1252; UTF-8 and UTF-16 are recognized.")
    ] = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Import the objects in a file; known ones are updated, a repeat changes nothing.

    For Linked Art, "line" in the output is the position of a document in the list.
    """
    from catalog.database import in_transaction
    from catalog.interchange import linked_art as json_ld
    from catalog.interchange import spreadsheet

    def bring(connection: Connection) -> spreadsheet.ImportReport:
        if linked_art:
            return json_ld.import_objects(
                connection, source, dry_run=dry_run, skip_bad_documents=skip_bad_rows
            )
        return spreadsheet.import_objects(
            connection, source, encoding=encoding, dry_run=dry_run, skip_bad_rows=skip_bad_rows
        )

    with opened(home) as engine:
        report = in_transaction(engine, bring)
    if as_json:
        print_json(asdict(report))
    else:
        facts = {k: v for k, v in asdict(report).items() if k not in {"errors", "remarks"}}
        print_facts(source.name, {**facts, "remarks": len(report.remarks)})
        for error in report.errors:
            stderr_console.print(f"line {error.line}, {error.column or 'row'}: {error.fault}", markup=False)
        for remark in report.remarks:
            stderr_console.print(
                f"remark on line {remark.line}, {remark.column}: {remark.remark}", markup=False
            )
    return Status.NOT_ALL_WELL if report.faulty else Status.WELL


@app.command("names")
def read_names(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of scans.")],
    pattern: Annotated[
        str | None,
        typer.Option(
            help="Regular expression for names without suffix, with the groups number, page, recto, verso, "
            r"as in (?P<number>.+?)(_(?P<page>\d+))?; the configured name_pattern by default."
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Show what the workflow would read from each file name; status 1 when a name needs attention.

    Only names are read. Each page of a file with several gets a number of its own, "1987.12 p. 2".
    """
    from operators.inbox import list_inbox
    from operators.work.file_names import NamePattern, read_all

    names = NamePattern(settings.name_pattern() if pattern is None else pattern)
    read = read_all(list_inbox(folder, 0).scans, names)
    if as_json:
        print_json([{"file": name, **asdict(stated)} for name, stated in read.items()])
    else:
        rows = [(name, s.accession_number, s.page, s.side or "", s.remark) for name, s in read.items()]
        print_rows(("file", "accession number", "page", "side", "remark"), rows)
    return Status.NOT_ALL_WELL if any(stated.remark for stated in read.values()) else Status.WELL


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
    from catalog.iiif.addresses import Addresses
    from catalog.interchange import linked_art as json_ld
    from catalog.interchange import spreadsheet
    from imaging.disk import writing  # loads libvips
    from imaging.fixity import atomic_path

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
            stderr_console.print(f"{written} objects written to {target}", markup=False)


@app.command("list")
def list_objects(
    collection: Collection = None,
    after: Annotated[str, typer.Option(help="Begin after this accession number.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """List objects by accession number."""
    from catalog import collections, objects

    with opened(home) as engine, engine.connect() as connection:
        found = (
            collections.members(connection, collection, after=after, limit=limit)
            if collection
            else objects.listed(connection, after=after, limit=limit)
        )
    if as_json:
        print_json([asdict(item) for item in found])
    else:
        rows = [(o.accession_number, o.title, o.maker, o.date_text) for o in found]
        print_rows(("accession number", "title", "maker", "date"), rows)


@app.command()
def show(accession: Accession, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show everything about an object: its scans, versions, files and events."""
    from catalog import derivatives, events, objects, scans

    with opened(home) as engine, engine.connect() as connection:
        item = objects.get(connection, accession)
        entries: list[dict[str, Any]] = [
            {
                "scan": asdict(scan),
                "names": scans.names(connection, scan.id),
                "versions": [asdict(version) for version in derivatives.of_scan(connection, scan.id)],
                "events": [asdict(event) for event in events.of_scan(connection, scan.id)],
            }
            for scan in scans.of_object(connection, item.id)
        ]
    if as_json:
        print_json({"object": asdict(item), "scans": entries})
        return
    print_facts(accession, {k: v for k, v in asdict(item).items() if v not in ("", None)})
    for entry in entries:
        scan = entry["scan"]
        print_facts(f"scan {scan['original_name']}", {k: v for k, v in scan.items() if v not in ("", None)})
        rows = [
            (e["started_at"], e["stage"] or e["type"], e["outcome"], e["detail"]) for e in entry["events"]
        ]
        print_rows(("when", "what", "outcome", "detail"), rows)


@app.command("troubles")
def list_unresolved(
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """List unresolved scans: refused, failed, or their original lost; status 1 when there are any."""
    from catalog import scans

    with opened(home) as engine, engine.connect() as connection:
        found = scans.unresolved(connection, limit=limit)
    if as_json:
        print_json([asdict(scan) for scan in found])
    else:
        lost = "its original in the store is lost", "Put the file into the inbox again."
        rows = [
            (scan.original_name, scan.state, *((scan.reason, scan.remedy) if scan.reason else lost))
            for scan in found
        ]
        print_rows(("file", "state", "reason", "what to do"), rows)
    return Status.NOT_ALL_WELL if found else Status.WELL


@app.command()
def retry(
    files: Annotated[
        list[str] | None, typer.Argument(help="Names as `troubles` lists them; all when none is given.")
    ] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Give refused and failed scans another chance in the next run; status 1 when there are none."""
    from catalog import scans
    from catalog.database import in_transaction

    with opened(home) as engine:
        count = in_transaction(engine, lambda connection: scans.retry(connection, files or None))
    if as_json:
        print_json({"retried": count})
    else:
        stderr_console.print(f"{count} scans will be processed again in the next run")
    return Status.WELL if count else Status.NOT_ALL_WELL


@app.command()
def migrate(
    embedded: Annotated[
        bool, typer.Option(help="The one in HOME that `up` runs, whatever else is configured.")
    ] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Bring the configured catalog's tables up to date, and name the database.

    Data stays in place. The catalog is the one that HELIOCHROME_CATALOG_DSN or Airflow's connection
    heliochrome_catalog names. The guide states the privileges that its role needs.
    """
    from catalog.database import name_of
    from operators.deployment import services

    if embedded:
        with services.embedded_catalog(home) as dsn:
            stderr_console.print(f"the tables of the embedded {name_of(dsn)} are up to date", markup=False)
        return
    configured = services.configured_catalog_dsn()
    if configured is None:
        raise CatalogError(
            "catalog",
            "no database is configured, so there is nothing to migrate",
            f"Set {settings.CATALOG_VARIABLE}, or add the Airflow connection {settings.CATALOG_CONNECTION}; "
            "--embedded migrates the database in HOME that `heliochrome up` runs.",
        )
    services.migrate_catalog(configured)
    stderr_console.print(f"the tables of {name_of(configured)} are up to date", markup=False)
    used = settings.airflow_catalog_dsn()
    if used is not None and name_of(used) != name_of(configured):
        remark = f"Airflow's connection {settings.CATALOG_CONNECTION} names {name_of(used)}: tasks and pages"
        stderr_console.print(f"{remark} use that one, which was not migrated", style="yellow", markup=False)
