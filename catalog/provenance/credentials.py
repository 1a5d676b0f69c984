"""C2PA content credentials, read: what was signed about a file, by whom, and whether it can be trusted.

See the C2PA specification 2.2, https://c2pa.org/specifications/. `catalog.provenance.signing` writes them.
The C2PA library holds a whole file in memory to check its binding. A detached manifest (``.c2pa``) that binds
the digest of the whole file is therefore checked against a digest that was streamed.
"""

from __future__ import annotations

import base64
import io
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import c2pa

from catalog.provenance.identity import DEVELOPMENT_NAME
from imaging.errors import CorruptScan

LABEL = "example.heliochrome.provenance"
"""Our own assertion: the photograph's record up to the file, see `catalog.provenance.signing`."""
MEDIA_TYPE = "application/c2pa"
SUFFIX = ".c2pa"

HASH = "c2pa.hash.data"
"""The assertion that binds a manifest to bytes."""
_MISMATCH = "assertion.dataHash.mismatch"
_MATCH = "assertion.dataHash.match"


class CredentialState(StrEnum):
    """How far a content credential can be trusted."""

    TRUSTED = "trusted"
    """Unchanged since it was signed, by a signer whom the given certificates vouch for."""
    VALID = "valid"
    """Unchanged since it was signed, by an unknown signer."""
    INVALID = "invalid"
    """The file, the manifest or the signature was altered."""


@dataclass(frozen=True)
class Credential:
    """What a file's content credential states, and whether it can be trusted."""

    state: CredentialState
    signer: str
    title: str
    actions: tuple[tuple[str, str], ...]
    """Each action and its digital source type (empty where it has none)."""
    record: Mapping[str, Any] | None
    """The photograph's record that was signed, see `LABEL`."""
    ingredients: tuple[str, ...]
    manifests: int
    """How many manifests the file carries: its own and its ancestors'."""
    faults: tuple[str, ...]
    report: Mapping[str, Any]
    """The reader's full report."""

    @property
    def is_development(self) -> bool:
        """Whether a development identity signed it, for which no authority vouches."""
        return DEVELOPMENT_NAME in self.signer


def read_credential(
    path: Path,
    media_type: str,
    *,
    sidecar: bytes | None = None,
    sha256: str | None = None,
    anchors: bytes | None = None,
) -> Credential | None:
    """Return what the content credential of a file states, or ``None`` when it has none.

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
        The file or the manifest cannot be parsed.
    """
    context = reading_context(anchors)
    try:
        if sidecar is not None and sha256 is not None:
            with c2pa.Reader("image/tiff", io.BytesIO(TINY_TIFF), sidecar, context) as reader:
                return _credential(
                    _rebound(json.loads(reader.json()), json.loads(reader.detailed_json()), sha256)
                )
        with path.open("rb") as stream, c2pa.Reader(media_type, stream, sidecar, context) as reader:
            return _credential(json.loads(reader.json()))
    except c2pa.C2paError.ManifestNotFound:
        return None
    except (c2pa.C2paError, KeyError, TypeError, ValueError) as error:
        # The library reports on damaged manifests too, with parts of its report missing.
        fault = f"its content credential cannot be read ({error!r})"
        raise CorruptScan(path, fault, "Tag the file again from its untagged master.") from error


def has_credential(path: Path, media_type: str) -> bool:
    """Return whether a scan came with a readable content credential, whatever it states."""
    try:
        return read_credential(path, media_type) is not None
    except CorruptScan:
        return False


def reading_context(anchors: bytes | None = None) -> c2pa.Context:
    """Return the C2PA library's settings: offline, no thumbnails, `anchors` (PEM) trusted besides its own."""
    settings: dict[str, Any] = {
        "version": 1,
        "builder": {"thumbnail": {"enabled": False}},
        # A file must not be able to make us request addresses of its choosing.
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
    binding = detailed["manifests"][report["active_manifest"]]["assertion_store"].get(HASH, {})
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
    """Return the faults that the report found; an unknown signer is not one."""
    results = report.get("validation_results", {})
    deltas = (d["validationDeltas"] for d in results.get("ingredientDeltas", ()))
    statuses = [*results.get("activeManifest", {}).get("failure", ())]
    statuses += [failure for delta in deltas for failure in delta.get("failure", ())]
    return [status for status in statuses if status["code"] != "signingCredential.untrusted"]


def _tiny_tiff() -> bytes:
    width, height, bits, photometric, strip, rows, length = 256, 257, 258, 262, 273, 278, 279
    values = {width: 1, height: 1, bits: 8, photometric: 1, strip: 8, rows: 1, length: 1}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(values.items()))
    return struct.pack("<2sHI", b"II", 42, 10) + b"\0\0" + struct.pack("<H", len(values)) + entries + bytes(4)


TINY_TIFF = _tiny_tiff()
"""One grey pixel: the library insists on an asset to read where the digest is all that matters."""
