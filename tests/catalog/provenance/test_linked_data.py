"""PREMIS and PROV in JSON-LD: one graph, no dangling reference, the standards' terms."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from catalog.provenance import premis, prov
from catalog.provenance.premis import file_iri
from catalog.provenance.vocabulary import EVENT_TYPES, NAMESPACE, OUTCOMES
from catalog.schema import EventOutcome, EventType
from imaging.stage import Role
from tests.catalog.provenance.conftest import HINT, MODEL, Photograph

PREMIS_TERMS = {
    *("IntellectualEntity", "File", "Event", "Agent", "SoftwareAgent", "HardwareAgent", "Fixity"),
    *("Identifier", "OutcomeStatus", "identifier", "originalName", "size", "fixity", "relationship"),
    *("outcome", "outcomeNote", "version"),
}
"""The terms of https://id.loc.gov/ontologies/premis-3-0-0 that may be used."""
PROV_TERMS = {
    *("Entity", "Activity", "Agent", "SoftwareAgent", "wasGeneratedBy", "wasDerivedFrom", "generated"),
    *("wasAttributedTo", "startedAtTime", "endedAtTime", "used", "wasAssociatedWith", "specializationOf"),
}
"""The terms of https://www.w3.org/TR/prov-o/ that may be used."""


@pytest.fixture(scope="module")
def graph(photograph: Photograph) -> dict[str, dict[str, Any]]:
    document = json.loads(prov.document(photograph.record))
    return {node["@id"]: node for node in document["@graph"]}


def test_every_node_stands_once(photograph: Photograph, graph: dict[str, Any]) -> None:
    assert len(json.loads(prov.document(photograph.record))["@graph"]) == len(graph)


def test_every_link_leads_somewhere(graph: dict[str, Any]) -> None:
    ours = ("urn:uuid:", "ni:", NAMESPACE)
    internal = {iri for iri in _references(list(graph.values())) if iri.startswith(ours)}
    assert internal <= set(graph)


def test_only_terms_of_the_standards_are_used(graph: dict[str, Any]) -> None:
    used = set(_terms(list(graph.values())))
    assert {t.removeprefix("premis:") for t in used if t.startswith("premis:")} <= PREMIS_TERMS
    assert {t.removeprefix("prov:") for t in used if t.startswith("prov:")} <= PROV_TERMS
    prefixes = {t.split(":")[0] for t in used if not t.startswith("http")}
    assert prefixes <= {*prov.CONTEXT, "@id", "@type"}


def test_a_derivative_tells_its_whole_origin(photograph: Photograph, graph: dict[str, Any]) -> None:
    colorized = graph[file_iri(photograph.result(1).file(Role.COLORIZED).sha256)]
    restored = photograph.result(0).file(Role.RESTORED).sha256
    assert {"premis:File", "prov:Entity"} <= set(colorized["@type"])
    assert colorized["premis:fixity"]["rdf:value"] == photograph.result(1).file(Role.COLORIZED).sha256
    assert colorized["prov:wasDerivedFrom"] == [{"@id": file_iri(restored)}]
    event = graph[colorized["prov:wasGeneratedBy"]["@id"]]
    assert {"premis:Event", "prov:Activity", EVENT_TYPES[EventType.CREATION]} <= set(event["@type"])
    assert event["premis:outcome"]["@id"] == OUTCOMES[EventOutcome.SUCCESS]
    assert event["prov:startedAtTime"] == "2026-11-20T09:33:00Z"
    assert event["heliochrome:hint"][0]["dcterms:source"] == HINT.source
    assert event["heliochrome:hint"][0]["heliochrome:color"] == "#2050c0"
    assert event["heliochrome:parameter"] == [{"heliochrome:name": "vividness", "rdf:value": 1.0}]
    assert {"@id": file_iri(MODEL.sha256)} in event["prov:used"]
    weights = graph[file_iri(MODEL.sha256)]
    assert (weights["rdfs:label"], weights["premis:version"]) == (MODEL.name, MODEL.version)


def test_the_scan_belongs_to_the_photograph(photograph: Photograph, graph: dict[str, Any]) -> None:
    scan = graph[file_iri(photograph.record.scan.sha256)]
    photographed = graph[scan["premis:relationship"]["@id"]]
    assert photographed["premis:identifier"]["rdf:value"] == "1912.44/7 <A&B>"
    assert "prov:wasGeneratedBy" not in scan


def test_figures_that_json_cannot_hold_are_written_as_text(photograph: Photograph) -> None:
    step = replace(photograph.record.steps[0], figures={"noise": math.nan, "gain": math.inf, "profile": None})
    told = prov.document(replace(photograph.record, steps=(step,)))
    assert {"nan", "inf", "none"} <= set(told.replace('"', " ").split())


def test_each_vocabulary_stands_alone(photograph: Photograph) -> None:
    for nodes in (premis.nodes(photograph.record), prov.nodes(photograph.record)):
        assert len({node["@id"] for node in nodes}) == len(nodes)
        assert all(node["@type"] for node in nodes)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        if "@id" in value:
            yield value["@id"]
        for item in value.values():
            yield from _references(item)


def _terms(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _terms(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            if key == "@type":
                yield from [item] if isinstance(item, str) else item
            else:
                yield from _terms(item)
