"""What all IIIF documents share: how they are written down, and what their ``rights`` may hold.

Needs no library: the image service is not to load those that make manifests.
"""

from __future__ import annotations

import json
from typing import Any

from catalog.rights import canonical
from imaging.errors import CatalogError

PRESENTATION = "http://iiif.io/api/presentation/3/context.json"
"""The JSON-LD context of the Presentation API 3.0."""


def serialize(document: Any) -> bytes:
    """Return `document` as compact UTF-8 JSON, keys in their given order."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def rights_uri(rights: str | None) -> str | None:
    """Return `rights` as the URI that ``rights`` may hold (Presentation 3.0 §3.2); ``None`` when it is none.

    Examples
    --------
    >>> rights_uri("https://creativecommons.org/publicdomain/mark/1.0/")
    'http://creativecommons.org/publicdomain/mark/1.0/'
    >>> rights_uri("All rights reserved") is None
    True
    """
    try:
        return canonical(rights) if rights else None
    except CatalogError:
        return None
