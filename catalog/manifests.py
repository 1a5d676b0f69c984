"""The IIIF manifest of each object as it was last written.

Natural key: the object. Writing the same text again changes nothing and tells no harvester.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from catalog import activities
from catalog.schema import manifests
from catalog.table_rows import columns, read


@dataclass(frozen=True)
class StoredManifest:
    """A manifest: its JSON text, digest and last change."""

    object_id: int
    sha256: str
    document: str
    updated_at: datetime


def put(connection: Connection, object_id: int, document: str) -> bool:
    """Keep an object's manifest; return whether it differs from the one kept before.

    Harvesters are told of a change that nothing else has told them of since: approval and edits of the
    description tell of themselves.
    """
    sha256 = hashlib.sha256(document.encode()).hexdigest()
    before = find(connection, object_id)
    if before is not None:
        if before.sha256 == sha256:
            return False
        if not activities.told_since(connection, object_id, before.updated_at):
            activities.changed(connection, [object_id])
    kept = {"sha256": sha256, "document": document, "updated_at": func.clock_timestamp()}
    new = insert(manifests).values(object_id=object_id, **kept)
    connection.execute(new.on_conflict_do_update(index_elements=["object_id"], set_=kept))
    return True


def find(connection: Connection, object_id: int) -> StoredManifest | None:
    """Return an object's manifest, or ``None``."""
    query = select(*columns(manifests, StoredManifest)).where(manifests.c.object_id == object_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else read(StoredManifest, row)
