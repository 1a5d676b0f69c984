"""Write the pages of ``docs/reference`` that the code itself states: ``make reference``.

The command line is read from Typer's commands, the settings from what Airflow's provider registry learns, the
database from the catalog's tables. A test compares the pages with what this module returns.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import typer
from sqlalchemy import CheckConstraint, Column, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql

from catalog import schema
from operators.cli.app import app
from operators.provider import get_provider_info

DOCS = Path(__file__).parents[2] / "docs"
NOTE = "*Written by `make reference` from the code; do not edit.*"
EXAMPLE = re.compile(r"\[dim\](heliochrome .+?)\[/\]", re.DOTALL)
TYPERS_OWN = {"install_completion", "show_completion"}
MARKUP = re.compile(r"\[(bold|dim)\](.+?)\[/\]", re.DOTALL)


def pages() -> dict[str, str]:
    """Return the generated pages by their file names."""
    return {
        "command-line.md": command_line(),
        "settings.md": settings(),
        "database.md": database(),
    }


def command_line() -> str:
    """Return the reference of every command, its arguments and its options."""
    root = typer.main.get_command(app)
    summary, *rest = _prose(root.help or "").split("\n\n")
    parts = ["# Command line", NOTE, summary, *rest, _options(root.params)]
    for words, command in _commands(root, ("heliochrome",)):
        level = "##" if len(words) == 2 else "###"
        text, examples = _without_examples(command.help or "")
        usage = " ".join([*words, *(_metavar(p) for p in command.params if p.param_type_name == "argument")])
        parts += [f"{level} {' '.join(words)}", _prose(text)]
        if not hasattr(command, "commands"):
            parts.append(_fenced([f"{usage} [OPTIONS]"]))
            parts.append(_options(command.params))
            parts += ["For example:", _fenced(examples)] if examples else []
    return _page(parts)


def settings() -> str:
    """Return the reference of Airflow's section ``[heliochrome]`` and of the environment's variables."""
    parts = [
        "# Settings",
        NOTE,
        "Settings live in section `[heliochrome]` of Airflow's configuration: each can be set in "
        "`airflow.cfg`, or in the environment as `AIRFLOW__HELIOCHROME__NAME`. "
        "`airflow config list --section heliochrome` shows which are in force.",
    ]
    for section in get_provider_info()["config"].values():
        rows = [
            (f"`{name}`", option["type"], f"`{option['default']}`" if option["default"] else "", _prose(
                option["description"]
            ))
            for name, option in section["options"].items()
        ]  # fmt: skip
        parts.append(_table(("setting", "type", "default", "what it says"), rows))
    parts += [
        "Two variables are read from the environment itself, by the command line too:",
        _table(
            ("variable", "what it says"),
            [
                ("`HELIOCHROME_HOME`", "The folder of all state; wins over the setting `home`."),
                (
                    "`HELIOCHROME_CATALOG_DSN`",
                    "The catalog's address, `postgresql://…`. The Airflow connection "
                    "`heliochrome_catalog`, which `AIRFLOW_CONN_HELIOCHROME_CATALOG` can state, "
                    "wins over it.",
                ),
            ],
        ),
    ]
    return _page(parts)


def database() -> str:
    """Return the reference of the catalog's tables."""
    _, _, rest = inspect.cleandoc(schema.__doc__ or "").partition("::\n\n")
    drawing, _, words = rest.partition("\n\n")
    parts = ["# Database schema", NOTE, "The catalog's tables in PostgreSQL, 15 or newer:"]
    parts += [f"```text\n{textwrap.dedent(drawing)}\n```", words]
    for table in schema.metadata.tables.values():
        parts += [f"## {table.name}", _table(("column", "type", "holds"), _columns(table))]
        if rules := list(_rules(table)):
            parts.append("\n".join(f"- {rule}" for rule in rules))
    return _page(parts)


def _commands(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, child in getattr(command, "commands", {}).items():
        yield (*words, name), child
        yield from _commands(child, (*words, name))


def _options(parameters: Sequence[Any]) -> str:
    rows = [
        (
            f"`{_metavar(parameter)}`"
            if parameter.param_type_name == "argument"
            else ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts)),
            " ".join(filter(None, (_prose(parameter.help or ""), _choices(parameter)))),
            _default(parameter),
        )
        for parameter in parameters
        if not parameter.hidden and parameter.name not in TYPERS_OWN
    ]
    return _table(("argument or option", "what for", "default"), rows) if rows else ""


def _metavar(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name).upper() + ("…" if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _choices(parameter: Any) -> str:
    annotation = parameter.type_descriptor.annotation
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, Enum):
            return "One of " + ", ".join(f"`{member.value}`" for member in kind) + "."
    least, most = parameter.min, parameter.max
    if most is not None:
        return f"{least or 0}–{most}."
    return f"At least {least}." if least else ""


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if isinstance(parameter.show_default, str):
        shown = parameter.show_default
    elif callable(parameter.default):
        shown = ""
    elif getattr(parameter, "is_bool_flag", False):
        shown = (parameter.opts if parameter.default else parameter.secondary_opts or [""])[0]
    else:
        shown = "" if parameter.default in (None, "", ()) else str(parameter.default)
    variable = f"; variable `{parameter.envvar}`" if parameter.envvar else ""
    return f"{shown}{variable}"


def _without_examples(text: str) -> tuple[str, list[str]]:
    return EXAMPLE.sub("", text).strip(), [" ".join(found.split()) for found in EXAMPLE.findall(text)]


def _columns(table: Table) -> Iterator[tuple[str, str, str]]:
    dialect = postgresql.dialect()
    for column in table.columns:
        kind = column.type.compile(dialect).lower()
        yield f"`{column.name}`", kind, "; ".join(_facts(column))


def _facts(column: Column[Any]) -> Iterator[str]:
    if column.primary_key:
        yield "primary key"
    for key in column.foreign_keys:
        yield f"references `{key.target_fullname}`"
    if members := getattr(column.type, "members", ()):
        yield "one of " + ", ".join(f"`{member.value}`" for member in members)
    if column.nullable and column.computed is None:
        yield "may be null"
    if column.computed is not None:
        yield "computed from the others"


def _rules(table: Table) -> Iterator[str]:
    def named(constraint: Any) -> str:
        return str(constraint.name)

    of_columns = [constraint for column in table.columns for constraint in column.constraints]
    for constraint in sorted({*table.constraints, *of_columns}, key=named):
        if isinstance(constraint, UniqueConstraint):
            yield "unique: " + ", ".join(f"`{column.name}`" for column in constraint.columns)
        elif isinstance(constraint, CheckConstraint) and " IN (" not in str(constraint.sqltext):
            yield f"check: `{constraint.sqltext}`"


def _prose(text: str) -> str:
    text = MARKUP.sub(r"`\2`", text).replace("``", "`")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _fenced(lines: Sequence[str]) -> str:
    return "\n".join(["```console", *lines, "```"])


def _table(heading: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in cells) + " |"

    return "\n".join([line(heading), line(["---"] * len(heading)), *map(line, rows)])


def _page(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def write(texts: Mapping[str, str], folder: Path) -> None:
    """Write the pages."""
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(pages(), DOCS / "reference")
