"""What XMP packets of any origin state: the facts that can be compared with a record."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass

from catalog.provenance.vocabulary import NAMESPACE
from catalog.provenance.xmp_packet import DC, IPTC, MM, RDF, REFERENCE
from imaging.errors import CorruptScan


@dataclass(frozen=True)
class XmpFacts:
    """What an XMP packet states, as far as Heliochrome can check it; ``None`` where it states nothing."""

    title: str | None = None
    description: str | None = None
    digital_source_type: str | None = None
    document_id: str | None = None
    instance_id: str | None = None
    derived_from: str | None = None
    notice: str | None = None
    accession_number: str | None = None
    scan_sha256: str | None = None
    input_sha256: str | None = None
    content_sha256: str | None = None
    stage: str | None = None
    models: tuple[tuple[str, str], ...] = ()
    """Name and sha256 of each network."""


def read_packet(packet: bytes) -> XmpFacts:
    """Return what a packet states.

    Raises
    ------
    CorruptScan
        The packet is not well-formed XMP, or declares a document type (for which only attacks have a use).
    """
    if b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        raise _unreadable("it declares a document type")
    try:
        root = ET.fromstring(packet.decode("utf-8").strip("\0\ufeff \n"))  # noqa: S314 - no document type, see above
    except (ET.ParseError, UnicodeDecodeError) as error:
        raise _unreadable(str(error)) from error
    found = list(root.iter(f"{{{RDF}}}Description"))

    def text(namespace: str, term: str) -> str | None:
        return _text(found, f"{{{namespace}}}{term}")

    source = next((e for d in found if (e := d.find(f"{{{MM}}}DerivedFrom")) is not None), None)
    return XmpFacts(
        title=text(DC, "title"),
        description=text(DC, "description"),
        digital_source_type=text(IPTC, "DigitalSourceType"),
        document_id=text(MM, "DocumentID"),
        instance_id=text(MM, "InstanceID"),
        derived_from=None if source is None else _field(source, REFERENCE, "instanceID"),
        notice=text(NAMESPACE, "Notice"),
        accession_number=text(NAMESPACE, "AccessionNumber"),
        scan_sha256=text(NAMESPACE, "ScanSHA256"),
        input_sha256=text(NAMESPACE, "InputSHA256"),
        content_sha256=text(NAMESPACE, "ContentSHA256"),
        stage=text(NAMESPACE, "Stage"),
        models=tuple(
            (_field(model, NAMESPACE, "Name") or "", _field(model, NAMESPACE, "SHA256") or "")
            for description in found
            for model in description.findall(f"{{{NAMESPACE}}}Models/{{{RDF}}}Bag/{{{RDF}}}li")
        ),
    )


def _text(descriptions: Iterable[ET.Element], tag: str) -> str | None:
    for description in descriptions:
        if tag in description.attrib:
            return description.attrib[tag]
        element = description.find(tag)
        if element is not None:
            item = element.find(f".//{{{RDF}}}li")
            return (element if item is None else item).text
    return None


def _field(structure: ET.Element, namespace: str, term: str) -> str | None:
    inner = structure.find(f"{{{RDF}}}Description")
    return _text([structure] if inner is None else [inner, structure], f"{{{namespace}}}{term}")


def _unreadable(why: str) -> CorruptScan:
    return CorruptScan("XMP packet", f"cannot be read: {why}", "Tag the file again from its untagged master.")
