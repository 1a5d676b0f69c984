"""C2PA content credentials, written: signed claims about what was done to a picture, bound to its bytes.

See the C2PA specification 2.2, https://c2pa.org/specifications/. Each derivative's manifest opens its parent
(``c2pa.opened`` with a ``parentOf`` ingredient), states what was done (``c2pa.edited``,
``c2pa.color_adjustments``, with the IPTC source type), and carries the photograph's record up to this file
as an assertion of our own. The parent's manifest travels along, so the chain scan → restored → colorized →
access copy can be followed from any end of it.

The C2PA library holds a file in memory two to three times while it signs it. `sign_embedded` is therefore for
files up to a limit; `sign_detached` binds a manifest to a file of any size through the digest of its bytes.

Signatures contain random numbers and manifests random labels: signing twice gives two different, equally
valid files. Everything that is signed is determined by the record.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import c2pa

from catalog.durability import is_full
from catalog.provenance.credentials import HASH, LABEL, MEDIA_TYPE, SUFFIX, TINY_TIFF, reading_context
from catalog.provenance.identity import SigningIdentity
from catalog.provenance.record import ProvenanceRecord, Step, timestamp
from catalog.provenance.vocabulary import SOFTWARE, DigitalSourceType
from catalog.vocabulary import NOTICES, Stage
from imaging.errors import HeliochromeError, SigningError, StoredFileError
from imaging.stage import OutputFile, Role

_ACTIONS: Mapping[str, str] = {Stage.COLORIZATION: "c2pa.color_adjustments"}
_EDITED = "c2pa.edited"
_PARENT = "parent"
_PARENT_MANIFEST = f"{_PARENT}{SUFFIX}"


@dataclass(frozen=True)
class Parent:
    """What a picture was made from, as an ingredient of its manifest.

    Parameters
    ----------
    title, media_type, instance_id
        Name, type and ``urn:uuid:…`` of the parent.
    sha256
        Digest of the parent's bytes as its stage wrote them.
    manifest, report
        The parent's own manifest and what reading it found (`Credential.report`), when it has one.
    asset
        The parent itself, where it came with a manifest from elsewhere, which then travels along.
    """

    title: str
    media_type: str
    instance_id: str
    sha256: str
    manifest: bytes | None = None
    report: Mapping[str, Any] | None = None
    asset: Path | None = None


def derivative_record(record: ProvenanceRecord, sha256: str) -> dict[str, Any]:
    """Return the record of one derivative as plain JSON: what a content credential carries, signed."""
    return {
        "accessionNumber": record.description.accession_number,
        "scan": {"sha256": record.scan.sha256, "name": record.scan.name},
        "steps": [_plain(step, sha256) for step in record.lineage(sha256)],
        "sha256": sha256,
    }


def _plain(step: Step, sha256: str) -> dict[str, Any]:
    return {
        "input": list(step.input_sha256),
        "stage": step.stage,
        "stageVersion": step.stage_version,
        "software": f"{SOFTWARE} {step.software_version}",
        "models": [{"name": m.name, "version": m.version, "sha256": m.sha256} for m in step.models],
        "parameters": dict(step.parameters),
        "hints": [
            {"x": h.x, "y": h.y, "radius": h.radius, "a": h.a, "b": h.b, "source": h.source}
            | ({"color": h.color} if h.color else {})
            for h in step.hints
        ],
        "machine": step.machine,
        "agent": step.agent,
        "started": timestamp(step.started),
        "ended": timestamp(step.ended),
        "outcome": str(step.outcome),
        "note": step.note,
        "outputs": [o.sha256 for o in step.outputs if o.sha256 == sha256 or o.role is not Role.ALTERNATIVE],
    }


def manifest_of(
    record: ProvenanceRecord, file: OutputFile, title: str, media_type: str, *, copied: bool = False
) -> dict[str, Any]:
    """Return the manifest definition of a derivative, ready to be signed.

    Parameters
    ----------
    record
        The photograph's record.
    file
        The derivative, as its stage wrote it.
    title, media_type
        Of the file to be signed.
    copied
        The file is a smaller copy of `file`, which then is its parent, and not `file` itself.
    """
    opened: dict[str, Any] = {"action": "c2pa.opened", "parameters": {"ingredientIds": [_PARENT]}}
    step = record.lineage(file.sha256)[-1]
    done = [{"action": "c2pa.resized"}, {"action": "c2pa.transcoded"}] if copied else [_action(step)]
    assertion = {**derivative_record(record, file.sha256), "notice": NOTICES.get(file.role, "")}
    return {
        "claim_generator_info": [{"name": SOFTWARE, "version": step.software_version}],
        "title": title,
        "format": media_type,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [opened, *done]}},
            {"label": LABEL, "data": assertion},
        ],
    }


def sign_embedded(
    source: Path, target: Path, manifest: Mapping[str, Any], parent: Parent, identity: SigningIdentity
) -> bytes:
    """Write `source` to `target` with its manifest in it, and return the manifest.

    Memory: up to three times the file.

    Raises
    ------
    StoredFileError
        The file's structure cannot hold a manifest.
    SigningError
        No file can be signed: the certificates are unsuitable, or the time-stamping service does not respond.
    """
    with _faults(source, identity), source.open("rb") as stream, target.open("w+b") as signed:
        return _sign(_builder(manifest, parent), identity, manifest["format"], stream, signed)


def sign_detached(
    sha256: str, manifest: Mapping[str, Any], parent: Parent, identity: SigningIdentity
) -> bytes:
    """Return the manifest of a file of any size, known by the digest of its bytes: a ``.c2pa`` sidecar.

    Raises
    ------
    StoredFileError, SigningError
        As `sign_embedded`.
    """
    binding = {"name": "whole file", "alg": "sha256", "hash": list(bytes.fromhex(sha256)), "pad": [0] * 8}
    assertions = [*manifest["assertions"], {"label": HASH, "data": binding}]
    with _faults(manifest["title"], identity):
        builder = _builder({**manifest, "assertions": assertions}, parent)
        builder.set_no_embed()
        # The library insists on an asset to read. The binding above is what it signs, so a tiny one will do.
        return _sign(builder, identity, "image/tiff", io.BytesIO(TINY_TIFF), io.BytesIO())


def _builder(manifest: Mapping[str, Any], parent: Parent) -> c2pa.Builder:
    ingredient = _ingredient(parent)
    if parent.asset is not None:
        builder = c2pa.Builder(dict(manifest), reading_context())
        with parent.asset.open("rb") as stream:
            builder.add_ingredient(ingredient, parent.media_type, stream)
        return builder
    builder = c2pa.Builder({**manifest, "ingredients": [ingredient]}, reading_context())
    if parent.manifest is not None:
        builder.add_resource(_PARENT_MANIFEST, io.BytesIO(parent.manifest))
    return builder


def _ingredient(parent: Parent) -> dict[str, Any]:
    ingredient: dict[str, Any] = {
        "title": parent.title,
        "format": parent.media_type,
        "instance_id": parent.instance_id,
        "relationship": "parentOf",
        "label": _PARENT,
        "description": f"sha256 {parent.sha256}",
    }
    if parent.manifest is not None and parent.report is not None:
        ingredient |= {
            "active_manifest": parent.report["active_manifest"],
            "validation_results": parent.report["validation_results"],
            "manifest_data": {"format": MEDIA_TYPE, "identifier": _PARENT_MANIFEST},
        }
    return ingredient


def _sign(
    builder: c2pa.Builder, identity: SigningIdentity, media_type: str, source: BinaryIO, target: BinaryIO
) -> bytes:
    info = c2pa.C2paSignerInfo(
        identity.algorithm, identity.certificates, identity.key, identity.timestamp_url
    )
    with builder, c2pa.Signer.from_info(info) as signer:
        return bytes(builder.sign(signer, media_type, source, target))


def _action(step: Step) -> dict[str, Any]:
    models = ", ".join(f"{m.name} {m.version}" for m in step.models)
    return {
        "action": _ACTIONS.get(step.stage, _EDITED),
        "when": timestamp(step.ended),
        "softwareAgent": {"name": SOFTWARE, "version": step.software_version},
        "digitalSourceType": str(step.source_type),
        "description": f"{step.stage} {step.stage_version}" + (f" with {models}" if models else ""),
    }


@contextmanager
def _faults(subject: Path | str, identity: SigningIdentity) -> Iterator[None]:
    try:
        yield
    except c2pa.C2paError as error:
        if is_full(error):
            raise
        raise _blamed(subject, identity, error) from error


def _blamed(subject: Path | str, identity: SigningIdentity, error: c2pa.C2paError) -> HeliochromeError:
    """Distinguish a file that takes no manifest from an identity or service that signs nothing, by a trial.

    The library has one class of error for all of them.
    """
    offline = replace(identity, timestamp_url=None)
    if trouble := _trial(offline):
        fault = f"nothing can be signed with the signing identity {identity.subject} ({trouble})"
        remedy = "Correct `signing_certificates` and `signing_key`; scans wait for it and are not lost."
        return SigningError("content credentials", fault, remedy)
    if identity.timestamp_url is not None and (trouble := _trial(identity)):
        fault = f"the time-stamping service does not respond as it should ({trouble})"
        remedy = "It is tried again; if it stays unavailable, correct or empty `timestamp_url`."
        return SigningError(identity.timestamp_url, fault, remedy)
    remedy = "Write masters as page pyramids, or lower the embedding limit so that it gets a sidecar."
    return StoredFileError(subject, f"cannot be given a content credential ({error})", remedy)


def _trial(identity: SigningIdentity) -> c2pa.C2paError | None:
    """Sign one grey pixel; return the library's error, if any."""
    created = {"action": "c2pa.created", "digitalSourceType": str(DigitalSourceType.ENHANCED)}
    manifest = {
        "claim_generator_info": [{"name": SOFTWARE}],
        "title": "trial",
        "format": "image/tiff",
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }
    try:
        builder = c2pa.Builder(manifest, reading_context())
        _sign(builder, identity, "image/tiff", io.BytesIO(TINY_TIFF), io.BytesIO())
    except c2pa.C2paError as error:
        return error
    return None
