"""The provenance document of a manifest: the provenance records of all scans that it shows, merged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catalog.derivatives import Derivative
from imaging.errors import StoreError


def provenance_document(root: Path, files: Sequence[Derivative]) -> bytes:
    """Return the provenance records `files`, which lie below the store's `root`, as one document.

    Raises
    ------
    StoreError
        One of them cannot be read.
    """
    return merged([_read(root / file.path) for file in files])


def merged(documents: Sequence[bytes]) -> bytes:
    """Return provenance records, JSON-LD as `catalog.provenance.prov` writes it, as one.

    A node that several records describe states all that they state (JSON-LD 1.1 API §4.6, flattening). A
    single record is returned byte for byte.
    """
    if len(documents) == 1:
        return documents[0]
    context: dict[str, Any] = {}
    graph: dict[str, dict[str, Any]] = {}
    for document in map(json.loads, documents):
        context |= document["@context"]
        for node in document["@graph"]:
            known = graph.setdefault(node["@id"], {})
            for term, value in node.items():
                known[term] = _both(known[term], value) if term in known else value
    body = {"@context": context, "@graph": list(graph.values())}
    return (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreError(path, f"cannot be read ({error.strerror})", "Check its fixity.") from error


def _both(known: Any, further: Any) -> Any:
    if known == further:
        return known
    values = _listed(known)
    return [*values, *(value for value in _listed(further) if value not in values)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
