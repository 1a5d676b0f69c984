"""The manifest kept of an object, and when keeping another one is news."""

from __future__ import annotations

import json

from sqlalchemy import Connection

from catalog import activities, manifests, objects
from catalog.objects import ObjectRecord
from catalog.schema import ActivityType

CREATE, UPDATE = ActivityType.CREATE, ActivityType.UPDATE


def told(connection: Connection) -> list[ActivityType]:
    return [entry.type for entry in activities.entries(connection)]


def kept(connection: Connection, object_id: int, words: str) -> bool:
    return manifests.put(connection, object_id, json.dumps({"label": words}))


def test_same_manifest_is_kept_once(connection: Connection):
    object_id = objects.ensure(connection, ObjectRecord(accession_number="1")).id
    assert kept(connection, object_id, "one")
    first = manifests.find(connection, object_id)
    assert not kept(connection, object_id, "one")
    assert manifests.find(connection, object_id) == first
    assert kept(connection, object_id, "two")
    assert manifests.find(connection, object_id).document == '{"label": "two"}'
    assert manifests.find(connection, object_id).sha256 != first.sha256
    assert manifests.find(connection, object_id + 1) is None


def test_harvesters_hear_of_a_change_once(connection: Connection):
    object_id = objects.ensure(connection, ObjectRecord(accession_number="1")).id
    kept(connection, object_id, "for the staff")
    activities.publish(connection, object_id)
    kept(connection, object_id, "for the public")
    assert told(connection) == [CREATE]
    activities.changed(connection, [object_id])
    kept(connection, object_id, "for the public, with another title")
    assert told(connection) == [CREATE, UPDATE]
    for institution in ("Harbor Museum", "Port Museum"):
        kept(connection, object_id, f"of the {institution}")
    assert told(connection) == [CREATE, UPDATE, UPDATE, UPDATE]
