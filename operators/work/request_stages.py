"""What a worker does with one request: first look, restoration, colorization, tags, views.

Models stay loaded from one request to the next. Reads the photograph as it was handed over, writes only the
request's own store. Each stage is looked for there first, so a repeat, and a request whose worker died, take
up what is done.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from catalog import kinds, objects, scans
from catalog.provenance import tag
from catalog.provenance.identity import SigningIdentity
from catalog.provenance.record import Description, ScanFile, SourcedHint, StageRun
from catalog.provenance.tag import StoredRun, TagInputs, TagOptions
from catalog.recolorings import HeldRecoloring
from catalog.request_files import LOOK, VIEWS, RequestFiles
from catalog.request_options import HintOption, RequestOptions
from catalog.requests import Request, RequestLimits
from catalog.store import Produced, Store, stage_key
from catalog.store_files import RESULT
from colorization import pipeline as coloring
from colorization.hints import Hint
from colorization.models import DEFAULT, ColorModel, load
from colorization.options import ColorizationOptions
from colorization.recoloring import Recoloring
from colorization.working import read_lightness, size_at
from imaging.errors import CatalogError, UnsupportedScan
from imaging.kind_detector import classify_scan
from imaging.lab import srgb_to_lab
from imaging.networks.device import choose_device
from imaging.scan import decoding, inspect_scan, open_scan
from imaging.scan_kind import ScanKind
from imaging.stage import Role, StageResult
from operators.version import software_version
from operators.work import request_views
from operators.work.colorization import Coloring, colorization_key
from operators.work.event_context import machine
from operators.work.request_filing import Filing
from operators.work.restoration import Restoring, restoration_key, suited
from restoration import pipeline as restoring
from restoration.models import shipped
from restoration.options import RestorationOptions

AGENT = "a client, on request"
REMEMBERED = 16
"""Photographs whose views stay ready for hints; each takes some 10 MiB."""
RESTORE, COLORIZE, TAG = "restoration", "colorization", "provenance"
_SHARES = {LOOK: 0.1, RESTORE: 0.35, COLORIZE: 0.35, TAG: 0.15, VIEWS: 0.05}
"""How much of the whole each stage takes."""

Report = Callable[[str, float], None]
"""Called with the stage's name and the finished share of the whole, 0–1; what it raises ends the work."""
Kept = Callable[[str, str], None]
"""Called with the name and key of each entry that is in the store."""


@dataclass(frozen=True)
class Outcome:
    """What became of a request: the keys of its entries, and what matters about them."""

    entries: dict[str, str]
    figures: dict[str, Any]


