"""The provenance record: everything that was done to one photograph, frozen.

It is assembled from the outcomes of the stages and refuses a chain with a gap: each step must have read the
scan or something that an earlier step wrote. PREMIS, PROV, XMP and C2PA are all written from this one record,
so they cannot disagree.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from catalog.provenance.vocabulary import NAMESPACE, DigitalSourceType
from catalog.rights import label
from catalog.schema import EventOutcome
from catalog.vocabulary import Stage
from imaging.errors import CatalogError
from imaging.stage import ModelReference, OutputFile, Role, Scalar, StageResult

_NAMES = uuid.uuid5(uuid.NAMESPACE_URL, NAMESPACE)


@dataclass(frozen=True)
class Description:
    """What the catalog knows about the photograph as an object.

    Parameters
    ----------
    accession_number
        The object's number in the museum's catalog.
    title, maker, date_text
        As cataloged; free text, empty when unknown.
    rights
        URI of the rights statement or license (rightsstatements.org, Creative Commons).
    source
        Where the object is kept: the holding institution, and the collection.
    credit
        The credit line that the institution requests.
    """

    accession_number: str
    title: str = ""
    maker: str = ""
    date_text: str = ""
    rights: str = ""
    source: str = ""
    credit: str = ""

    @property
    def rights_statement(self) -> str:
        """The rights in words and as URI: ``Public Domain Mark 1.0, http://…``."""
        name = label(self.rights)
        return self.rights if name == self.rights else f"{name}, {self.rights}"


@dataclass(frozen=True)
class SourcedHint:
    """A color that an archivist gave, and the evidence for it.

    Parameters
    ----------
    x, y, radius
        Where, relative to the picture's width, height and longer side (0–1).
    a, b
        CIE a* and b* of the color.
    source
        The evidence: ``"coat: Prussian blue, letter 1912-04-03"``.
    color
        The color as it was given, ``#rrggbb`` (sRGB); empty where only a* and b* are known.
    """

    x: float
    y: float
    radius: float
    a: float
    b: float
    source: str
    color: str = ""


@dataclass(frozen=True)
class ScanFile:
    """The scan as it came: bytes, name and pixels."""

    sha256: str
    name: str
    media_type: str
    bytes: int
    width: int | None = None
    height: int | None = None
    bits: int | None = None


@dataclass(frozen=True)
class StageRun:
    """One stage's outcome together with the context that the stage itself does not know.

    Parameters
    ----------
    result
        What the stage handed back.
    started, ended
        When it ran, with time zone.
    software_version
        The version of Heliochrome that ran.
    agent
        Who or what started it: a DAG run, a person at the command line.
    machine
        The class of machine: processor or accelerator model, cores, memory.
    outcome, note
        How it ended, and a remark on that.
    hints
        The archivist's hints that it followed.
    """

    result: StageResult
    started: datetime
    ended: datetime
    software_version: str
    agent: str
    machine: str
    outcome: EventOutcome = EventOutcome.SUCCESS
    note: str = ""
    hints: tuple[SourcedHint, ...] = ()


@dataclass(frozen=True)
class Step:
    """One link of the chain: input sha256 → what was done, by what, how → output sha256."""

    stage: str
    stage_version: str
    software_version: str
    agent: str
    machine: str
    started: datetime
    ended: datetime
    outcome: EventOutcome
    note: str
    input_sha256: tuple[str, ...]
    outputs: tuple[OutputFile, ...]
    models: tuple[ModelReference, ...] = ()
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    figures: Mapping[str, Scalar] = field(default_factory=dict)
    hints: tuple[SourcedHint, ...] = ()

    @property
    def source_type(self) -> DigitalSourceType:
        """The IPTC term for what this step did to the pixels."""
        inferred = self.stage == Stage.COLORIZATION or _invented_texture(self)
        return DigitalSourceType.COMPOSITE_WITH_MODEL if inferred else DigitalSourceType.ENHANCED


