"""Commands for the kinds of scans and whether they may be colored: catalog kind, catalog do-not-color."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imaging.scan_kind import ScanKind
from operators.cli.catalog import Accession, opened
from operators.cli.console import AsJson, print_facts, print_json, stderr_console
from operators.cli.deployment import DEFAULT_HOME, Home

if TYPE_CHECKING:
    from sqlalchemy import Connection


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(kind)
    app.command("do-not-color")(do_not_color)


def kind(  # noqa: PLR0917 - typer makes options of them
    accession: Accession,
    said: Annotated[
        ScanKind | None, typer.Option("--is", help="What its scans are, whatever they were taken for.")
    ] = None,
    as_taken: Annotated[bool, typer.Option(help="Go back to what they were taken for.")] = False,
    by: Annotated[str, typer.Option(help="Who states it, as recorded in the catalog.")] = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show what an object's scans were taken for and why, or set what they are, for the next run."""
    from catalog import kinds, objects, scans
    from catalog.agents import person
    from catalog.database import in_transaction

    who = person(by or getpass.getuser())

    def work(connection: Connection) -> list[dict[str, Any]]:
        entries = []
        for scan in scans.of_object(connection, objects.get(connection, accession).id):
            if said or as_taken:
                kinds.overrule(connection, scan.id, said, who)
            treatment = kinds.treatment(connection, scan.id)
            known = asdict(treatment.known) if treatment.known else {}
            entries.append({"scan": scan.original_name, **known, "so": treatment.explanation})
        return entries

    with opened(home) as engine:
        entries = in_transaction(engine, work)
    if as_json:
        print_json(entries)
        return
    for entry in entries:
        shown = {k: v for k, v in entry.items() if v and k not in {"scan", "scan_id", "evidence"}}
        print_facts(entry["scan"], shown or {"told": "not examined yet"})


def do_not_color(
    collection: Annotated[str, typer.Argument(help="Slug of a collection.")],
    allow: Annotated[bool, typer.Option("--allow", help="Allow it again.")] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Forbid coloring anything in a collection, or in collections inside it.

    For single objects, use the CSV column do_not_color or the photograph's page.
    """
    from catalog import kinds
    from catalog.database import in_transaction

    with opened(home) as engine:
        in_transaction(engine, lambda connection: kinds.forbid_collection(connection, collection, not allow))
    verdict = "may be colored" if allow else "will not be colored"
    stderr_console.print(f"{collection}: its photographs {verdict}", markup=False)