class RequestStages:
    """The stages with their models loaded.

    Parameters
    ----------
    engine
        The catalog: what it forbids to color is not colored on request either.
    files
        The folders of requests.
    limits
        What is opened.
    identity
        Who signs content credentials; `None` to write none.
    model_folder
        Where the museum keeps weights of its own.
    threads
        Of the networks; `None` for their own choice.
    model
        Instead of the default model.
    filing
        Takes what is to be kept into the catalog; `None` where nothing is.
    """

    def __init__(
        self,
        engine: Engine,
        files: RequestFiles,
        limits: RequestLimits,
        *,
        identity: SigningIdentity | None = None,
        model_folder: Path | None = None,
        threads: int | None = None,
        model: ColorModel | None = None,
        filing: Filing | None = None,
    ) -> None:
        self.engine, self.files, self.limits = engine, files, limits
        self.identity, self.threads, self.model_folder = identity, threads, model_folder
        self.filing = filing
        self.device = choose_device("auto")
        self.model = model or load(DEFAULT, self.device, model_folder)
        self._ready: OrderedDict[str, Recoloring] = OrderedDict()
        self._readying = Lock()

    @property
    def method(self) -> str:
        """Digest of all but the client's choices that determines an outcome."""
        networks = [self.model.reference, *(descriptor.reference for descriptor in shipped())]
        signer = self.identity.subject if self.identity else ""
        versions = (restoring.VERSION, coloring.VERSION, tag.VERSION, request_views.VERSION, signer)
        return sha256(repr((versions, [one.sha256 for one in networks])).encode()).hexdigest()

    def run(self, request: Request, report: Report, kept: Kept) -> Outcome:
        """Do all that a request asks for.

        Raises
        ------
        ScanError
            The photograph cannot be used, or is not to be colored.
        """
        return _Run(self, request, report, kept).outcome()

    def restoration_options(self, options: RequestOptions, kind: ScanKind) -> RestorationOptions:
        """Return what a request says about restoration, as that stage takes it."""
        chosen = RestorationOptions(
            mend=options.mend,
            sensitivity=options.sensitivity,
            denoise=options.denoise,
            device=self.device,
            threads=self.threads or 0,
        )
        return suited(chosen, mended=kind.mended, keeps_color=kind.keeps_color)

    def colorization_options(self, options: RequestOptions) -> ColorizationOptions:
        """Return what a request says about color, as that stage takes it."""
        return ColorizationOptions(
            model_folder=self.model_folder,
            hints=_hints(options.hints),
            alternatives=options.alternatives,
            restraint=options.restraint,
            device=self.device,
            threads=self.threads,
        )

    def file(self, request: Request, outcome: Outcome) -> str:
        """File a finished request in the catalog, where it waits for review; return its accession number."""
        if self.filing is None:
            remedy = "Ask without keep: catalog."
            raise CatalogError(str(request.uuid), "cannot be filed: no catalog is set up for it", remedy)
        options = request.chosen
        kind = ScanKind(outcome.figures["kind"])
        return self.filing.file(
            request,
            self.files,
            outcome.entries,
            Restoring(self.engine, self.filing.store, self.restoration_options(options, kind)),
            Coloring(
                self.engine,
                self.filing.store,
                replace(self.colorization_options(options), hints=()),
                self.model,
            ),
        )

    def recolor(self, held: HeldRecoloring) -> tuple[str, list[dict[str, Any]]]:
        """Color a view with a set of hints; return the view's key and what became of each hint."""
        request = held.request
        given = [HintOption.model_validate(one) for one in held.recoloring.hints]
        recoloring = self._prepared(request)
        recolored = recoloring.recolor(_hints(given))
        key = stage_key(
            input_sha256=request.sha256,
            stage="recoloring",
            version=request_views.VERSION,
            parameters={"of": request.entries[COLORIZE], "hints": repr([one.model_dump() for one in given])},
            models=[self.model.reference],
        )

        def work(folder: Path) -> StageResult:
            output = request_views.write_colored_view(recoloring.lightness, recolored, folder)
            return StageResult("recoloring", request_views.VERSION, request.sha256, (output,))

        self.files.store(request.sha256).produce(key, work)
        return key, [asdict(one) for one in recolored.outcomes]

    def _prepared(self, request: Request) -> Recoloring:
        """Return the finished colors of a request ready for hints, remembered from the last time."""
        key = request.entries[COLORIZE]
        with self._readying:
            if (found := self._ready.get(key)) is None:
                found = self._ready[key] = self._prepare(request, key)
            self._ready.move_to_end(key)
            while len(self._ready) > REMEMBERED:
                self._ready.popitem(last=False)
            return found

    def _prepare(self, request: Request, key: str) -> Recoloring:
        store = self.files.store(request.sha256)
        result = store.find(key)
        if result is None:
            raise UnsupportedScan(str(request.uuid), "its colors are gone", "Hand the photograph over again.")
        colored = store.path(key, result.file(Role.COLORIZED))
        lightness, chroma = _view_of(colored)
        return Recoloring.prepare(self.model, lightness, chroma)


