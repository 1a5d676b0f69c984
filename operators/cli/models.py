"""Commands on models: which there are, whether they are what they say, adding weights of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from operators import settings
from operators.cli.answer import AsJson, Status, people, tell_facts, tell_json, tell_rows

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
    """List the models that ship and those of your own; status 1 when a descriptor can not be read."""
    from colorization import models as color  # noqa: PLC0415 - loads PyTorch
    from restoration import models as mending  # noqa: PLC0415

    own = color.registry(folder)
    rows = [("colorization", d.name, d.version, d.license, d.sha256) for d in own.descriptors()]
    shipped = mending.shipped()
    rows += [("restoration", d.name, d.version, d.license, d.sha256) for d in shipped]
    columns = ("stage", "name", "version", "license", "sha256")
    if as_json:
        tell_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        tell_rows(columns, [(*row[:-1], row[-1][:12]) for row in rows])
    for path, error in own.unreadable.items():
        people.print(f"{path} can not be read: {error.fault}", markup=False)
    return Status.NOT_ALL_WELL if own.unreadable else Status.WELL


@app.command()
def show(name: Name, folder: Folder, as_json: AsJson = False) -> None:
    """Tell what a model is, what it was trained on and how well it does."""
    from colorization import models as color  # noqa: PLC0415
    from restoration import models as mending  # noqa: PLC0415

    shipped = mending.shipped()
    found = next((d for d in shipped if d.name == name), None) or color.registry(folder).find(name)[1]
    if as_json:
        tell_json(found.stored())
    else:
        tell_facts(name, found.stored())


@app.command()
def verify(name: Name, folder: Folder, as_json: AsJson = False) -> None:
    """Check that a model's weights are those described, by sha256 and by shape."""
    from colorization import models as color  # noqa: PLC0415
    from restoration import models as mending  # noqa: PLC0415

    ours = {descriptor.name for descriptor in mending.shipped()}
    checked = mending.verify(name) if name in ours else color.verify(name, folder)
    if as_json:
        tell_json(checked.stored())
    people.print(f"{name}: the weights are those described", markup=False)


@app.command()
def add(
    descriptor: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The JSON descriptor.")],
    folder: Folder,
    as_json: AsJson = False,
) -> None:
    """Add a color model of your own: its descriptor, and the safetensors file beside it."""
    from colorization import models as color  # noqa: PLC0415

    added = color.add(descriptor, folder)
    if as_json:
        tell_json(added.stored())
    people.print(f"{added.name} {added.version} added to {folder}", markup=False)
