"""C2PA content credentials: signed claims about what was done to a picture, bound to its bytes.

See the C2PA specification 2.2, https://c2pa.org/specifications/. Each derivative's manifest opens its parent
(``c2pa.opened`` with a ``parentOf`` ingredient), says what was done (``c2pa.edited``,
``c2pa.color_adjustments``, with the IPTC source type), and carries the photograph's account up to this file
as the assertion `LABEL`. The parent's own manifest travels along, so the chain scan → restored → colorized →
access copy can be followed from any end of it.

The C2PA library holds a file in memory two to three times while it signs it. `sign_embedded` is therefore for
files up to a limit; `sign_detached` binds a manifest to a file of any size through the digest of its bytes,
which is streamed, and `read_credential` checks such a binding the same way.

Signatures contain random numbers and manifests random labels: signing twice gives two different, equally
valid files. Everything that is signed is determined by the record.
"""

from __future__ import annotations

import base64
import io
import json
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import c2pa

from catalog.provenance.identity import DEVELOPMENT_NAME, SigningIdentity
from catalog.provenance.record import ProvenanceRecord, Step, derivative_record, timestamp
from catalog.provenance.vocabulary import NOTICES, SOFTWARE, Stage
from imaging.errors import CorruptScan, UnsupportedScan
from imaging.stage import OutputFile

LABEL = "example.heliochrome.provenance"
"""The own assertion: `catalog.provenance.record.derivative_record` of the file, plus the notice."""
MEDIA_TYPE = "application/c2pa"
SUFFIX = ".c2pa"

_ACTIONS = {Stage.RESTORATION: "c2pa.edited", Stage.COLORIZATION: "c2pa.color_adjustments"}
_PARENT = "parent"
_PARENT_MANIFEST = f"{_PARENT}{SUFFIX}"
_HASH = "c2pa.hash.data"
_MISMATCH = "assertion.dataHash.mismatch"
_MATCH = "assertion.dataHash.match"


class CredentialState(StrEnum):
    """What a content credential is worth."""

    TRUSTED = "trusted"
    """Unchanged since it was signed, by somebody whom the given certificates vouch for."""
    VALID = "valid"
    """Unchanged since it was signed, by somebody for whom nobody vouches."""
    INVALID = "invalid"
    """The file, the manifest or the signature was altered."""


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


@dataclass(frozen=True)
class Credential:
    """What a file's content credential says, and whether that can be believed."""

    state: CredentialState
    signer: str
    title: str
    actions: tuple[tuple[str, str], ...]
    """Each action and its digital source type (empty where it has none)."""
    record: Mapping[str, Any] | None
    """The photograph's account that was signed, see `LABEL`."""
    ingredients: tuple[str, ...]
    manifests: int
    """How many manifests the file carries: its own and its ancestors'."""
    faults: tuple[str, ...]
    report: Mapping[str, Any]
    """The reader's full report."""

    @property
    def is_development(self) -> bool:
        """Whether a development identity signed it, for which nobody vouches."""
        return DEVELOPMENT_NAME in self.signer