@dataclass(frozen=True)
class _Made:
    """A stage's outcome in the store, and from when to when it was made."""

    produced: Produced
    started: datetime
    ended: datetime


class _Run:
    """One request under way."""

    def __init__(self, stages: RequestStages, request: Request, report: Report, kept: Kept) -> None:
        self.stages, self.request, self._kept = stages, request, kept
        self._report_share = report
        self.options = request.chosen
        self.store: Store = stages.files.store(request.sha256)
        self.original = stages.files.original(request.sha256)
        self.properties = inspect_scan(self.original, limits=stages.limits.scan)
        self.entries: dict[str, str] = {}
        self.done = 0.0

    def outcome(self) -> Outcome:
        kind = self.options.kind or classify_scan(self.original, limits=self.stages.limits.scan).kind
        self._refuse_color(kind)
        if self.options.colorize:
            self._keep(LOOK, self._look())
        runs = [self._restore(kind)]
        self._keep(RESTORE, runs[0].produced.key)
        if self.options.colorize:
            runs.append(self._colorize(runs[0].produced))
            self._keep(COLORIZE, runs[1].produced.key)
        tagged = self._tag(runs)
        self._keep(TAG, tagged)
        self._keep(VIEWS, self._views(runs))
        figures = {run.produced.result.stage: dict(run.produced.result.figures) for run in runs}
        return Outcome(self.entries, {**figures, "kind": str(kind)})

    def _keep(self, name: str, key: str) -> None:
        self.entries[name] = key
        self.done += _SHARES[name]
        self._kept(name, key)
        self._report_share(name, self.done)

    def _share(self, name: str) -> Callable[[float], None]:
        done = self.done
        return lambda share: self._report_share(name, done + share * _SHARES[name])

    def _refuse_color(self, kind: ScanKind) -> None:
        """Refuse to color what must not be, or is no photograph without colors."""
        if not self.options.colorize:
            return
        name = self.request.original_name
        if forbidding := self._forbidden_by():
            remedy = "Ask the museum; with colorize: false it is restored only."
            raise UnsupportedScan(name, f"{forbidding} must not be colored", remedy)
        if not kind.colorized:
            remedy = f"{kind.consequence} If it is a black-and-white photograph, say kind: monochrome."
            raise UnsupportedScan(name, f"is taken for {kind.label}", remedy)

    def _forbidden_by(self) -> str:
        with self.stages.engine.connect() as connection:
            scan = scans.by_sha256(connection, self.request.sha256)
            forbidding = kinds.treatment(connection, scan.id).forbidden_by if scan else ""
            known = objects.find(connection, self.options.accession_number)
            return forbidding or (kinds.forbidden_by(connection, known.id) if known else "")

    def _look(self) -> str:
        """Color a view before anything else, within a second or two: what somebody waits for."""
        model = self.stages.model
        key = stage_key(
            input_sha256=self.request.sha256,
            stage=LOOK,
            version=request_views.VERSION,
            parameters={"hints": repr([one.model_dump() for one in self.options.hints])},
            models=[model.reference],
        )

        def work(folder: Path) -> StageResult:
            size = size_at(self.properties.width, self.properties.height, request_views.SIDE)
            lightness = read_lightness(self.original, size, self.stages.limits.scan)
            recolored = Recoloring.prepare(model, lightness).recolor(_hints(self.options.hints))
            output = request_views.write_colored_view(lightness, recolored, folder)
            return StageResult(LOOK, request_views.VERSION, self.request.sha256, (output,))

        return self.store.produce(key, work).key

    def _restore(self, kind: ScanKind) -> _Made:
        options, share = self.stages.restoration_options(self.options, kind), self._share(RESTORE)
        key = restoration_key(self.request.sha256, options)
        return self._made(
            key, lambda folder: restoring.restore(self.original, folder, options, progress=share)
        )

    def _colorize(self, restored: Produced) -> _Made:
        options, share = self.stages.colorization_options(self.options), self._share(COLORIZE)
        file = restored.result.file(Role.RESTORED)
        photograph, model = self.store.path(restored.key, file), self.stages.model
        key = colorization_key(file.sha256, options, model.reference)
        return self._made(
            key,
            lambda folder: coloring.colorize(photograph, folder, options, progress=share, predictor=model),
        )

    def _made(self, key: str, work: Callable[[Path], StageResult]) -> _Made:
        started = datetime.now(UTC)
        produced = self.store.produce(key, work)
        if produced.fresh:
            return _Made(produced, started, datetime.now(UTC))
        written = (self.store.folder(key) / RESULT).stat().st_mtime
        ended = datetime.fromtimestamp(written, UTC)
        seconds = produced.result.figures.get("seconds")
        return _Made(produced, ended - timedelta(seconds=float(seconds or 0)), ended)

    def _tag(self, runs: list[_Made]) -> str:
        name, digest = self.request.original_name, self.request.sha256
        scan = ScanFile(
            digest,
            name,
            self.properties.media_type,
            self.original.stat().st_size,
            self.properties.width,
            self.properties.height,
            self.properties.bits,
        )
        number = self.options.accession_number or f"on request, sha256 {digest[:16]}"
        inputs = TagInputs(
            Description(accession_number=number, title=name),
            scan,
            self.original,
            tuple(StoredRun(self._stage_run(run), self.store.folder(run.produced.key)) for run in runs),
        )
        options = TagOptions(identity=self.stages.identity)
        key = stage_key(**tag.determinants(inputs, options))
        self._report_share(TAG, self.done)
        return self.store.produce(key, lambda folder: tag.tag(inputs, folder, options)).key

    def _stage_run(self, made: _Made) -> StageRun:
        colored = made.produced.result.stage == COLORIZE
        hints = self.options.hints if colored else ()
        return StageRun(
            result=made.produced.result,
            started=made.started,
            ended=made.ended,
            software_version=software_version(),
            agent=AGENT,
            machine=machine(),
            hints=tuple(SourcedHint(h.x, h.y, h.radius, h.a, h.b, h.source) for h in hints),
        )

    def _views(self, runs: list[_Made]) -> str:
        files = {
            role: [self.store.path(run.produced.key, f) for run in runs for f in run.produced.result.files
                   if f.role is role]
            for role in (Role.RESTORED, Role.COLORIZED, Role.CONFIDENCE, Role.ALTERNATIVE)
        }  # fmt: skip
        last = runs[-1].produced
        key = stage_key(
            input_sha256=self.request.sha256,
            stage=VIEWS,
            version=request_views.VERSION,
            parameters={"of": last.key},
        )

        def work(folder: Path) -> StageResult:
            written = request_views.write_views(
                folder,
                files[Role.RESTORED][0],
                next(iter(files[Role.COLORIZED]), None),
                next(iter(files[Role.CONFIDENCE]), None),
                files[Role.ALTERNATIVE],
            )
            return StageResult(VIEWS, request_views.VERSION, self.request.sha256, written)

        return self.store.produce(key, work).key


def _hints(given: Iterable[HintOption]) -> tuple[Hint, ...]:
    return tuple(Hint(h.x, h.y, h.radius, h.a, h.b, h.source) for h in given)


def _view_of(path: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return L* (h×w) and a*b* (2×h×w) of a finished picture at the size of a view."""
    with decoding(path):
        image = open_scan(path, sequential=True)
        top = 65535 if image.format == "ushort" else 255
        longer = max(image.width, image.height)
        small = image.resize(request_views.SIDE / longer) if longer > request_views.SIDE else image
        pixels = (small.numpy() / np.float32(top)).astype(np.float32)
    lab = srgb_to_lab(pixels)
    return np.ascontiguousarray(lab[..., 0]), np.ascontiguousarray(np.moveaxis(lab[..., 1:], -1, 0))
