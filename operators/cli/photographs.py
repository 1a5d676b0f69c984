"""Commands for single files: inspect, restore, undo-tones, colorize. None needs a service."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imaging.scan_kind import ScanKind
from operators import settings
from operators.cli.console import AsJson, Status, print_facts, print_json, progress_bar, stderr_console

if TYPE_CHECKING:
    from colorization.hints import Hint
    from imaging.stage import StageResult

PANEL = "Single files"

Scan = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, help="A scan: TIFF, JPEG, PNG, WebP or JPEG 2000.")
]
Into = Annotated[
    Path | None,
    typer.Option("--into", help="Folder to write into; by default next to the file, named after it."),
]
Page = Annotated[int, typer.Option(min=0, help="Page of a multi-page file, from 0.")]
Device = Annotated[str, typer.Option(help="cpu, cuda or auto.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel=PANEL)(inspect)
    app.command(rich_help_panel=PANEL)(restore)
    app.command(rich_help_panel=PANEL)(undo_tones)
    app.command(rich_help_panel=PANEL)(colorize)


def inspect(scan: Scan, as_json: AsJson = False, page: Page = 0) -> None:
    """Show what a scan is, or why it is refused: what its header states, and what it seems to show.

    [dim]heliochrome inspect box3/1987.12.tif[/]
    """
    from imaging.kind_detector import classify_scan  # loads PyTorch
    from imaging.scan import inspect_scan  # loads libvips

    facts = asdict(inspect_scan(scan, page=page))
    report = classify_scan(scan, page=page)
    if as_json:
        print_json({**facts, "kind": asdict(report)})
        return
    shown = {k: v for k, v in facts.items() if k != "path" and v not in (None, ())}
    print_facts(
        scan.name,
        {**shown, "kind": report.kind, "why": report.reason, "what follows": report.kind.consequence},
    )


def restore(  # noqa: PLR0917 - typer makes options of them
    scan: Scan,
    into: Into = None,
    page: Page = 0,
    sensitivity: Annotated[
        float, typer.Option(min=0, max=1, help="How readily something counts as damage.")
    ] = 0.5,
    denoise: Annotated[float, typer.Option(min=0, max=1, help="Share of the noise that is removed.")] = 0.5,
    mend: Annotated[bool, typer.Option(help="Mend the damage, or only find and show it.")] = True,
    mend_losses: Annotated[bool, typer.Option(help="Also fill areas that are missing.")] = False,
    flatten: Annotated[bool, typer.Option(help="Even out fading and stains.")] = False,
    neutral: Annotated[bool, typer.Option(help="Turn sepia and other tints to grey.")] = False,
    levels: Annotated[bool, typer.Option(help="Stretch the tones from black to white.")] = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Mend damage and reduce noise; writes restored.tif, damage-mask.tif and restoration.json.

    The picture keeps its size and depth; the record states what was done, and by what. The scan's own
    metadata (EXIF, IPTC, XMP) stays with the scan. Interrupted work resumes where it stopped.

    [dim]heliochrome restore 1987.12.tif --denoise 0.3[/]
    """
    from operators.cli.output_folder import run_stage  # loads libvips
    from restoration.options import RestorationOptions
    from restoration.pipeline import OUTPUTS, STAGE  # loads PyTorch and OpenCV
    from restoration.pipeline import restore as work
    from restoration.tone import ToneOptions

    options = RestorationOptions(
        sensitivity=sensitivity,
        denoise=denoise,
        mend=mend,
        mend_losses=mend_losses,
        tone=ToneOptions(flatten=flatten, neutral=neutral, levels=levels),
        page=page,
        device=device,
    )
    folder = _folder(scan, into, "restored", page)
    with progress_bar(f"restoring {scan.name}", as_json) as update:
        done = run_stage(
            lambda unfinished: work(scan, unfinished, options, progress=update),
            scan,
            folder,
            stage=STAGE,
            page=page,
            outputs=OUTPUTS,
        )
    _show(*done, as_json)


