"""Objects and their digital images as Linked Art, JSON-LD, and back: https://linked.art/model/.

Written is what the public may see: the description of any object, the images of published ones. Read back are
the fields of `ObjectRecord`; what else a document says is left alone, and so are the fields that it says
nothing of. Terms are Getty AAT's, as https://linked.art/model/vocab/ asks for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, replace
from datetime import date
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, select

from catalog import collections, objects, rights
from catalog.dates import DateReading, first_day, last_day, read_date
from catalog.iiif.addresses import Addresses
from catalog.iiif.documents import PRESENTATION
from catalog.iiif.presentation import Audience, ShownFile, shown_object
from catalog.interchange.object_rows import RowError, RowRemark
from catalog.interchange.spreadsheet import ImportReport
from catalog.objects import DESCRIPTIVE, CatalogObject, ObjectRecord, Upserted, examined
from catalog.schema import memberships
from catalog.schema import objects as rows
from catalog.vocabulary import COLOR_NOTICE
from imaging.errors import CatalogError
from imaging.stage import INFERRED

CONTEXT = "https://linked.art/ns/v1/linked-art.json"
_AAT = "http://vocab.getty.edu/aat/"
_ACCESSION_NUMBER = "300312355"
_PRIMARY_NAME = "300404670"
_DISPLAY_NAME = "300404669"
_PHOTOGRAPH = "300046300"
_TYPE_OF_WORK = "300435443"
_STATEMENT = "300418049"
_DESCRIPTION = "300435416"
_PRODUCTION = "300435436"
_PROVENANCE = "300435438"
_NOTE = "300027200"
_DIGITAL_IMAGE = "300215302"
_COLLECTION = "300025976"
_HEIGHT, _WIDTH = "300055644", "300055647"
_PIXELS = "300266190"
_IMAGE = "http://iiif.io/api/image/3/context.json"

Node = dict[str, Any]


def export_object(connection: Connection, accession_number: str, addresses: Addresses) -> Node:
    """Return the Linked Art document of an object; raise `CatalogError` when there is none."""
    found = objects.get(connection, accession_number)
    shown = shown_object(connection, accession_number, Audience.PUBLIC)
    document = _described(found, addresses)
    document["member_of"] = [
        {
            "id": addresses.collection(collection.slug),
            "type": "Set",
            "_label": collection.title,
            "classified_as": [_term(_COLLECTION, "Collection")],
        }
        for collection in collections.of_object(connection, found.id)
    ]
    if shown is not None:
        files = [file for scan in shown.scans for file in scan.files]
        document["representation"] = [
            {"type": "VisualItem", "digitally_shown_by": [_digital_image(file, addresses)]} for file in files
        ]
        document["subject_of"] = [_manifest(found, addresses)]
    return {name: value for name, value in document.items() if value}


def export_objects(
    connection: Connection, target: TextIO, addresses: Addresses, collection: str | None = None
) -> int:
    """Write all objects, or those right inside a collection, as a JSON list of documents; return how many.

    `import_objects` reads it.
    """
    query = select(rows.c.accession_number).order_by(rows.c.accession_number)
    if collection is not None:
        number = collections.get(connection, collection).id
        query = query.join(memberships).where(memberships.c.collection_id == number)
    numbers = connection.execute(query).scalars().all()
    target.write("[")
    for place, accession_number in enumerate(numbers):
        document = export_object(connection, accession_number, addresses)
        target.write((",\n" if place else "\n") + json.dumps(document, ensure_ascii=False))
    target.write("\n]\n")
    return len(numbers)


def import_objects(
    connection: Connection, source: Path, *, dry_run: bool = False, skip_bad_documents: bool = False
) -> ImportReport:
    """Bring the objects of a JSON file, one document or a list of them, into the catalog.

    In the report, lines are the places of documents in the list. One transaction, like a CSV import.

    Raises
    ------
    CatalogError
        The file is not JSON.
    """
    records: dict[str, ObjectRecord] = {}
    errors: list[RowError] = []
    remarks: list[RowRemark] = []
    total = faulty = 0
    for total, document in enumerate(_documents(source), start=1):
        try:
            record, faults = examined(read_object(document))
            found = [RowError(total, fault.field, f"{fault.fault}. {fault.remedy}") for fault in faults]
        except CatalogError as error:
            found = [RowError(total, "", f"{error.fault}. {error.remedy}")]
        if not found and record.accession_number in records:
            found = [RowError(total, "accession_number", "is that of an earlier document")]
        if found:
            faulty += 1
            errors += found
        else:
            reading = _dated(record)
            records[record.accession_number] = replace(record, date_from=reading.first, date_to=reading.last)
            if reading.remark:
                remarks.append(RowRemark(total, "date_text", reading.remark))
    with connection.begin_nested() as attempt:
        upserted = _upsert(connection, records.values())
        written = not dry_run and (skip_bad_documents or not faulty)
        if not written:
            attempt.rollback()
    return ImportReport(
        *(total, upserted.inserted, upserted.updated, upserted.unchanged, faulty),
        tuple(errors),
        written,
        tuple(remarks),
    )


def _dated(record: ObjectRecord) -> DateReading:
    if record.date_from or record.date_to:
        return DateReading(record.date_from, record.date_to)
    return read_date(record.date_text)


def _upsert(connection: Connection, records: Iterable[ObjectRecord]) -> Upserted:
    """Bring in what the records say; what one is silent about stays as it is."""
    alike: dict[tuple[str, ...], list[ObjectRecord]] = {}
    for record in records:
        said = tuple(name for name in DESCRIPTIVE if getattr(record, name))
        alike.setdefault(said, []).append(record)
    counts = [astuple(objects.upsert(connection, group, said)) for said, group in sorted(alike.items())]
    return Upserted(*(sum(column) for column in zip(*counts, strict=True))) if counts else Upserted(0, 0, 0)


def read_object(document: Mapping[str, Any]) -> ObjectRecord:
    """Return what a Linked Art document says about its object; raise `CatalogError` when it is none."""
    if not isinstance(document, dict) or document.get("type") != "HumanMadeObject":
        raise CatalogError("document", "is no HumanMadeObject", "Export objects as Linked Art, one each.")
    named = [node for node in _nodes(document, "identified_by")]
    numbers = [node for node in named if _is_a(node, _ACCESSION_NUMBER)]
    if not numbers:
        raise CatalogError(
            str(document.get("id", "document")),
            "has no accession number",
            f"Identify the object by an Identifier classified as {_AAT}{_ACCESSION_NUMBER}.",
        )
    names = [node for node in named if node.get("type") == "Name"]
    primary = [node for node in names if _is_a(node, _PRIMARY_NAME)]
    production = next(_nodes(document, "produced_by"), {})
    span = next(_nodes(production, "timespan"), {})
    return ObjectRecord(
        accession_number=_content(numbers),
        title=_content(primary or names),
        description=_statement(document, _DESCRIPTION),
        maker=_statement(production, _PRODUCTION) or _labels(production, "carried_out_by"),
        date_text=_content(list(_nodes(span, "identified_by"))),
        date_from=_day(span, "begin_of_the_begin", first_day),
        date_to=_day(span, "end_of_the_end", last_day),
        rights=_rights(document),
        source=_statement(document, _PROVENANCE),
    )


def _described(found: CatalogObject, addresses: Addresses) -> Node:
    identity = f"{addresses.homepage(found.accession_number)}#object"
    statements = ((found.description, _DESCRIPTION, "Description"), (found.source, _PROVENANCE, "Provenance"))
    return {
        "@context": CONTEXT,
        "id": identity,
        "type": "HumanMadeObject",
        "_label": found.title or found.accession_number,
        "classified_as": [
            {**_term(_PHOTOGRAPH, "Photograph"), "classified_as": [_term(_TYPE_OF_WORK, "Type of Work")]}
        ],
        "identified_by": [
            _identifier(found.accession_number),
            *([_name(found.title, _PRIMARY_NAME, "Primary Name")] if found.title else []),
        ],
        "referred_to_by": [_said(text, term, label) for text, term, label in statements if text],
        "produced_by": _production(found),
        "shows": [_work(found, identity)] if found.rights else [],
    }


def _production(found: CatalogObject) -> Node:
    span: Node = {"type": "TimeSpan"}
    if found.date_text:
        span["identified_by"] = [_name(found.date_text, _DISPLAY_NAME, "Display Name")]
    if found.date_from:
        span["begin_of_the_begin"] = f"{found.date_from.isoformat()}T00:00:00Z"
    if found.date_to:
        span["end_of_the_end"] = f"{found.date_to.isoformat()}T23:59:59Z"
    production: Node = {"type": "Production"}
    if found.maker:
        production["referred_to_by"] = [_said(found.maker, _PRODUCTION, "Production Statement")]
    if len(span) > 1:
        production["timespan"] = span
    return production if len(production) > 1 else {}


def _work(found: CatalogObject, identity: str) -> Node:
    # Rights to the picture belong to the work that the object shows, not to the paper it is on.
    return {
        "id": identity.replace("#object", "#work"),
        "type": "VisualItem",
        "_label": f"What is shown by {found.accession_number}",
        "subject_to": [
            {
                "type": "Right",
                "identified_by": [{"type": "Name", "content": rights.label(found.rights)}],
                "classified_as": [{"id": found.rights, "type": "Type", "_label": rights.label(found.rights)}],
            }
        ],
    }


def _digital_image(file: ShownFile, addresses: Addresses) -> Node:
    picture: Node = {
        "type": "DigitalObject",
        "_label": file.label or file.role.value,
        "classified_as": [_term(_DIGITAL_IMAGE, "Digital Image")],
        "identified_by": [{"type": "Identifier", "_label": "sha256", "content": f"sha256:{file.sha256}"}],
        "format": "image/jpeg",
        "access_point": [{"id": addresses.picture(file.image), "type": "DigitalObject"}],
        "dimension": [_pixels(file.height, _HEIGHT, "Height"), _pixels(file.width, _WIDTH, "Width")],
        "digitally_available_via": [
            {
                "type": "DigitalService",
                "access_point": [{"id": addresses.image(file.image), "type": "DigitalObject"}],
                "conforms_to": [{"id": "http://iiif.io/api/image", "type": "InformationObject"}],
                "format": f"application/ld+json;profile='{_IMAGE}'",
            }
        ],
    }
    if file.role in INFERRED:
        picture["referred_to_by"] = [_said(COLOR_NOTICE, _NOTE, "Note")]
    return picture


def _manifest(found: CatalogObject, addresses: Addresses) -> Node:
    return {
        "type": "LinguisticObject",
        "digitally_carried_by": [
            {
                "type": "DigitalObject",
                "access_point": [{"id": addresses.manifest(found.accession_number), "type": "DigitalObject"}],
                "conforms_to": [{"id": "http://iiif.io/api/presentation/", "type": "InformationObject"}],
                "format": f"application/ld+json;profile='{PRESENTATION}'",
            }
        ],
    }


def _term(number: str, label: str) -> Node:
    return {"id": f"{_AAT}{number}", "type": "Type", "_label": label}


def _identifier(content: str) -> Node:
    kind = [_term(_ACCESSION_NUMBER, "Accession Number")]
    return {"type": "Identifier", "classified_as": kind, "content": content}


def _name(content: str, number: str, label: str) -> Node:
    return {"type": "Name", "classified_as": [_term(number, label)], "content": content}


def _said(content: str, number: str, label: str) -> Node:
    kind = {**_term(number, label), "classified_as": [_term(_STATEMENT, "Statement")]}
    return {"type": "LinguisticObject", "classified_as": [kind], "content": content}


def _pixels(value: int, number: str, label: str) -> Node:
    unit = {"id": f"{_AAT}{_PIXELS}", "type": "MeasurementUnit", "_label": "pixels"}
    return {"type": "Dimension", "classified_as": [_term(number, label)], "value": value, "unit": unit}


def _nodes(node: Mapping[str, Any], name: str) -> Iterator[Node]:
    value = node.get(name, [])
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item


def _is_a(node: Mapping[str, Any], number: str) -> bool:
    kinds = node.get("classified_as") or []
    kinds = kinds if isinstance(kinds, list) else [kinds]
    terms = (kind.get("id", "") if isinstance(kind, dict) else kind for kind in kinds)
    return any(str(term).endswith((f"/{number}", f":{number}")) for term in terms)


def _content(nodes: Iterable[Mapping[str, Any]]) -> str:
    return next((str(node["content"]) for node in nodes if node.get("content")), "")


def _statement(node: Mapping[str, Any], number: str) -> str:
    return _content(said for said in _nodes(node, "referred_to_by") if _is_a(said, number))


def _labels(node: Mapping[str, Any], name: str) -> str:
    return "; ".join(str(item["_label"]) for item in _nodes(node, name) if item.get("_label"))


def _rights(document: Mapping[str, Any]) -> str:
    for holder in (*_nodes(document, "shows"), document):
        for right in _nodes(holder, "subject_to"):
            for kind in _nodes(right, "classified_as"):
                return str(kind.get("id", ""))
    return ""


def _day(span: Mapping[str, Any], name: str, meant: Callable[[str], date]) -> date | None:
    try:
        return meant(str(span.get(name)).partition("T")[0])
    except ValueError:
        return None


def _documents(source: Path) -> list[Any]:
    try:
        loaded = json.loads(source.read_bytes())
    except ValueError as error:
        raise CatalogError(str(source), f"is not JSON ({error})", "Export it as Linked Art again.") from error
    return loaded if isinstance(loaded, list) else [loaded]