def manifest_of(
    record: ProvenanceRecord, file: OutputFile, title: str, media_type: str, *, copied: bool = False
) -> dict[str, Any]:
    """Return the manifest definition of a derivative, ready to be signed.

    Parameters
    ----------
    record
        The photograph's account.
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
    account = {**derivative_record(record, file.sha256), "notice": NOTICES.get(file.role, "")}
    return {
        "claim_generator_info": [{"name": SOFTWARE, "version": step.software_version}],
        "title": title,
        "format": media_type,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [opened, *done]}},
            {"label": LABEL, "data": account},
        ],
    }


def sign_embedded(
    source: Path, target: Path, manifest: Mapping[str, Any], parent: Parent, identity: SigningIdentity
) -> bytes:
    """Write `source` to `target` with its manifest in it, and return the manifest.

    Memory: up to three times the file.

    Raises
    ------
    UnsupportedScan
        The file's structure can not hold a manifest.
    """
    with _faults(source), source.open("rb") as stream, target.open("w+b") as signed:
        return _sign(_builder(manifest, parent), identity, manifest["format"], stream, signed)


def sign_detached(
    sha256: str, manifest: Mapping[str, Any], parent: Parent, identity: SigningIdentity
) -> bytes:
    """Return the manifest of a file of any size, known by the digest of its bytes: a ``.c2pa`` sidecar."""
    binding = {"name": "whole file", "alg": "sha256", "hash": list(bytes.fromhex(sha256)), "pad": [0] * 8}
    assertions = [*manifest["assertions"], {"label": _HASH, "data": binding}]
    with _faults(manifest["title"]):
        builder = _builder({**manifest, "assertions": assertions}, parent)
        builder.set_no_embed()
        # The library insists on an asset to read. The binding above is what it signs, so a tiny one will do.
        return _sign(builder, identity, "image/tiff", io.BytesIO(_TINY_TIFF), io.BytesIO())


def read_credential(
    path: Path,
    media_type: str,
    *,
    sidecar: bytes | None = None,
    sha256: str | None = None,
    anchors: bytes | None = None,
) -> Credential | None:
    """Return what the content credential of a file says, or ``None`` when it has none.

    Parameters
    ----------
    path, media_type
        The file.
    sidecar
        Its detached manifest; embedded ones are found without.
    sha256
        With `sidecar`: the digest of the file's bytes, computed just now. The file is then not read again.
    anchors
        PEM certificates to trust besides C2PA's own list.

    Raises
    ------
    CorruptScan
        The file or the manifest can not be parsed.
    """
    context = _context(anchors)
    try:
        if sidecar is not None and sha256 is not None:
            with c2pa.Reader("image/tiff", io.BytesIO(_TINY_TIFF), sidecar, context) as reader:
                return _credential(
                    _rebound(json.loads(reader.json()), json.loads(reader.detailed_json()), sha256)
                )
        with path.open("rb") as stream, c2pa.Reader(media_type, stream, sidecar, context) as reader:
            return _credential(json.loads(reader.json()))
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError as error:
        fault = f"its content credential can not be read ({error})"
        raise CorruptScan(path, fault, "Tag the file again from its untagged master.") from error


def has_credential(path: Path, media_type: str) -> bool:
    """Return whether a scan came with a content credential that can be read, whatever it says."""
    try:
        return read_credential(path, media_type) is not None
    except CorruptScan:
        return False


def _builder(manifest: Mapping[str, Any], parent: Parent) -> c2pa.Builder:
    ingredient = _ingredient(parent)
    if parent.asset is not None:
        builder = c2pa.Builder(dict(manifest), _context(None))
        with parent.asset.open("rb") as stream:
            builder.add_ingredient(ingredient, parent.media_type, stream)
        return builder
    builder = c2pa.Builder({**manifest, "ingredients": [ingredient]}, _context(None))
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


def _context(anchors: bytes | None) -> c2pa.Context:
    settings: dict[str, Any] = {
        "version": 1,
        "builder": {"thumbnail": {"enabled": False}},
        # A file must not be able to make us call addresses of its choosing.
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    }
    if anchors is not None:
        settings["trust"] = {"user_anchors": anchors.decode()}
    return c2pa.Context.from_dict(settings)


def _credential(report: Mapping[str, Any]) -> Credential:
    manifest = report["manifests"][report["active_manifest"]]
    signature = manifest.get("signature_info", {})
    assertions = {a["label"]: a["data"] for a in manifest.get("assertions", ())}
    actions = assertions.get("c2pa.actions.v2", assertions.get("c2pa.actions", {})).get("actions", ())
    return Credential(
        state=CredentialState(report["validation_state"].lower()),
        signer=", ".join(filter(None, (signature.get("common_name"), signature.get("issuer")))),
        title=manifest.get("title", ""),
        actions=tuple((a["action"], a.get("digitalSourceType", "")) for a in actions),
        record=assertions.get(LABEL),
        ingredients=tuple(i.get("title", "") for i in manifest.get("ingredients", ())),
        manifests=len(report["manifests"]),
        faults=tuple(f"{f['code']}: {f.get('explanation', '')}" for f in _failures(report)),
        report=report,
    )


def _rebound(report: dict[str, Any], detailed: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    """Correct a report on the tiny stand-in for what we know of the file itself: the digest of its bytes."""
    active = report["validation_results"]["activeManifest"]
    binding = detailed["manifests"][report["active_manifest"]]["assertion_store"].get(_HASH, {})
    if not _binds(binding, sha256):
        return report
    active["success"] += [{**f, "code": _MATCH} for f in active["failure"] if f["code"] == _MISMATCH]
    active["failure"] = [f for f in active["failure"] if f["code"] != _MISMATCH]
    report["validation_status"] = [f for f in report.get("validation_status", ()) if f["code"] != _MISMATCH]
    if not _failures(report):
        trusted = any(s["code"] == "signingCredential.trusted" for s in active["success"])
        report["validation_state"] = "Trusted" if trusted else "Valid"
    return report


def _binds(binding: Mapping[str, Any], sha256: str) -> bool:
    whole = not any(e["length"] for e in binding.get("exclusions", ()))
    return whole and binding.get("alg") == "sha256" and base64.b64decode(binding["hash"]).hex() == sha256


def _failures(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what speaks against the file; an unknown signer speaks for nobody and against nothing."""
    results = report.get("validation_results", {})
    deltas = (d["validationDeltas"] for d in results.get("ingredientDeltas", ()))
    statuses = [*results.get("activeManifest", {}).get("failure", ())]
    statuses += [failure for delta in deltas for failure in delta.get("failure", ())]
    return [status for status in statuses if status["code"] != "signingCredential.untrusted"]


@contextmanager
def _faults(subject: Path | str) -> Iterator[None]:
    try:
        yield
    except c2pa.C2paError as error:
        fault = f"can not be given a content credential ({error})"
        remedy = "Write masters as page pyramids, or lower the embedding limit so that it gets a sidecar."
        raise UnsupportedScan(subject, fault, remedy) from error


def _action(step: Step) -> dict[str, Any]:
    models = ", ".join(f"{m.name} {m.version}" for m in step.models)
    return {
        "action": _ACTIONS.get(Stage(step.stage), "c2pa.edited"),
        "when": timestamp(step.ended),
        "softwareAgent": {"name": SOFTWARE, "version": step.software_version},
        "digitalSourceType": str(step.source_type),
        "description": f"{step.stage} {step.stage_version}" + (f" with {models}" if models else ""),
    }


def _tiny_tiff() -> bytes:
    width, height, bits, photometric, strip, rows, length = 256, 257, 258, 262, 273, 278, 279
    values = {width: 1, height: 1, bits: 8, photometric: 1, strip: 8, rows: 1, length: 1}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(values.items()))
    return struct.pack("<2sHI", b"II", 42, 10) + b"\0\0" + struct.pack("<H", len(values)) + entries + bytes(4)


_TINY_TIFF = _tiny_tiff()
"""One grey pixel."""
