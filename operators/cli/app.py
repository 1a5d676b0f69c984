"""The command line's commands in one place."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape

from imaging.errors import CatalogError, HeliochromeError
from operators.cli import (
    catalog,
    deployment,
    film,
    kinds,
    models,
    on_request,
    photographs,
    publishing,
    tokens,
)
from operators.cli.console import Status, print_error, status_of, stderr_console
from operators.settings import CATALOG_VARIABLE

app = typer.Typer(
    name="heliochrome",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help=(
        "Restore, colorize, document and publish scans of black-and-white photographs.\n\n"
        "Single files: [bold]inspect[/], [bold]restore[/], [bold]colorize[/], [bold]verify --alone[/]; "
        "no service is needed.\n\n"
        "Whole collections: [bold]demo[/] shows the workflow with sample pictures, [bold]up[/] runs the "
        "workflow in Airflow. Drop scans into the inbox that it names.\n\n"
        "Exit status: 0 all went well; 1 ran, but not all is well; 2 wrong usage; 3 a scan was refused; "
        "4 a service, the store, the catalog or a model failed; 130 interrupted."
    ),
)
photographs.add_to(app)
deployment.add_to(app)
publishing.add_to(app)
on_request.add_to(app)
kinds.add_to(catalog.app)
app.add_typer(catalog.app, name="catalog", rich_help_panel="Collections")
app.add_typer(tokens.app, name="token", rich_help_panel="On request")
app.add_typer(film.app, name="film", rich_help_panel="Single files")
app.add_typer(models.app, name="models", rich_help_panel="Single files")


@app.callback()
def common(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more about what happens.")] = False,
) -> None:
    """Set up what all commands share."""
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(name)s: %(message)s")
    # libvips logs every thread that it ends, and what becomes an error of ours anyway.
    logging.getLogger("pyvips").setLevel(logging.ERROR)


def run(arguments: Sequence[str]) -> int:
    """Run one command; return its exit status."""
    try:
        outcome = app(args=list(arguments), standalone_mode=False)
    except HeliochromeError as error:
        return _failed(error, arguments)
    except OSError as error:
        remedy = "Check the path, its permissions and the free space on its disk."
        failure = HeliochromeError(str(error.filename or "system"), error.strerror or str(error), remedy)
        return _failed(failure, arguments)
    except typer.TyperException as error:
        # Without a command, the help was just printed and is the whole message.
        if str(error):
            message = getattr(error, "format_message", error.__str__)()  # names the option, too
            stderr_console.print(f"[red]wrong usage[/] {escape(message)}; --help explains", highlight=False)
        return Status.USAGE
    except (KeyboardInterrupt, typer.Abort):
        outcome = Status.INTERRUPTED
    except Exception as error:
        if not _is_of_database(error):
            raise
        remedy = f"Check that its server answers and that {CATALOG_VARIABLE} names it."
        return _failed(CatalogError("catalog", _without_password(error), remedy), arguments)
    if outcome == Status.INTERRUPTED:  # also what Typer makes of a KeyboardInterrupt
        stderr_console.print("interrupted")
    return outcome if isinstance(outcome, int) else Status.WELL


def _failed(error: HeliochromeError, arguments: Sequence[str]) -> int:
    print_error(error, "--json" in arguments)
    return status_of(error)


def _is_of_database(error: Exception) -> bool:
    from sqlalchemy.exc import SQLAlchemyError  # not for commands on single files

    return isinstance(error, SQLAlchemyError)


def _without_password(error: Exception) -> str:
    # SQLAlchemy's own errors quote whole addresses; a server's only what was taken for a name in them, which
    # ends with a mistyped password's @.
    message = str(getattr(error, "orig", None) or type(error).__name__)
    return re.sub(r"\S*@", "…@", message.splitlines()[0])
