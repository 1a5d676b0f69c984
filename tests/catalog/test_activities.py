from __future__ import annotations

import threading

from sqlalchemy import Connection, Engine

from catalog import activities, objects
from catalog.database import in_transaction
from catalog.objects import ObjectRecord
from catalog.schema import ActivityType


def make(connection: Connection, number: str = "1") -> int:
    return objects.ensure(connection, ObjectRecord(accession_number=number)).id


def told(connection: Connection) -> list[ActivityType]:
    return [entry.type for entry in activities.entries(connection)]


def test_appearing_changing_and_vanishing_are_told(connection: Connection):
    number = make(connection)
    activities.changed(connection, [number])
    activities.withdraw(connection, number)
    assert told(connection) == []
    activities.publish(connection, number)
    activities.publish(connection, number)
    activities.withdraw(connection, number)
    assert told(connection) == [ActivityType.CREATE, ActivityType.UPDATE, ActivityType.DELETE]
    log = activities.entries(connection)
    assert [entry.ended_at for entry in log] == sorted(entry.ended_at for entry in log)
    assert activities.entries(connection, after=log[1].id) == log[2:]
    assert activities.extent(connection) == activities.Extent(3, log[-1].id, log[-1].ended_at)


def test_empty_log_has_no_extent(connection: Connection):
    assert activities.extent(connection) == activities.Extent(0, 0, None)


def test_harvester_that_reads_while_others_write_misses_nothing(engine: Engine):
    numbers = [in_transaction(engine, lambda c, n=n: make(c, str(n))) for n in range(8)]
    writers = [
        threading.Thread(target=lambda n=n: [in_transaction(engine, publish_of(n)) for _ in range(5)])
        for n in numbers
    ]
    for writer in writers:
        writer.start()
    harvested, last = [], 0
    while len(harvested) < 40:
        with engine.connect() as connection:
            page = activities.entries(connection, after=last, limit=7)
        harvested += page
        last = page[-1].id if page else last
    for writer in writers:
        writer.join()
    with engine.connect() as connection:
        assert tuple(harvested) == activities.entries(connection)


def publish_of(number: int):
    return lambda connection: activities.publish(connection, number)
