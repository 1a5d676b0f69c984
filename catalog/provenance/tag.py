"""The third stage: writes into pictures what they are.

Reads the restored and the colorized masters (and alternatives) of one photograph. Writes into its own folder:

- ``restored.tif``, ``colorized.tif``, …: the masters with XMP in them, not encoded again;
- ``restored.jpg``, ``colorized.jpg``: access copies with XMP, EXIF and IPTC;
- content credentials, signed into access copies and into masters up to a size, as ``NAME.c2pa`` above it;
- ``provenance.json``: the whole record as JSON-LD, PREMIS and PROV in one.

A repeat gives the same metadata, whatever the time: all times are those of the stages. Only the signatures
differ, which contain random numbers; `determinants` gives what the outcome is stored under. A crash leaves
files that the repeat replaces. What is signed was compared with its stage's digest a moment before.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from catalog.durability import storage_faults
from catalog.provenance import credentials, prov, signing
from catalog.provenance.access_copy import write_access_copy
from catalog.provenance.clone import clone_file
from catalog.provenance.credentials import CredentialState, has_credential
from catalog.provenance.identity import SigningIdentity
from catalog.provenance.record import (
    Description,
    ScanFile,
    SourcedHint,
    StageRun,
    Step,
    assemble,
    instance_id,
    with_step,
)
from catalog.provenance.signing import Parent
from catalog.provenance.tiff_xmp import embed_xmp
from catalog.provenance.xmp_packet import build_packet
from catalog.schema import EventOutcome
from catalog.vocabulary import Stage
from imaging.errors import CatalogError, OptionsError, ScanError, SigningError, StoredFileError
from imaging.fixity import describe_output, sha256_file
from imaging.stage import OutputFile, Role, Scalar, StageResult

VERSION = "1"
RECORD = "provenance.json"
TIFF, JPEG = "image/tiff", "image/jpeg"
_TAGGED = (Role.RESTORED, Role.COLORIZED, Role.ALTERNATIVE)
_COPIED = (Role.RESTORED, Role.COLORIZED)


@dataclass(frozen=True)
class StoredRun:
    """A finished stage run and the folder in which its files lie."""

    run: StageRun
    folder: Path


@dataclass(frozen=True)
class TagInputs:
    """What is known about one photograph, and the files to write it into.

    Parameters
    ----------
    description
        What the catalog knows about the object.
    scan, scan_path
        The original's facts and where it lies. A content credential that it came with travels along.
    runs
        The stage runs since the scan, in order: restoration, then colorization where there was one.
    started
        When the tagging was started; ``None`` for the end of the last run.
    """

    description: Description
    scan: ScanFile
    scan_path: Path
    runs: tuple[StoredRun, ...]
    started: datetime | None = None


@dataclass(frozen=True)
class TagOptions:
    """How the files are tagged.

    Parameters
    ----------
    identity
        Who signs; ``None`` to write no content credentials.
    embed_limit
        Masters up to so many bytes get their credential embedded (signing takes three times that in memory),
        larger ones as a sidecar; 0 always makes sidecars.
    access_side
        Longer side of access copies, px; ``None`` makes none.
    access_quality
        JPEG quality of access copies, 1–100.
    """

    identity: SigningIdentity | None = None
    embed_limit: int = 128 << 20
    access_side: int | None = 2048
    access_quality: int = 88

    def __post_init__(self) -> None:
        if self.embed_limit < 0:
            raise OptionsError("embed_limit", f"{self.embed_limit} bytes", "Give 0 or more.")
        if self.access_side is not None and not 16 <= self.access_side <= 65_535:
            raise OptionsError(
                "access_side", f"{self.access_side} px", "Give 16 to 65,535 px, or none at all."
            )
        if not 1 <= self.access_quality <= 100:
            raise OptionsError(
                "access_quality", f"{self.access_quality} is outside 1–100", "Choose 1 to 100."
            )

    def parameters(self) -> dict[str, Scalar]:
        """Return the options as the stage's result records them."""
        return {
            "signer": self.identity.subject if self.identity else None,
            "embed_limit": self.embed_limit,
            "access_side": self.access_side,
            "access_quality": self.access_quality,
        }


def _told(hint: SourcedHint) -> dict[str, Any]:
    # A color that is not known changes nothing, so that files with older hints stay as they are.
    return {name: value for name, value in asdict(hint).items() if name != "color" or value}


