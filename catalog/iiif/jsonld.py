"""How what iiif-prezi3 builds is written down."""

from __future__ import annotations

import iiif_prezi3 as prezi

from catalog.iiif.documents import PRESENTATION, serialize


def to_json(resource: prezi.Manifest | prezi.Collection) -> bytes:
    """Return a resource as a document of its own: compact UTF-8 JSON with its context.

    Properties of subclasses are written too, which iiif-prezi3's own ``json`` leaves out.
    """
    content = resource.model_dump(mode="json", exclude_none=True, by_alias=True, serialize_as_any=True)
    return serialize({"@context": PRESENTATION, **content})
