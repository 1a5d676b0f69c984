"""Commands for models: list them, show and verify one, add your own weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from operators import settings
from operators.cli.console import AsJson, Status, print_facts, print_json, print_rows, stderr_console

app = typer.Typer(no_args_is_help=True, help="The networks: list them, check their weights, add your own.")
Name = Annotated[str, typer.Argument(help="The model's name.")]
Folder = Annotated[
    Path,
    typer.Option(
        default_factory=settings.models,
        help="The folder of your own weights.",
        show_default="as configured, else models in the home folder",
        file_okay=False,
    ),
]


@app.command("list")
def list_all(folder: Folder, as_json: AsJson = False) -> int:
    """List the models that ship and those of your own; status 1 when a descriptor cannot be read."""
    from colorization import models as color  # loads PyTorch
    from restoration import models as mending

    own = color.registry(folder)
    rows = [("colorization", d.name, d.version, d.license, d.sha256) for d in own.descriptors()]
    shipped = mending.shipped()
    rows += [("restoration", d.name, d.version, d.license, d.sha256) for d in shipped]
    columns = ("stage", "name", "version", "license", "sha256")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_rows(columns, [(*row[:-1], row[-1][:12]) for row in rows])
    for path, error in own.unreadable.items():
        stderr_console.print(f"{path} cannot be read: {error.fault}", markup=False)
    return Status.NOT_ALL_WELL if own.unreadable else Status.WELL


@app.command()
def show(name: Name, folder: Folder, as_json: AsJson = False) -> None:
    """Show what a model is, what it was trained on and how well it performs."""
    from colorization import models as color
    from restoration import models as mending

    shipped = mending.shipped()
    found = next((d for d in shipped if d.name == name), None) or color.registry(folder).find(name)[1]
    if as_json:
        print_json(found.stored())
    else:
        print_facts(name, found.stored())


@app.command()
def verify(name: Name, folder: Folder, as_json: AsJson = False) -> None:
    """Check a model's weights against its descriptor: sha256 and shapes."""
    from colorization import models as color
    from restoration import models as mending

    ours = {descriptor.name for descriptor in mending.shipped()}
    checked = mending.verify(name) if name in ours else color.verify(name, folder)
    if as_json:
        print_json(checked.stored())
    stderr_console.print(f"{name}: the weights match the descriptor", markup=False)


@app.command()
def add(
    descriptor: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The JSON descriptor.")],
    folder: Folder,
    as_json: AsJson = False,
) -> None:
    """Add a color model of your own: its descriptor, and the safetensors file beside it."""
    from colorization import models as color

    added = color.add(descriptor, folder)
    if as_json:
        print_json(added.stored())
    stderr_console.print(f"{added.name} {added.version} added to {folder}", markup=False)