def determinants(inputs: TagInputs, options: TagOptions) -> dict[str, Any]:
    """Return what the outcome depends on, as arguments of `catalog.store.stage_key`; times are none of it."""
    determined_by = {
        "description": asdict(inputs.description),
        "scan": asdict(inputs.scan),
        "runs": [
            [run.result.to_json(), run.software_version, [_told(hint) for hint in run.hints]]
            for run in (stored.run for stored in inputs.runs)
        ],
    }
    digest = hashlib.sha256(json.dumps(determined_by, sort_keys=True).encode()).hexdigest()
    return {
        "input_sha256": _last_master(inputs),
        "stage": str(Stage.PROVENANCE),
        "version": VERSION,
        "parameters": {**options.parameters(), "account": digest},
        "models": (),
    }


def tag(inputs: TagInputs, into: Path, options: TagOptions) -> StageResult:
    """Write the tagged files of one photograph into the folder `into`.

    Raises
    ------
    CatalogError
        The runs do not form a chain from the scan, or there is nothing to tag.
    StoredFileError
        A master is missing, is not what its stage wrote, or cannot be decoded or take metadata.
    StoreError
        The disk is full.
    SigningError
        The certificates are unsuitable, or the time-stamping service does not respond.
    """
    with storage_faults(into):
        try:
            return _Tagging(inputs, into, options).run()
        except ScanError as error:
            # All that is read here was written by earlier stages: the scan is not to blame.
            raise StoredFileError(error.subject, error.fault, error.remedy) from error


def _last_master(inputs: TagInputs) -> str:
    masters = [f.sha256 for s in inputs.runs for f in s.run.result.files if f.role in _TAGGED]
    if not masters:
        subject = inputs.description.accession_number or inputs.scan.name
        raise CatalogError(subject, "there is no picture to tag", "Restore the scan first.")
    return masters[-1]


