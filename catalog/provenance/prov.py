"""W3C PROV in JSON-LD: entities, activities and agents, and how they hang together.

Terms are those of PROV-O (https://www.w3.org/TR/prov-o/). The nodes have the same identifiers as those of
`catalog.provenance.premis`, so `document` can lay the two over each other in one graph.
"""

from __future__ import annotations

import json
from typing import Any

from catalog.provenance import premis
from catalog.provenance.premis import PREMIS, Node, event_iri, file_iri
from catalog.provenance.record import ProvenanceRecord, Step, document_id, timestamp
from catalog.provenance.vocabulary import NAMESPACE, PREFIX
from imaging.stage import Role

PROV = "http://www.w3.org/ns/prov#"
MEDIA_TYPE = "application/ld+json"

CONTEXT: dict[str, Any] = {
    "premis": PREMIS,
    "prov": PROV,
    "dcterms": "http://purl.org/dc/terms/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    PREFIX: NAMESPACE,
    "prov:startedAtTime": {"@type": "xsd:dateTime"},
    "prov:endedAtTime": {"@type": "xsd:dateTime"},
}


def nodes(record: ProvenanceRecord) -> list[Node]:
    """Return entities, activities and agents as JSON-LD nodes."""
    scan: Node = {
        "@id": file_iri(record.scan.sha256),
        "@type": ["prov:Entity"],
        "prov:specializationOf": {"@id": document_id(record, Role.ORIGINAL)},
    }
    made = [_entity(record, step, output.sha256) for step in record.steps for output in step.outputs]
    return [scan, *made, *(_activity(record, step) for step in record.steps), *_agents(record)]


def document(record: ProvenanceRecord) -> str:
    """Return the whole record, PREMIS and PROV in one graph, as a JSON-LD 1.1 document."""
    graph: dict[str, Node] = {}
    for node in (*premis.nodes(record), *nodes(record)):
        known = graph.setdefault(node["@id"], {"@id": node["@id"], "@type": []})
        types = [*known["@type"], *(t for t in node.get("@type", ()) if t not in known["@type"])]
        known.update({**node, "@type": types})
    body = {"@context": CONTEXT, "@graph": list(graph.values())}
    return json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _entity(record: ProvenanceRecord, step: Step, sha256: str) -> Node:
    return {
        "@id": file_iri(sha256),
        "@type": ["prov:Entity"],
        "prov:wasGeneratedBy": {"@id": event_iri(record, step)},
        # A step that found nothing to do wrote the bytes that it read: nothing derives from itself.
        "prov:wasDerivedFrom": [{"@id": file_iri(d)} for d in step.input_sha256 if d != sha256],
        "prov:wasAttributedTo": {"@id": premis.software_iri(step.software_version)},
    }


def _activity(record: ProvenanceRecord, step: Step) -> Node:
    program = {"@id": premis.software_iri(step.software_version)}
    models = [{"@id": premis.model_iri(model)} for model in step.models]
    return {
        "@id": event_iri(record, step),
        "@type": ["prov:Activity"],
        "prov:startedAtTime": timestamp(step.started),
        "prov:endedAtTime": timestamp(step.ended),
        "prov:used": [*({"@id": file_iri(digest)} for digest in step.input_sha256), *models],
        "prov:generated": [{"@id": file_iri(output.sha256)} for output in step.outputs],
        "prov:wasAssociatedWith": [
            program,
            {"@id": premis.operator_iri(step)},
            {"@id": premis.machine_iri(step)},
            *models,
        ],
    }


def _agents(record: ProvenanceRecord) -> list[Node]:
    agents: dict[str, Node] = {}
    for step in record.steps:
        program = premis.software_iri(step.software_version)
        agents[program] = {"@id": program, "@type": ["prov:SoftwareAgent"]}
        operator = premis.operator_iri(step)
        agents[operator] = {"@id": operator, "@type": ["prov:Agent"]}
        machine = premis.machine_iri(step)
        agents[machine] = {"@id": machine, "@type": ["prov:Agent"]}
        for model in step.models:
            iri = premis.model_iri(model)
            # Weights are used like a file and act like a program.
            agents[iri] = {"@id": iri, "@type": ["prov:SoftwareAgent", "prov:Entity"]}
    return list(agents.values())
