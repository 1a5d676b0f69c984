from __future__ import annotations

import multiprocessing
from datetime import date

import pytest
from sqlalchemy import Connection, Engine, func, select

from catalog import activities, objects
from catalog.database import connect, in_transaction
from catalog.objects import CatalogObject, ObjectRecord, Upserted
from catalog.schema import ActivityType
from catalog.schema import objects as table
from imaging.errors import CatalogError

RECORD = ObjectRecord(
    accession_number="1984.12/3",
    title="Zámek v Žďáru",
    maker="J. Šechtl",
    date_text="ca. 1890",
    date_from=date(1885, 1, 1),
    date_to=date(1895, 12, 31),
    rights="https://rightsstatements.org/vocab/NoC-US/1.0/",
    source="Gift of the family",
)


def test_object_comes_back_as_it_was_given_with_its_rights_canonical(connection: Connection):
    assert objects.upsert(connection, [RECORD]) == Upserted(1, 0, 0)
    found = objects.get(connection, "1984.12/3")
    assert isinstance(found, CatalogObject)
    assert (found.title, found.date_from, found.published_at) == (RECORD.title, date(1885, 1, 1), None)
    assert found.rights == "http://rightsstatements.org/vocab/NoC-US/1.0/"
    assert found.updated_at.utcoffset().total_seconds() == 0


def test_repeated_upsert_changes_nothing(engine: Engine):
    def upsert(connection: Connection) -> Upserted:
        return objects.upsert(connection, [RECORD])

    in_transaction(engine, upsert)
    with engine.connect() as connection:
        before = objects.get(connection, RECORD.accession_number)
    assert in_transaction(engine, upsert) == Upserted(0, 0, 1)
    with engine.connect() as connection:
        assert objects.get(connection, RECORD.accession_number) == before


def test_upsert_overwrites_only_what_it_speaks_of(connection: Connection):
    objects.upsert(connection, [RECORD])
    news = ObjectRecord(accession_number=RECORD.accession_number, title="New")
    assert objects.upsert(connection, [news], speaking_of=["title"]) == Upserted(0, 1, 0)
    found = objects.get(connection, RECORD.accession_number)
    assert (found.title, found.maker) == ("New", RECORD.maker)


def test_ensure_leaves_an_object_that_is_there_alone(connection: Connection):
    objects.upsert(connection, [RECORD])
    bare = ObjectRecord(accession_number=RECORD.accession_number, title="from a file name")
    assert objects.ensure(connection, bare).title == RECORD.title
    assert objects.ensure(connection, ObjectRecord(accession_number="2", title="new")).title == "new"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"accession_number": " "}, "empty"),
        ({"accession_number": "1\n2"}, "unprintable"),
        ({"accession_number": "9" * 101}, "longer than 100"),
        ({"title": "nul \x00"}, "title holds a control character"),
        ({"date_from": date(1900, 1, 1)}, "date_from 1900-01-01 is after"),
        ({"rights": "all rights reserved"}, "not a rights statement"),
    ],
)
def test_unusable_records_are_refused_with_the_reason(connection: Connection, changes, fault):
    with pytest.raises(CatalogError, match=fault):
        objects.upsert(connection, [ObjectRecord(**{**vars(RECORD), **changes})])


def test_public_objects_that_change_are_told_to_harvesters(connection: Connection):
    others = [ObjectRecord(accession_number=str(n)) for n in range(3)]
    objects.upsert(connection, [RECORD, *others])
    activities.publish(connection, objects.get(connection, "1").id)
    objects.upsert(connection, [ObjectRecord(accession_number=str(n), title="new") for n in range(3)])
    objects.upsert(connection, [ObjectRecord(accession_number="1", title="new")])
    log = activities.entries(connection)
    assert [(entry.type, entry.accession_number) for entry in log] == [
        (ActivityType.CREATE, "1"),
        (ActivityType.UPDATE, "1"),
    ]


def test_objects_are_listed_by_accession_number_page_by_page(connection: Connection):
    objects.upsert(connection, [ObjectRecord(accession_number=f"{n:02}") for n in range(10)])
    first = objects.listed(connection, limit=4)
    second = objects.listed(connection, after=first[-1].accession_number, limit=4)
    assert [found.accession_number for found in first + second] == [f"{n:02}" for n in range(8)]
    assert objects.listed(connection, published=True) == ()


def write_overlapping(dsn: str, seed: int) -> None:
    engine = connect(dsn)
    for turn in range(15):
        numbers = [(7 * seed + 13 * turn + 17 * n) % 60 for n in range(50)]
        records = [ObjectRecord(accession_number=f"{n:03}", title=f"{seed}.{turn}") for n in numbers]
        in_transaction(engine, lambda connection, records=records: objects.upsert(connection, records))


def test_eight_processes_upserting_the_same_objects_make_no_duplicates_and_lose_nothing(engine: Engine):
    dsn = engine.url.render_as_string(hide_password=False)
    processes = multiprocessing.get_context("fork")
    writers = [processes.Process(target=write_overlapping, args=(dsn, seed)) for seed in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * 8
    with engine.connect() as connection:
        counts = select(func.count(), func.count(table.c.accession_number.distinct()))
        assert connection.execute(counts).one() == (60, 60)