class _Tagging:
    """One photograph's tagging under way: what is known so far, and what has been written."""

    def __init__(self, inputs: TagInputs, into: Path, options: TagOptions) -> None:
        self.inputs = inputs
        self.into = into
        self.options = options
        self.input_sha256 = _last_master(inputs)
        self.record = assemble(inputs.description, inputs.scan, [stored.run for stored in inputs.runs])
        self.extended_record = self.record
        self.parents = {inputs.scan.sha256: _scan_parent(inputs, options)}
        for stored in inputs.runs:
            for file in stored.run.result.files:
                if file.role is Role.ORIGINAL:  # a page cut out of the scan stands for the scan
                    self.parents[file.sha256] = self.parents[stored.run.result.input_sha256]
        self.files: list[OutputFile] = []

    def run(self) -> StageResult:
        for stored in self.inputs.runs:
            for master in stored.run.result.files:
                if master.role in _TAGGED:
                    self._tag_picture(_checked(stored.folder, master), master)
        self._write_document()
        identity = self.options.identity
        sidecars = sum(file.role is Role.CREDENTIAL for file in self.files)
        return StageResult(
            stage=str(Stage.PROVENANCE),
            version=VERSION,
            input_sha256=self.input_sha256,
            files=tuple(self.files),
            parameters=self.options.parameters(),
            figures={
                "pictures": sum(file.role in (*_TAGGED, Role.ACCESS_COPY) for file in self.files),
                "signed": identity is not None,
                "sidecars": sidecars,
                "development_identity": identity is not None and identity.is_development,
            },
        )

    def _tag_picture(self, source: Path, master: OutputFile) -> None:
        written = self._tag_master(source, master)
        if self.options.access_side is not None and master.role in _COPIED:
            written.append(self._make_access_copy(source, master, self.options.access_side))
        self.files += written
        self.extended_record = with_step(self.extended_record, self._step(master, written))

    def _tag_master(self, source: Path, master: OutputFile) -> list[OutputFile]:
        target = self.into / Path(master.name).name
        parent = self.parents[self.record.lineage(master.sha256)[-1].input_sha256[0]]
        manifest = signing.manifest_of(self.record, master, target.name, TIFF)
        sidecar = b""
        with _replacing(target) as partial:
            clone_file(source, partial)
            embed_xmp(partial, build_packet(self.record, master))
            if self.options.identity and partial.stat().st_size <= self.options.embed_limit:
                signed = _signed(partial, manifest, parent, self.options.identity)
            else:
                signed = b""
        tagged = describe_output(
            target, self.into, master.role, width=master.width, height=master.height, bits=master.bits
        )
        written = [tagged]
        if self.options.identity and not signed:
            sidecar = signing.sign_detached(tagged.sha256, manifest, parent, self.options.identity)
            written.append(self._write_sidecar(target, sidecar))
        self.parents[master.sha256] = self._as_parent(
            target, master, tagged, signed or sidecar, bool(sidecar)
        )
        return written

    def _write_sidecar(self, target: Path, manifest: bytes) -> OutputFile:
        path = target.with_suffix(credentials.SUFFIX)
        with _replacing(path) as partial:
            partial.write_bytes(manifest)
        return describe_output(path, self.into, Role.CREDENTIAL)

    def _as_parent(
        self, target: Path, master: OutputFile, tagged: OutputFile, manifest: bytes, detached: bool
    ) -> Parent:
        parent = Parent(target.name, TIFF, instance_id(master.sha256), master.sha256)
        if not manifest or self.options.identity is None:
            return parent
        read = credentials.read_credential(
            target,
            TIFF,
            sidecar=manifest if detached else None,
            sha256=tagged.sha256,
            anchors=self.options.identity.root,
        )
        if read is None or read.state is CredentialState.INVALID:
            fault = (
                f"its content credential is not valid ({'; '.join(read.faults) if read else 'none found'})"
            )
            raise SigningError(target, fault, "Check the signing certificates; scans wait for it.")
        return replace(parent, manifest=manifest, report=read.report)

    def _make_access_copy(self, source: Path, master: OutputFile, side: int) -> OutputFile:
        target = (self.into / Path(master.name).name).with_suffix(".jpg")
        with _replacing(target) as partial:
            quality = self.options.access_quality
            size = write_access_copy(self.record, master, source, partial, side=side, quality=quality)
            if self.options.identity:
                manifest = signing.manifest_of(self.record, master, target.name, JPEG, copied=True)
                _signed(partial, manifest, self.parents[master.sha256], self.options.identity)
        return describe_output(
            target, self.into, Role.ACCESS_COPY, width=size.width, height=size.height, bits=size.bits
        )

    def _step(self, master: OutputFile, written: Sequence[OutputFile]) -> Step:
        last = self.record.steps[-1]
        moment = self.inputs.started or last.ended
        return Step(
            stage=str(Stage.PROVENANCE),
            stage_version=VERSION,
            software_version=last.software_version,
            agent=last.agent,
            machine=last.machine,
            started=moment,
            ended=moment,
            outcome=EventOutcome.SUCCESS,
            note="",
            input_sha256=(master.sha256,),
            outputs=tuple(written),
            parameters=self.options.parameters(),
        )

    def _write_document(self) -> None:
        path = self.into / RECORD
        with _replacing(path) as partial:
            partial.write_text(prov.document(self.extended_record), encoding="utf-8")
        described = describe_output(path, self.into, Role.PROVENANCE)
        self.files.append(replace(described, media_type=prov.MEDIA_TYPE))


def _scan_parent(inputs: TagInputs, options: TagOptions) -> Parent:
    scan, path = inputs.scan, inputs.scan_path
    if not path.is_file():
        remedy = "Restore it from its backup, or ingest the scan again."
        raise StoredFileError(path, "the original is missing", remedy)
    carries = options.identity and scan.bytes <= options.embed_limit and has_credential(path, scan.media_type)
    return Parent(
        scan.name, scan.media_type, instance_id(scan.sha256), scan.sha256, asset=path if carries else None
    )


def _checked(folder: Path, file: OutputFile) -> Path:
    path = folder / file.name
    if not path.is_file():
        raise StoredFileError(path, "a master is missing", "Run its stage again.")
    if sha256_file(path) != file.sha256:
        fault = "a master is not what its stage wrote"
        raise StoredFileError(path, fault, "Audit the store's fixity.")
    return path


def _signed(path: Path, manifest: Mapping[str, Any], parent: Parent, identity: SigningIdentity) -> bytes:
    signed = path.with_name(f"{path.name}.signed")
    try:
        made = signing.sign_embedded(path, signed, manifest, parent, identity)
        os.replace(signed, path)
    finally:
        signed.unlink(missing_ok=True)
    return made


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Provide a path that replaces `target` at the end; a killed task's leftovers are overwritten."""
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        yield partial
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
