"""Whether a file, its own statements, what was signed about it and the catalog agree.

`verify_file` computes the digest again and compares XMP, content credential and catalog with it and with
each other; `verify_object` does so for every file of an object. Nothing is written and nothing repaired.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from catalog.provenance import credentials, jpeg, tiff_xmp
from catalog.provenance.credentials import Credential, CredentialState
from catalog.provenance.premis import file_iri
from catalog.provenance.vocabulary import DigitalSourceType
from catalog.provenance.xmp_facts import XmpFacts, read_packet
from catalog.vocabulary import NOTICES
from imaging.errors import CorruptScan, HeliochromeError, StoreError
from imaging.fixity import sha256_file
from imaging.stage import INFERRED, Role

_TIFF, _JPEG = "image/tiff", "image/jpeg"
_SIGNATURES = {
    b"II*\0": _TIFF,
    b"MM\0*": _TIFF,
    b"II+\0": _TIFF,
    b"MM\0+": _TIFF,
    b"\xff\xd8\xff": _JPEG,
}


class Check(StrEnum):
    """What was compared."""

    FIXITY = "fixity"
    XMP = "XMP"
    CREDENTIAL = "content credential"
    ACCOUNT = "provenance record"


class Verdict(StrEnum):
    """The result of a comparison."""

    AGREES = "agrees"
    DIFFERS = "differs"
    ABSENT = "absent"
    """There is nothing to compare; not a fault in itself."""


@dataclass(frozen=True)
class Finding:
    """One comparison: what, with which result, and the details for a person."""

    check: Check
    verdict: Verdict
    detail: str


@dataclass(frozen=True)
class Verification:
    """All that was compared for one file."""

    path: Path
    sha256: str
    findings: tuple[Finding, ...]

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not any(finding.verdict is Verdict.DIFFERS for finding in self.findings)


@dataclass(frozen=True)
class KnownFile:
    """A file as the catalog records it.

    Parameters
    ----------
    path
        Where it lies.
    sha256, role, name
        As its stage reported them.
    accession_number
        The object that it shows.
    input_sha256
        What its stage read; ``None`` for scans.
    models
        Name and sha256 of each network that its stage used.
    """

    path: Path
    sha256: str
    role: Role
    name: str
    accession_number: str
    input_sha256: str | None = None
    models: tuple[tuple[str, str], ...] = ()


class Register(Protocol):
    """The catalog, as far as verifying goes; `catalog.provenance.cataloged` connects it."""

    def by_sha256(self, sha256: str, *, made_from: str | None = None) -> KnownFile | None:
        """Return the file with this digest, or ``None``; of several that one `made_from` this, if any."""

    def of_object(self, accession_number: str) -> tuple[KnownFile, ...]:
        """Return every file of an object; raise `CatalogError` when there is no such object."""


def verify_file(
    path: Path,
    *,
    register: Register | None = None,
    expected: KnownFile | None = None,
    anchors: bytes | None = None,
) -> Verification:
    """Compare one file with its own statements and the catalog's.

    Parameters
    ----------
    path
        The file. A detached credential is looked for beside it, under its name with ``.c2pa``.
    register
        The catalog; without one, only the file's own statements are compared.
    expected
        The file that the catalog has here, when that is known.
    anchors
        PEM certificates to trust as signers besides C2PA's own list.

    Raises
    ------
    StoreError
        There is no such file.
    """
    if not path.is_file():
        raise StoreError(
            path, "there is no such file", "Check the path, or restore the file from its backup."
        )
    sha256 = sha256_file(path)
    media_type = _media_type(path)
    if media_type is None:
        return Verification(path, sha256, tuple(_fixity(sha256, None, register, expected)))
    facts, complaint = _read_facts(path, media_type)
    findings = list(_fixity(sha256, facts, register, expected))
    known = expected or (register.by_sha256(sha256) if register else None)
    findings += complaint or _xmp(facts, known, register)
    findings += _credential(path, media_type, sha256, facts, anchors)
    return Verification(path, sha256, tuple(findings))


def verify_object(
    accession_number: str, register: Register, *, anchors: bytes | None = None
) -> tuple[Verification, ...]:
    """Compare every file that the catalog knows of an object with all statements about it.

    Raises
    ------
    CatalogError
        There is no such object.
    """
    files = register.of_object(accession_number)
    documents = [file for file in files if file.role is Role.PROVENANCE and file.path.is_file()]
    return tuple(_verify_known(file, documents, register, anchors) for file in files)


def _verify_known(
    file: KnownFile, documents: list[KnownFile], register: Register, anchors: bytes | None
) -> Verification:
    if not file.path.is_file():
        missing = Finding(Check.FIXITY, Verdict.DIFFERS, f"{file.name} is missing")
        return Verification(file.path, file.sha256, (missing,))
    verified = verify_file(file.path, register=register, expected=file, anchors=anchors)
    document = next((d for d in documents if d.path.parent == file.path.parent and d is not file), None)
    if document is None:
        return verified
    return Verification(
        file.path,
        verified.sha256,
        (*verified.findings, _check_document(document.path, file, verified.sha256)),
    )


def _fixity(
    sha256: str, facts: XmpFacts | None, register: Register | None, expected: KnownFile | None
) -> Iterator[Finding]:
    if expected is not None:
        if sha256 == expected.sha256:
            yield Finding(Check.FIXITY, Verdict.AGREES, f"sha256 {sha256} as recorded")
        else:
            detail = f"sha256 is {sha256}, recorded is {expected.sha256}: the file was altered"
            yield Finding(Check.FIXITY, Verdict.DIFFERS, detail)
    elif register is None:
        yield Finding(Check.FIXITY, Verdict.ABSENT, f"sha256 {sha256}; no catalog to compare it with")
    elif known := register.by_sha256(sha256):
        detail = f"sha256 {sha256} is {known.name} ({known.role}) of {known.accession_number}"
        yield Finding(Check.FIXITY, Verdict.AGREES, detail)
    elif facts and facts.content_sha256 and (origin := register.by_sha256(facts.content_sha256)):
        detail = (
            f"the catalog does not know these bytes, though it knows the origin that they state, "
            f"{origin.name} of {origin.accession_number}: altered since, or tagged elsewhere"
        )
        yield Finding(Check.FIXITY, Verdict.DIFFERS, detail)
    else:
        yield Finding(Check.FIXITY, Verdict.DIFFERS, f"the catalog knows no file with sha256 {sha256}")


def _read_facts(path: Path, media_type: str) -> tuple[XmpFacts | None, list[Finding]]:
    try:
        packet = tiff_xmp.read_xmp(path) if media_type == _TIFF else jpeg.read_xmp(path)
        return (None if packet is None else read_packet(packet)), []
    except CorruptScan as error:
        return None, [Finding(Check.XMP, Verdict.DIFFERS, str(error))]


def _xmp(facts: XmpFacts | None, known: KnownFile | None, register: Register | None) -> list[Finding]:
    if facts is None or facts.content_sha256 is None:
        tagged = known is not None and known.role is Role.ACCESS_COPY
        verdict = Verdict.DIFFERS if tagged else Verdict.ABSENT
        return [Finding(Check.XMP, verdict, "states nothing about the file's origin")]
    faults = list(_contradictions(facts, known, register))
    if faults:
        return [Finding(Check.XMP, Verdict.DIFFERS, fault) for fault in faults]
    return [Finding(Check.XMP, Verdict.AGREES, f"{facts.stage} of scan {facts.scan_sha256}")]


def _contradictions(facts: XmpFacts, known: KnownFile | None, register: Register | None) -> Iterator[str]:
    if known and facts.accession_number != known.accession_number:
        yield f"names object {facts.accession_number}, the catalog {known.accession_number}"
    stated, source = facts.content_sha256, facts.input_sha256
    origin = register.by_sha256(stated, made_from=source) if register and stated else None
    if register and origin is None:
        yield f"states that it holds {facts.content_sha256}, which the catalog does not know"
    if origin is None:
        return
    if facts.input_sha256 != origin.input_sha256:
        yield f"states that it was made from {facts.input_sha256}, the catalog from {origin.input_sha256}"
    if missing := set(origin.models) - set(facts.models):
        yield f"does not name {', '.join(sorted(name for name, _ in missing))}, which the catalog names"
    if facts.notice != NOTICES.get(origin.role):
        yield f"does not carry the notice of a {origin.role} picture"
    if origin.role in INFERRED and facts.digital_source_type != DigitalSourceType.COMPOSITE_WITH_MODEL:
        yield "does not state that a trained model was used"


def _credential(
    path: Path, media_type: str, sha256: str, facts: XmpFacts | None, anchors: bytes | None
) -> Iterator[Finding]:
    sidecar = path.with_suffix(credentials.SUFFIX) if media_type == _TIFF else None
    try:
        detached = sidecar.read_bytes() if sidecar and sidecar.is_file() else None
        credential = credentials.read_credential(
            path, media_type, sidecar=detached, sha256=sha256 if detached else None, anchors=anchors
        )
    except HeliochromeError as error:
        yield Finding(Check.CREDENTIAL, Verdict.DIFFERS, str(error))
        return
    if credential is None:
        yield Finding(Check.CREDENTIAL, Verdict.ABSENT, "none")
    elif credential.state is CredentialState.INVALID:
        yield Finding(Check.CREDENTIAL, Verdict.DIFFERS, "; ".join(credential.faults) or "invalid")
    else:
        yield _check_assertion(credential, facts)


def _check_assertion(credential: Credential, facts: XmpFacts | None) -> Finding:
    signer = f"signed by {credential.signer}"
    if credential.state is not CredentialState.TRUSTED:
        signer += ", whom none of the given certificates vouches for"
    record = credential.record
    if record is None:
        return Finding(Check.CREDENTIAL, Verdict.AGREES, f"{signer}; not by this software")
    if facts is not None:
        pairs = {
            "object": (record.get("accessionNumber"), facts.accession_number),
            "content": (record.get("sha256"), facts.content_sha256),
            "scan": (record.get("scan", {}).get("sha256"), facts.scan_sha256),
        }
        for what, (signed, stated) in pairs.items():
            if signed != stated:
                detail = f"the signed {what} is {signed}, XMP states {stated}"
                return Finding(Check.CREDENTIAL, Verdict.DIFFERS, detail)
    return Finding(Check.CREDENTIAL, Verdict.AGREES, signer)


def _check_document(path: Path, file: KnownFile, sha256: str) -> Finding:
    if file.role is Role.PROVENANCE:
        return Finding(Check.ACCOUNT, Verdict.AGREES, "is the record")
    try:
        graph = json.loads(path.read_text(encoding="utf-8"))["@graph"]
        listed = {node["@id"] for node in graph}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Finding(Check.ACCOUNT, Verdict.DIFFERS, f"{path.name} cannot be read ({error})")
    if file_iri(sha256) in listed:
        return Finding(Check.ACCOUNT, Verdict.AGREES, f"{path.name} lists it")
    return Finding(Check.ACCOUNT, Verdict.DIFFERS, f"{path.name} does not list sha256 {sha256}")


def _media_type(path: Path) -> str | None:
    with path.open("rb") as stream:
        head = stream.read(4)
    return next((kind for signature, kind in _SIGNATURES.items() if head.startswith(signature)), None)
