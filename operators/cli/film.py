"""Commands for moving pictures: film inspect, film restore, film colorize. None needs a service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from operators import settings
from operators.cli.console import AsJson, print_facts, print_json, progress_bar

if TYPE_CHECKING:
    from colorization.film_options import FilmHint
    from imaging.film_properties import FilmProperties
    from imaging.stage import StageResult

app = typer.Typer(
    no_args_is_help=True,
    help="Moving pictures: inspect, restore and colorize films. Needs the extra heliochrome[film].",
)

Film = Annotated[
    Path,
    typer.Argument(
        exists=True, help="A film: Matroska, QuickTime or MP4, MXF, AVI; or a folder of numbered images."
    ),
]
Into = Annotated[
    Path | None,
    typer.Option("--into", help="Folder to write into; by default next to the film, named after it."),
]
Rate = Annotated[str, typer.Option("--rate", help="Frames per second of a folder of images.")]
AccessCopy = Annotated[bool, typer.Option(help="Also make an H.264 copy for viewing.")]


@app.command()
def inspect(film: Film, rate: Rate = "24", as_json: AsJson = False) -> None:
    """Show what a film is, or why it is refused: its container, coding, frames, sound and timecode.

    [dim]heliochrome film inspect reel1.mkv[/]
    """
    from imaging.film_fields import tell_interlaced

    properties = _inspected(film, rate)
    facts = {
        name: value
        for name, value in asdict(properties).items()
        if name not in {"path", "source", "time_stamps", "interlaced"}
    }
    facts["interlaced"] = tell_interlaced(properties)
    if as_json:
        print_json(facts)
        return
    carried = [f"{s.kind}: {s.codec}, {s.packets} packets" for s in properties.carried]
    tags = [f"{name}={value}" for name, value in properties.tags]
    shown = {**facts, "carried": "; ".join(carried), "tags": "; ".join(tags)}
    print_facts(film.name, {name: value for name, value in shown.items() if value not in ("", None)})


@app.command()
def restore(  # noqa: PLR0917 - typer makes options of them
    film: Film,
    into: Into = None,
    dirt: Annotated[bool, typer.Option(help="Mend dirt on single frames, or only show it.")] = True,
    scratches: Annotated[bool, typer.Option(help="Mend scratches that stay in place.")] = True,
    flicker: Annotated[bool, typer.Option(help="Even out brightness that flickers.")] = True,
    weave: Annotated[bool, typer.Option(help="Hold frames still against the gate's weave.")] = False,
    sensitivity: Annotated[
        float, typer.Option(min=0, max=1, help="How readily something counts as dirt.")
    ] = 0.5,
    access_copy: AccessCopy = True,
    rate: Rate = "24",
    as_json: AsJson = False,
) -> None:
    """Mend a film; writes restored.mkv, damage-mask.mkv, frames.jsonl, access.mp4 and film-restoration.json.

    The master is lossless (FFV1) and keeps depth, sound, subtitles, times and timecode. Interrupted work
    resumes at the shot.

    [dim]heliochrome film restore reel1.mkv --no-flicker[/]
    """
    from restoration.film import STAGE, outputs, restore_film  # loads OpenCV
    from restoration.film_options import FilmRestorationOptions

    options = FilmRestorationOptions(
        dirt=dirt,
        scratches=scratches,
        flicker=flicker,
        weave=weave,
        sensitivity=sensitivity,
        access_copy=access_copy,
        sequence_rate=rate,
    )
    folder = into or film.with_name(f"{film.stem}-restored")
    with progress_bar(f"restoring {film.name}", as_json) as update:
        done = _run(
            lambda unfinished: restore_film(film, unfinished, options, progress=update),
            (film, rate),
            folder,
            STAGE,
            outputs(),
        )
    _show(*done, as_json)


@app.command()
def colorize(  # noqa: PLR0917 - typer makes options of them
    film: Film,
    into: Into = None,
    model: Annotated[str, typer.Option(help="The model's name; see `heliochrome models list`.")] = "",
    restraint: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="How far uncertain color is drawn towards neutral; by default as the model advises.",
        ),
    ] = None,
    hint: Annotated[
        list[str] | None,
        typer.Option(
            help="A known color, frame,x,y,radius,a,b: position as shares of the frame, color as CIE a*b*. "
            "It is carried through its shot."
        ),
    ] = None,
    steadiness: Annotated[
        float, typer.Option(min=0, max=0.99, help="Share of the color that neighboring frames decide.")
    ] = 0.93,
    bits: Annotated[int, typer.Option(min=8, max=16, help="Of the master, 8 or 16 per sample.")] = 16,
    discard_color: Annotated[
        bool, typer.Option(help="Take a tinted film, or one in color, as if it were grey.")
    ] = False,
    access_copy: AccessCopy = True,
    rate: Rate = "24",
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Infer a film's colors; writes colorized.mkv, confidence.mkv, frames.jsonl, access.mp4 and a record.

    Colors stay with what moves, within each shot; lightness stays as it is. The colors are a model's
    inference, and the files state that. Interrupted work resumes at the shot.

    [dim]heliochrome film colorize reel1-restored/restored.mkv --hint 120,0.4,0.6,0.02,12,-30[/]
    """
    from colorization.film import STAGE, colorize_film, outputs  # loads PyTorch and OpenCV
    from colorization.film_options import FilmColorOptions
    from colorization.models import DEFAULT
    from imaging.networks.device import choose_device

    options = FilmColorOptions(
        model=model or DEFAULT,
        # The default ships: only for another one is it worth reading the configuration.
        model_folder=settings.models() if model else None,
        restraint=restraint,
        hints=tuple(_hint(text) for text in hint or ()),
        steadiness=steadiness,
        bits=bits,
        discard_color=discard_color,
        access_copy=access_copy,
        sequence_rate=rate,
        device=choose_device(device),
    )
    folder = into or film.with_name(f"{film.stem}-colorized")
    with progress_bar(f"colorizing {film.name}", as_json) as update:
        done = _run(
            lambda unfinished: colorize_film(film, unfinished, options, progress=update),
            (film, rate),
            folder,
            STAGE,
            outputs(),
        )
    _show(*done, as_json)


