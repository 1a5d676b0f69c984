"""PREMIS 3 in JSON-LD: files with their fixity, what happened to them, and who did it.

Terms are those of the PREMIS 3 OWL ontology (https://id.loc.gov/ontologies/premis.html), which rests on W3C
PROV for times and for the links between events, agents and objects, and on the Library of Congress's
preservation vocabularies for types. The project's own terms carry what PREMIS leaves to implementers: stage
parameters, models and hints.
"""

from __future__ import annotations

import base64
import math
from typing import Any

from catalog.provenance.record import ProvenanceRecord, SourcedHint, Step, document_id, instance_id
from catalog.provenance.record import timestamp as written
from catalog.provenance.vocabulary import EVENT_TYPES, NAMESPACE, OUTCOMES, PREFIX, SHA256, SOFTWARE
from catalog.schema import EventType
from catalog.vocabulary import NOTICES, Stage
from imaging.stage import ModelReference, OutputFile, Role

Node = dict[str, Any]

PREMIS = "http://www.loc.gov/premis/rdf/v3/"


def nodes(record: ProvenanceRecord) -> list[Node]:
    """Return the photograph, its files, the events and the agents as JSON-LD nodes."""
    return [
        _photograph(record),
        _scan(record),
        *(_picture(record, output) for step in record.steps for output in step.outputs),
        *(_event(record, step) for step in record.steps),
        *_agents(record),
    ]


def file_iri(sha256: str) -> str:
    """Return the IRI of the file with this digest: its bytes name it, wherever it lies (RFC 6920).

    Examples
    --------
    >>> file_iri("53269057e12fe2b74ba07c892560a2d753877eb62ff44d5a19002530ed97ffe4")
    'ni:///sha-256;UyaQV-Ev4rdLoHyJJWCi11OHfrYv9E1aGQAlMO2X_-Q'
    """
    encoded = base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")
    return f"ni:///sha-256;{encoded}"


def event_iri(record: ProvenanceRecord, step: Step) -> str:
    """Return the IRI of a step: the same for the same work on the same input at the same time."""
    seed = "".join(
        (*step.input_sha256, step.stage, written(step.started), record.description.accession_number)
    )
    return instance_id(seed)


def software_iri(version: str) -> str:
    """Return the IRI of this software in a version."""
    return f"{NAMESPACE}software/{version}"


def model_iri(model: ModelReference) -> str:
    """Return the IRI of a network's weights."""
    return file_iri(model.sha256)


def operator_iri(step: Step) -> str:
    """Return the IRI of who or what started a step."""
    return instance_id(step.agent, "agent")


def machine_iri(step: Step) -> str:
    """Return the IRI of the class of machine a step ran on."""
    return instance_id(step.machine, "machine")


def _photograph(record: ProvenanceRecord) -> Node:
    about = record.description
    return _without_empty(
        {
            "@id": document_id(record, Role.ORIGINAL),
            "@type": ["premis:IntellectualEntity"],
            "premis:identifier": {
                "@type": "premis:Identifier",
                "rdfs:label": "accession number",
                "rdf:value": about.accession_number,
            },
            "dcterms:title": about.title,
            "dcterms:creator": about.maker,
            "dcterms:created": about.date_text,
            "dcterms:rights": {"@id": about.rights} if about.rights.startswith("http") else about.rights,
            "dcterms:source": about.source,
            "dcterms:bibliographicCitation": about.credit,
        }
    )


def _scan(record: ProvenanceRecord) -> Node:
    scan = record.scan
    described = OutputFile(
        Role.ORIGINAL, scan.name, scan.sha256, scan.bytes, scan.media_type, scan.width, scan.height, scan.bits
    )
    return _file(described) | {"premis:relationship": {"@id": document_id(record, Role.ORIGINAL)}}


def _picture(record: ProvenanceRecord, file: OutputFile) -> Node:
    node = _file(file)
    if file.role in NOTICES or file.role is Role.ACCESS_COPY:
        node[f"{PREFIX}:digitalSourceType"] = {"@id": str(record.source_type(file.sha256))}
    if notice := NOTICES.get(file.role):
        node[f"{PREFIX}:notice"] = notice
    return node


def _file(file: OutputFile) -> Node:
    return _without_empty(
        {
            "@id": file_iri(file.sha256),
            "@type": ["premis:File"],
            "premis:originalName": file.name,
            "premis:size": file.bytes,
            "premis:fixity": {"@type": ["premis:Fixity", SHA256], "rdf:value": file.sha256},
            "dcterms:format": file.media_type,
            f"{PREFIX}:role": str(file.role),
            f"{PREFIX}:width": file.width,
            f"{PREFIX}:height": file.height,
            f"{PREFIX}:bitsPerSample": file.bits,
        }
    )


def _event(record: ProvenanceRecord, step: Step) -> Node:
    happened = EventType.METADATA_MODIFICATION if step.stage == Stage.PROVENANCE else EventType.CREATION
    return _without_empty(
        {
            "@id": event_iri(record, step),
            "@type": ["premis:Event", EVENT_TYPES[happened]],
            "rdfs:label": f"{step.stage} {step.stage_version}",
            "premis:outcome": {"@id": OUTCOMES[step.outcome], "@type": "premis:OutcomeStatus"},
            "premis:outcomeNote": step.note,
            f"{PREFIX}:stage": step.stage,
            f"{PREFIX}:stageVersion": step.stage_version,
            f"{PREFIX}:parameter": [_pair(name, value) for name, value in sorted(step.parameters.items())],
            f"{PREFIX}:figure": [_pair(name, value) for name, value in sorted(step.figures.items())],
            f"{PREFIX}:hint": [_hint(hint) for hint in step.hints],
        }
    )


def _agents(record: ProvenanceRecord) -> list[Node]:
    agents: dict[str, Node] = {}
    for step in record.steps:
        software = {
            "@id": software_iri(step.software_version),
            "@type": ["premis:SoftwareAgent"],
            "rdfs:label": SOFTWARE,
            "premis:version": step.software_version,
        }
        operator = {"@id": operator_iri(step), "@type": ["premis:Agent"], "rdfs:label": step.agent}
        machine = {"@id": machine_iri(step), "@type": ["premis:HardwareAgent"], "rdfs:label": step.machine}
        models = [
            {
                "@id": model_iri(model),
                "@type": ["premis:SoftwareAgent"],
                "rdfs:label": model.name,
                "premis:version": model.version,
                f"{PREFIX}:sha256": model.sha256,
            }
            for model in step.models
        ]
        agents |= {str(node["@id"]): node for node in (software, operator, machine, *models)}
    return list(agents.values())


def _pair(name: str, value: object) -> Node:
    # JSON knows no infinity, and RDF no null.
    unwritable = value is None or (isinstance(value, float) and not math.isfinite(value))
    return {f"{PREFIX}:name": name, "rdf:value": str(value).lower() if unwritable else value}


def _hint(hint: SourcedHint) -> Node:
    return {
        f"{PREFIX}:x": hint.x,
        f"{PREFIX}:y": hint.y,
        f"{PREFIX}:radius": hint.radius,
        f"{PREFIX}:a": hint.a,
        f"{PREFIX}:b": hint.b,
        **({f"{PREFIX}:color": hint.color} if hint.color else {}),
        "dcterms:source": hint.source,
    }


def _without_empty(node: Node) -> Node:
    return {key: value for key, value in node.items() if value not in ("", None, [])}
