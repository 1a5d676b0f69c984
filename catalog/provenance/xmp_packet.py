"""XMP packets: what a picture is, how it came about and what it was made from, inside the file.

`build_packet` writes Dublin Core (title, creator, description, rights, source, identifier), XMP Basic, XMP
Rights, Photoshop (credit, source, instructions), IPTC Extension (DigitalSourceType, the artwork shown, the AI
system used) and XMP Media Management (document and instance identifiers, DerivedFrom, History), and, in the
project's own namespace ``https://heliochrome.example/ns/provenance/1.0/`` with the preferred prefix
``heliochrome``, these terms:

=================== ==================================================================================
Notice              text: what must be shown to a viewer of the picture
AccessionNumber     text: the object's number in the museum's catalog
ScanSHA256          text: digest of the scan, hexadecimal as all digests
InputSHA256         text: digest of the file that the last step read
ContentSHA256       text: digest of the file that the last step wrote, before this packet was put into it
Stage, StageVersion text: the last step and the version of its method
Parameters          JSON text: the options of the last step
Models              bag of structures: Stage, Name, Version, SHA256 (of the weights) of every network used
Hints               ordered structures: X, Y, Radius (0–1), A, B (CIE a*, b*), Color (#rrggbb, as given),
                    Source (who states it, where)
HintCount           integer: how many hints there are, even where not all of them fit into the packet
=================== ==================================================================================

`catalog.provenance.xmp_facts` reads them back.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from catalog.provenance.record import (
    ProvenanceRecord,
    SourcedHint,
    Step,
    document_id,
    instance_id,
    timestamp,
)
from catalog.provenance.vocabulary import NAMESPACE, PREFIX, SOFTWARE
from catalog.vocabulary import NOTICES
from imaging.stage import OutputFile, Role

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
X = "adobe:ns:meta/"
DC = "http://purl.org/dc/elements/1.1/"
XMP = "http://ns.adobe.com/xap/1.0/"
RIGHTS = "http://ns.adobe.com/xap/1.0/rights/"
MM = "http://ns.adobe.com/xap/1.0/mm/"
EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
REFERENCE = "http://ns.adobe.com/xap/1.0/sType/ResourceRef#"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"

_PREFIXES = {
    "rdf": RDF,
    "x": X,
    "dc": DC,
    "xmp": XMP,
    "xmpRights": RIGHTS,
    "xmpMM": MM,
    "stEvt": EVENT,
    "stRef": REFERENCE,
    "photoshop": PHOTOSHOP,
    "Iptc4xmpExt": IPTC,
    PREFIX: NAMESPACE,
}
for _prefix, _uri in _PREFIXES.items():
    ET.register_namespace(_prefix, _uri)

_T = TypeVar("_T")

JPEG_LIMIT = 65_000
"""Bytes of a packet that fits into one JPEG APP1 segment (65,502 with its signature), with a reserve."""
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_TAIL = '\n<?xpacket end="r"?>'


def build_packet(record: ProvenanceRecord, file: OutputFile, *, variant: str = "") -> bytes:
    """Return the XMP packet for a derivative, UTF-8, at most `JPEG_LIMIT` bytes.

    Parameters
    ----------
    record
        The photograph's record.
    file
        The derivative as its stage wrote it.
    variant
        Names a copy made from the derivative (``"access copy"``), which then is an instance of its own.

    Raises
    ------
    CatalogError
        The record does not know `file`.
    """
    lineage = record.lineage(file.sha256)
    hints = [hint for step in lineage for hint in step.hints]
    shown = len(hints)
    while len(packet := _packet(record, file, variant, hints[:shown], len(hints))) > JPEG_LIMIT and shown:
        shown //= 2
    return packet


def described(record: ProvenanceRecord, role: Role) -> str:
    """Return a description of a derivative for people, with the notice that it needs."""
    about = record.description
    object_line = ", ".join(part for part in (about.title, about.maker, about.date_text) if part)
    head = f"{object_line or 'Photograph'} ({about.accession_number})."
    return f"{head} {NOTICES.get(role, '')}".strip()


def _packet(
    record: ProvenanceRecord, file: OutputFile, variant: str, hints: Sequence[SourcedHint], hint_count: int
) -> bytes:
    root = ET.Element(f"{{{X}}}xmpmeta", {f"{{{X}}}xmptk": SOFTWARE})
    rdf = ET.SubElement(root, f"{{{RDF}}}RDF")
    write = _Writer(ET.SubElement(rdf, f"{{{RDF}}}Description", {f"{{{RDF}}}about": ""}))
    lineage = record.lineage(file.sha256)
    _write_description(write, record, file.role)
    _write_origin(write, record, file, lineage)
    _write_management(write, record, file, lineage, variant)
    _write_provenance(write, record, file, lineage)
    if hint_count:
        write.simple(NAMESPACE, "HintCount", str(hint_count))
        write.structures(NAMESPACE, "Hints", "Seq", hints, _write_hint)
    body = ET.tostring(root, encoding="unicode", short_empty_elements=False)
    return (_HEAD + body + _TAIL).encode()


def _write_description(write: _Writer, record: ProvenanceRecord, role: Role) -> None:
    about = record.description
    write.alternative(DC, "title", about.title)
    write.array(DC, "creator", "Seq", [about.maker])
    write.alternative(DC, "description", described(record, role))
    write.alternative(DC, "rights", about.rights_statement)
    write.simple(DC, "source", about.source)
    write.simple(DC, "identifier", about.accession_number)
    write.simple(RIGHTS, "WebStatement", about.rights)
    write.simple(PHOTOSHOP, "Credit", about.credit)
    write.simple(PHOTOSHOP, "Source", about.source)
    write.simple(PHOTOSHOP, "Instructions", NOTICES.get(role, ""))
    write.structures(IPTC, "ArtworkOrObject", "Bag", [record], _write_artwork)


def _write_origin(
    write: _Writer, record: ProvenanceRecord, file: OutputFile, lineage: Sequence[Step]
) -> None:
    write.simple(IPTC, "DigitalSourceType", record.source_type(file.sha256))
    models = [model for step in lineage for model in step.models]
    if models:
        write.simple(IPTC, "AISystemUsed", "; ".join(f"{SOFTWARE}: {m.name}" for m in models))
        write.simple(IPTC, "AISystemVersionUsed", "; ".join(m.version for m in models))
    last = lineage[-1]
    write.simple(XMP, "CreatorTool", f"{SOFTWARE} {last.software_version}")
    write.simple(XMP, "CreateDate", timestamp(lineage[0].started))
    write.simple(XMP, "ModifyDate", timestamp(last.ended))
    write.simple(XMP, "MetadataDate", timestamp(last.ended))


def _write_management(
    write: _Writer, record: ProvenanceRecord, file: OutputFile, lineage: Sequence[Step], variant: str
) -> None:
    scan = document_id(record, Role.ORIGINAL)
    parent = file.sha256 if variant else lineage[-1].input_sha256[0]
    write.simple(MM, "OriginalDocumentID", scan)
    write.simple(MM, "DocumentID", document_id(record, file.role, f"{file.name}{variant}"))
    write.simple(MM, "InstanceID", instance_id(file.sha256, variant))
    source = write.structure(MM, "DerivedFrom")
    source.simple(REFERENCE, "instanceID", instance_id(parent))
    source.simple(REFERENCE, "documentID", _document_of(record, parent, scan))
    write.structures(MM, "History", "Seq", record.passed_on(file.sha256), _write_event)


def _write_provenance(
    write: _Writer, record: ProvenanceRecord, file: OutputFile, lineage: Sequence[Step]
) -> None:
    last = lineage[-1]
    write.simple(NAMESPACE, "Notice", NOTICES.get(file.role, ""))
    write.simple(NAMESPACE, "AccessionNumber", record.description.accession_number)
    write.simple(NAMESPACE, "ScanSHA256", record.scan.sha256)
    write.simple(NAMESPACE, "InputSHA256", last.input_sha256[0])
    write.simple(NAMESPACE, "ContentSHA256", file.sha256)
    write.simple(NAMESPACE, "Stage", last.stage)
    write.simple(NAMESPACE, "StageVersion", last.stage_version)
    write.simple(
        NAMESPACE, "Parameters", json.dumps(dict(last.parameters), sort_keys=True, ensure_ascii=False)
    )
    models = [(step.stage, model) for step in lineage for model in step.models]

    def write_model(item: _Writer, used: tuple[str, object]) -> None:
        stage, model = used
        item.simple(NAMESPACE, "Stage", stage)
        for term, attribute in (("Name", "name"), ("Version", "version"), ("SHA256", "sha256")):
            item.simple(NAMESPACE, term, getattr(model, attribute))

    write.structures(NAMESPACE, "Models", "Bag", models, write_model)


def _write_artwork(write: _Writer, record: ProvenanceRecord) -> None:
    about = record.description
    write.alternative(IPTC, "AOTitle", about.title)
    write.array(IPTC, "AOCreator", "Seq", [about.maker])
    write.simple(IPTC, "AOCircaDateCreated", about.date_text)
    write.simple(IPTC, "AOSource", about.source)
    write.simple(IPTC, "AOSourceInvNo", about.accession_number)
    write.simple(IPTC, "AOCopyrightNotice", about.rights_statement)


def _write_event(write: _Writer, done: tuple[Step, OutputFile]) -> None:
    step, made = done
    write.simple(EVENT, "action", "edited")
    write.simple(EVENT, "changed", "/")
    write.simple(EVENT, "instanceID", instance_id(made.sha256))
    write.simple(EVENT, "when", timestamp(step.ended))
    write.simple(EVENT, "softwareAgent", f"{SOFTWARE} {step.software_version}")
    models = ", ".join(f"{m.name} {m.version}" for m in step.models)
    write.simple(
        EVENT, "parameters", f"{step.stage} {step.stage_version}" + (f" with {models}" if models else "")
    )


def _write_hint(write: _Writer, hint: SourcedHint) -> None:
    for term, number in (("X", hint.x), ("Y", hint.y), ("Radius", hint.radius), ("A", hint.a), ("B", hint.b)):
        write.simple(NAMESPACE, term, f"{number:.6g}")
    write.simple(NAMESPACE, "Color", hint.color)
    write.simple(NAMESPACE, "Source", hint.source)


def _document_of(record: ProvenanceRecord, sha256: str, scan: str) -> str:
    step = record.step_that_made(sha256)
    if step is None:
        return scan
    made = next(o for o in step.outputs if o.sha256 == sha256)
    return document_id(record, made.role, made.name)


class _Writer:
    """Writes properties of one RDF node; empty values are left out, because XMP has no value for unknown."""

    def __init__(self, node: ET.Element) -> None:
        self.node = node

    def simple(self, namespace: str, term: str, value: str) -> None:
        if value:
            self._property(namespace, term).text = _legal(value)

    def alternative(self, namespace: str, term: str, value: str) -> None:
        if value:
            container = ET.SubElement(self._property(namespace, term), f"{{{RDF}}}Alt")
            ET.SubElement(container, f"{{{RDF}}}li", {_LANGUAGE: "x-default"}).text = _legal(value)

    def array(self, namespace: str, term: str, kind: str, values: Iterable[str]) -> None:
        if given := [value for value in values if value]:
            container = ET.SubElement(self._property(namespace, term), f"{{{RDF}}}{kind}")
            for value in given:
                ET.SubElement(container, f"{{{RDF}}}li").text = _legal(value)

    def structure(self, namespace: str, term: str) -> _Writer:
        return _Writer(self._resource(self._property(namespace, term)))

    def structures(
        self,
        namespace: str,
        term: str,
        kind: str,
        values: Sequence[_T],
        fill: Callable[[_Writer, _T], object],
    ) -> None:
        if values:
            container = ET.SubElement(self._property(namespace, term), f"{{{RDF}}}{kind}")
            for value in values:
                fill(_Writer(self._resource(ET.SubElement(container, f"{{{RDF}}}li"))), value)

    def _property(self, namespace: str, term: str) -> ET.Element:
        return ET.SubElement(self.node, f"{{{namespace}}}{term}")

    @staticmethod
    def _resource(element: ET.Element) -> ET.Element:
        element.set(f"{{{RDF}}}parseType", "Resource")
        return element


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
