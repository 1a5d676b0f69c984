"""Judges of Presentation 3.0 documents: the models made of the official schema, and the text's own rules.

``iiif_prezi3.skeleton`` is generated from the schema of IIIF's presentation validator (``iiif_3_0.json``) and
is strict about types and patterns, but ignores properties it does not know; `assert_presentation` adds that
and the cardinalities that the specification demands in words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import iiif_prezi3
from jsonschema import Draft202012Validator

CONTEXT = "http://iiif.io/api/presentation/3/context.json"
# Presentation 3.0 allows requiredStatement on every resource; the generated model of a body lacks it.
KNOWN_GAPS = {("Image", "requiredStatement")}


def assert_presentation(document: bytes) -> dict[str, Any]:
    """Assert that `document` is a valid Manifest or Collection and return it parsed."""
    parsed = json.loads(document)
    model = {"Manifest": iiif_prezi3.Manifest, "Collection": iiif_prezi3.Collection}[parsed["type"]]
    validated = json.loads(model.model_validate_json(document).json())
    schema = model.model_json_schema(by_alias=True)
    errors = [error.message for error in Draft202012Validator(schema).iter_errors(parsed)]
    assert not errors, errors
    _assert_nothing_unknown(parsed, validated)
    assert parsed["@context"] == CONTEXT
    assert parsed["label"]
    ids = [node["id"] for node in _containers(parsed)]
    assert len(ids) == len(set(ids)), "two resources share an id"
    assert all("#" not in node["id"] for node in _containers(parsed, {"Manifest", "Canvas", "Collection"}))
    for node in _containers(parsed, {"Canvas"}):
        assert node["width"] > 0
        assert node["height"] > 0
    return dict(parsed)


def _assert_nothing_unknown(given: Any, understood: Any, path: str = "") -> None:
    if isinstance(given, dict):
        for key, value in given.items():
            if (given.get("type"), key) not in KNOWN_GAPS:
                assert key in understood, f"{path}.{key} is no property of IIIF Presentation 3.0"
                _assert_nothing_unknown(value, understood[key], f"{path}.{key}")
    elif isinstance(given, list):
        for n, (one, other) in enumerate(zip(given, understood, strict=True)):
            _assert_nothing_unknown(one, other, f"{path}[{n}]")


def _containers(node: Any, types: set[str] | None = None) -> Iterator[dict[str, Any]]:
    wanted = types or {"Manifest", "Canvas", "Collection", "AnnotationPage", "Annotation"}
    if isinstance(node, dict):
        if node.get("type") in wanted and node.get("id"):
            yield node
        for key, value in node.items():
            if key not in {"partOf", "first", "last", "next", "prev"}:
                yield from _containers(value, types)
    elif isinstance(node, list):
        for value in node:
            yield from _containers(value, types)