def undo_tones(
    record: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The restoration.json of a restoration.")
    ],
    to: Annotated[Path, typer.Option(help="The TIFF to write.")],
    as_json: AsJson = False,
) -> None:
    """Write a restored photograph with the tones it had before they were changed.

    What was mended stays mended; clipped tones cannot be brought back.

    [dim]heliochrome undo-tones 1987.12-restored/restoration.json --to 1987.12-tones-kept.tif[/]
    """
    from restoration.undo import undo_tones as undo  # loads libvips

    written = asdict(undo(record, to))
    if as_json:
        print_json(written)
    else:
        print_facts(str(to), {name: written[name] for name in ("width", "height", "bits", "sha256")})


def colorize(  # noqa: PLR0917 - typer makes options of them
    photograph: Scan,
    into: Into = None,
    page: Page = 0,
    model: Annotated[str, typer.Option(help="The model's name; see `heliochrome models list`.")] = "",
    alternatives: Annotated[int, typer.Option(min=0, max=5, help="Other plausible colorings to write.")] = 0,
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
            help="A known color, x,y,radius,a,b: position as shares of the picture, color as CIE a*b*."
        ),
    ] = None,
    kind: Annotated[
        ScanKind | None,
        typer.Option(help="What it is, when mistaken for something that is not colorized; see inspect."),
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> int:
    """Infer colors; writes colorized.tif, confidence.tif and colorization.json. Lightness stays as it is.

    The colors are a model's inference, and the file states that. Interrupted work resumes where it stopped.
    Color and hand-tinted photographs, pages, drawings and negatives are refused.

    [dim]heliochrome colorize 1987.12-restored/restored.tif --hint 0.4,0.6,0.02,12,-30[/]
    """
    from colorization.models import DEFAULT
    from colorization.options import ColorizationOptions  # loads libvips and OpenCV
    from colorization.pipeline import STAGE, outputs
    from colorization.pipeline import colorize as work
    from imaging.networks.device import choose_device
    from operators.cli.output_folder import run_stage

    _check_kind(photograph, page, kind)
    options = ColorizationOptions(
        model=model or DEFAULT,
        # The default ships: only for another one is it worth reading the configuration.
        model_folder=settings.models() if model else None,
        alternatives=alternatives,
        restraint=restraint,
        hints=tuple(_hint(text) for text in hint or ()),
        page=page,
        device=choose_device(device),
    )
    folder = _folder(photograph, into, "colorized", page)
    with progress_bar(f"colorizing {photograph.name}", as_json) as update:
        done = run_stage(
            lambda unfinished: work(photograph, unfinished, options, progress=update),
            photograph,
            folder,
            stage=STAGE,
            page=page,
            outputs=outputs(alternatives),
        )
    _show(*done, as_json)
    return Status.WELL


def _check_kind(photograph: Path, page: int, stated: ScanKind | None) -> None:
    """Refuse what must not be colored."""
    from imaging.errors import UnsupportedScan
    from imaging.kind_detector import classify_scan  # loads PyTorch

    report = None if stated else classify_scan(photograph, page=page)
    kind = stated or (report.kind if report else ScanKind.MONOCHROME)
    if not kind.colorized:
        taken_for = f"is taken for {kind.label}: {report.reason}" if report else ""
        ground = taken_for or f"is {kind.label}, as --kind states."
        remedy = f"{kind.consequence} If it is a black-and-white photograph, use --kind monochrome."
        raise UnsupportedScan(photograph, ground.rstrip("."), remedy)


def _hint(text: str) -> Hint:
    from colorization.hints import Hint

    try:
        x, y, radius, a, b = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not x,y,radius,a,b", param_hint="--hint") from None
    return Hint(x, y, radius, a, b, source="command line")


def _folder(file: Path, into: Path | None, what: str, page: int) -> Path:
    """Return the folder to write into; print a remark when the file has other pages."""
    from imaging.scan import inspect_scan  # loads libvips

    if not page and (pages := inspect_scan(file).pages) > 1:
        stderr_console.print(
            f"{file.name} has {pages} pages; this is the first, --page takes another", markup=False
        )
    number = f"-page{page}" if page else ""
    return into or file.with_name(f"{file.stem}{number}-{what}")


def _show(result: StageResult, record: Path, as_json: bool) -> None:
    files = {str(file.role): str(record.with_name(file.name)) for file in result.files}
    files["record"] = str(record)
    if as_json:
        print_json({"files": files, "result": asdict(result)})
    else:
        print_facts(str(record.parent), {**dict(result.figures), **files})