def _inspected(film: Path, rate: str) -> FilmProperties:
    from imaging.film import inspect_film

    try:
        frames_per_second = Fraction(rate)
    except (ValueError, ZeroDivisionError):
        frames_per_second = Fraction(0)
    if not 0 < frames_per_second <= 1000:
        raise typer.BadParameter(f"{rate!r} is no rate", param_hint="--rate")
    return inspect_film(film, sequence_rate=frames_per_second)


def _run(
    work: Callable[[Path], StageResult],
    source: tuple[Path, str],
    folder: Path,
    stage: str,
    outputs: tuple[str, ...],
) -> tuple[StageResult, Path]:
    from imaging.film_job import digest_of
    from operators.cli.output_folder import run_stage  # loads libvips

    return run_stage(
        work,
        source[0],
        folder,
        stage=stage,
        page=0,
        outputs=outputs,
        identify=lambda: digest_of(_inspected(*source)),
    )


def _hint(text: str) -> FilmHint:
    from colorization.film_options import FilmHint
    from colorization.hints import Hint

    frame, _, place = text.partition(",")
    try:
        x, y, radius, a, b = (float(part) for part in place.split(","))
        number = int(frame)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not frame,x,y,radius,a,b", param_hint="--hint") from None
    return FilmHint(number, Hint(x, y, radius, a, b, source="command line"))


def _show(result: StageResult, record: Path, as_json: bool) -> None:
    files: dict[str, Any] = {file.name: str(record.with_name(file.name)) for file in result.files}
    files["record"] = str(record)
    if as_json:
        print_json({"files": files, "result": asdict(result)})
    else:
        print_facts(str(record.parent), {**dict(result.figures), **files})
