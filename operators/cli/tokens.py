"""Commands for API tokens: create, list, revoke, history. Without a token nothing is answered on request."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from catalog.schema import TokenScope
from operators.cli.catalog import opened
from operators.cli.console import AsJson, print_json, print_rows, stderr_console, stdout_console
from operators.cli.deployment import DEFAULT_HOME, Home

app = typer.Typer(
    no_args_is_help=True, help="API tokens: who may have photographs colored on request, and what they did."
)
Name = Annotated[str, typer.Argument(help="What the client is called.")]
By = Annotated[str, typer.Option(help="Who does it, as recorded in the catalog.")]


@app.command()
def create(  # noqa: PLR0917 - typer makes options of them
    name: Name,
    scope: Annotated[
        list[TokenScope],
        typer.Option(help="What it allows; give the option again for another scope."),
    ],
    days: Annotated[int, typer.Option(min=0, help="How long it is good; 0 until revoked.")] = 365,
    most_waiting: Annotated[int, typer.Option(min=1, help="Requests that may wait at once.")] = 20,
    per_hour: Annotated[int, typer.Option(min=1, help="Requests that may be made in any hour.")] = 200,
    priority: Annotated[int, typer.Option(min=-100, max=100, help="Higher is served first.")] = 0,
    by: By = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, once: the catalog keeps only its sha256.

    [dim]heliochrome token create family-bot --scope request --per-hour 60[/]
    """
    from catalog import tokens
    from catalog.database import in_transaction

    limits = tokens.TokenLimits(most_waiting=most_waiting, per_hour=per_hour, priority=priority)
    lasts = timedelta(days=days) if days else None
    who = by or getpass.getuser()
    with opened(home) as engine:
        secret = in_transaction(
            engine,
            lambda connection: tokens.create(connection, name, scope, by=who, limits=limits, lasts=lasts),
        )
    if as_json:
        print_json({"name": name, "token": secret})
    else:
        stdout_console.print(secret, markup=False, highlight=False)
        stderr_console.print("Keep it secret; it is not shown again.")


@app.command("list")
def list_all(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """List all tokens, revoked ones included."""
    from catalog import tokens

    with opened(home) as engine, engine.connect() as connection:
        found = tokens.listed(connection)
    if as_json:
        print_json([asdict(token) for token in found])
        return
    rows = [
        (t.name, " ".join(t.scopes), t.created_at, t.expires_at or "", t.revoked_at or "", t.used_at or "")
        for t in found
    ]
    print_rows(("name", "scopes", "created", "expires", "revoked", "last used"), rows)


@app.command()
def revoke(name: Name, by: By = "", home: Home = DEFAULT_HOME) -> None:
    """Make a token useless at once."""
    from catalog import tokens
    from catalog.database import in_transaction

    who = by or getpass.getuser()
    with opened(home) as engine:
        in_transaction(engine, lambda connection: tokens.revoke(connection, name, by=who))
    stderr_console.print(f"{name}: revoked", markup=False)


@app.command()
def history(name: Name, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show what was last done with or to a token."""
    from catalog import tokens

    with opened(home) as engine, engine.connect() as connection:
        found = tokens.history(connection, name)
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        print_rows(("when", "what", "detail", "by"), [(a.at, a.act, a.detail, a.by) for a in found])