@dataclass(frozen=True)
class ProvenanceRecord:
    """What is known of one photograph: what it shows, its scan, and each step since, in order."""

    description: Description
    scan: ScanFile
    steps: tuple[Step, ...]

    def step_that_made(self, sha256: str) -> Step | None:
        """Return the last step that wrote a file with this digest; ``None`` for unknown files.

        A step that found nothing to do may write the very bytes that it read.
        """
        return next((s for s in reversed(self.steps) if any(o.sha256 == sha256 for o in s.outputs)), None)

    def lineage(self, sha256: str) -> tuple[Step, ...]:
        """Return the steps from the scan to the file with this digest, in order; empty for the scan.

        Raises
        ------
        CatalogError
            No step of this record wrote such a file.
        """
        if sha256 != self.scan.sha256 and self.step_that_made(sha256) is None:
            raise _unknown(self.description.accession_number, sha256)
        wanted = {sha256}
        chain: list[Step] = []
        # Backwards, for each step read what an earlier one wrote, be it the same bytes.
        for step in reversed(self.steps):
            if any(output.sha256 in wanted for output in step.outputs):
                chain.append(step)
                wanted.update(step.input_sha256)
        return tuple(reversed(chain))

    def passed_on(self, sha256: str) -> tuple[tuple[Step, OutputFile], ...]:
        """Return each step of a file's lineage with what the next one read of it; the file itself last."""
        chain = self.lineage(sha256)
        read = {sha256}.union(*(step.input_sha256 for step in chain))
        return tuple((step, next(o for o in step.outputs if o.sha256 in read)) for step in chain)

    def source_type(self, sha256: str) -> DigitalSourceType:
        """Return the IPTC term for all that was done to the file with this digest since it was scanned."""
        inferred = any(s.source_type is DigitalSourceType.COMPOSITE_WITH_MODEL for s in self.lineage(sha256))
        return DigitalSourceType.COMPOSITE_WITH_MODEL if inferred else DigitalSourceType.ENHANCED


def assemble(description: Description, scan: ScanFile, runs: Iterable[StageRun]) -> ProvenanceRecord:
    """Return the record of `runs`, which are given in the order in which they happened.

    Raises
    ------
    CatalogError
        A run read a file that neither is the scan nor was written by an earlier run, ended before it started,
        or has a time without its zone.
    """
    if not description.accession_number.strip():
        raise CatalogError(
            scan.name, "has no accession number", "Catalog the object before its provenance is written."
        )
    known = {scan.sha256}
    steps = []
    for run in runs:
        _check_times(description.accession_number, run)
        if run.result.input_sha256 not in known:
            fault = f"{run.result.stage} read a file of unknown origin, sha256 {run.result.input_sha256}"
            raise CatalogError(
                description.accession_number,
                fault,
                "Give every stage between the scan and this one, in order.",
            )
        steps.append(_step(run))
        known.update(file.sha256 for file in run.result.files)
    return ProvenanceRecord(description, scan, tuple(steps))


def with_step(record: ProvenanceRecord, step: Step) -> ProvenanceRecord:
    """Return `record` continued by `step`, whose inputs must be known to it.

    Raises
    ------
    CatalogError
        An input of the step is neither the scan nor the output of an earlier step.
    """
    for digest in step.input_sha256:
        if digest != record.scan.sha256 and record.step_that_made(digest) is None:
            raise _unknown(record.description.accession_number, digest)
    return ProvenanceRecord(record.description, record.scan, (*record.steps, step))


def document_id(record: ProvenanceRecord, role: Role, name: str = "") -> str:
    """Return the stable ``urn:uuid:…`` of a derivative through all its versions."""
    return uuid.uuid5(_NAMES, f"{record.description.accession_number}\n{role}\n{name}").urn


def instance_id(sha256: str, variant: str = "") -> str:
    """Return the ``urn:uuid:…`` (version 5) of the bytes with this digest, or of a named variant of them."""
    return uuid.uuid5(_NAMES, f"{sha256}{variant}").urn


def timestamp(moment: datetime) -> str:
    """Return `moment` as XMP, PREMIS and C2PA write it: UTC, seconds, ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _step(run: StageRun) -> Step:
    return Step(
        stage=run.result.stage,
        stage_version=run.result.version,
        software_version=run.software_version,
        agent=run.agent,
        machine=run.machine,
        started=run.started,
        ended=run.ended,
        outcome=run.outcome,
        note=run.note,
        input_sha256=(run.result.input_sha256,),
        outputs=run.result.files,
        models=run.result.models,
        parameters=run.result.parameters,
        figures=run.result.figures,
        hints=run.hints,
    )


def _invented_texture(step: Step) -> bool:
    # A network that only detects or denoises adds nothing; one that mends invents content.
    return any(word in model.name.lower() for model in step.models for word in ("mend", "inpaint"))


def _check_times(accession_number: str, run: StageRun) -> None:
    if run.started.tzinfo is None or run.ended.tzinfo is None:
        fault = f"the times of its {run.result.stage} have no time zone"
        raise CatalogError(accession_number, fault, "Record times with their zone, best in UTC.")
    if run.ended < run.started:
        fault = f"its {run.result.stage} ended before it started"
        raise CatalogError(accession_number, fault, "Check the clock of the machine that ran it.")


def _unknown(accession_number: str, sha256: str) -> CatalogError:
    fault = f"its provenance record has no file with sha256 {sha256}"
    return CatalogError(accession_number, fault, "Record the stage that wrote it.")
