from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, select

from catalog import activities, collections, objects
from catalog.database import in_transaction
from catalog.interchange.spreadsheet import COLUMNS, ImportReport, RowError, export_objects, import_objects
from catalog.objects import ObjectRecord
from catalog.schema import objects as table
from imaging.errors import CatalogError

GOOD = '''\
accession_number,title,date,rights,collections,maker
1984.1,"Castle, with ""towers""",ca. 1890,https://rightsstatements.org/page/NKC/1.0/,plates|bohemia,J. Šechtl
1984.2,"Two
lines",1912-05-03,,plates,
'''


def load(connection: Connection, text: str, **options) -> ImportReport:
    return import_objects(connection, io.StringIO(text), **options)


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_rows_become_objects_in_their_collections(connection: Connection):
    report = load(connection, GOOD)
    assert report == ImportReport(2, 2, 0, 0, 0, (), True)
    castle = objects.get(connection, "1984.1")
    assert castle.title == 'Castle, with "towers"'
    assert (castle.date_text, castle.date_from, castle.date_to) == (
        "ca. 1890",
        date(1885, 1, 1),
        date(1895, 12, 31),
    )
    assert castle.rights == "http://rightsstatements.org/vocab/NKC/1.0/"
    assert objects.get(connection, "1984.2").title == "Two\nlines"
    assert [c.slug for c in collections.of_object(connection, castle.id)] == ["bohemia", "plates"]
    assert collections.size(connection, "plates") == 2


def test_repeated_import_changes_nothing(engine: Engine):
    in_transaction(engine, lambda c: load(c, GOOD))
    with engine.connect() as connection:
        before = objects.listed(connection)
    report = in_transaction(engine, lambda c: load(c, GOOD))
    assert (report.inserted, report.updated, report.unchanged) == (0, 0, 2)
    with engine.connect() as connection:
        assert objects.listed(connection) == before


def test_missing_column_leaves_alone_what_an_empty_cell_empties(connection: Connection):
    load(connection, GOOD)
    load(connection, "accession_number,maker\n1984.1,\n")
    castle = objects.get(connection, "1984.1")
    assert (castle.maker, castle.date_text) == ("", "ca. 1890")


def test_every_fault_is_reported_with_line_and_column_and_nothing_is_written(connection: Connection):
    text = (
        "accession_number;title;date_from;date_to;rights;collections\n"
        "1;ok;;;;\n"
        ";no number;;;;\n"
        "2;bad date;spring;1912;;\n"
        "3;two faults;1913;1912;mine;Big Plates\n"
        "1;again;;;;\n"
        '4;"over\ntwo lines";;;;\n'
        "5;short\n"
        "6;control \x07;;;;\n"
    )
    report = load(connection, text)
    assert (report.rows, report.faulty, report.inserted, report.written) == (8, 6, 2, False)
    assert [(error.line, error.column) for error in report.errors] == [
        (3, "accession_number"),
        (4, "date_from"),
        (5, "date_from"),
        (5, "rights"),
        (5, "collections"),
        (6, "accession_number"),
        (9, ""),
        (10, "title"),
    ]
    assert report.errors[5] == RowError(6, "accession_number", "is that of line 2")
    assert report.errors[6].fault == "has 2 cells instead of 6"
    assert count(connection) == 0


@pytest.mark.parametrize(
    ("column", "day", "fault"),
    [
        ("date_from", "1950", "1950-01-01 is after the catalog's date_to, 1912-12-31. Give both dates."),
        ("date_to", "1880", "1880-12-31 is before the catalog's date_from, 1912-01-01. Give both dates."),
    ],
)
def test_day_that_contradicts_what_the_catalog_knows_is_a_faulty_row(
    connection: Connection, column: str, day: str, fault: str
):
    load(connection, "accession_number,date\n1,1912\n2,1912\n")
    rows = f"accession_number,{column},rights\n1,{day},\n2,1912,\n3,,mine\n"
    report = load(connection, rows)
    assert (report.faulty, report.written) == (2, False)
    assert report.errors[0] == RowError(2, column, fault)
    assert [error.line for error in report.errors] == [2, 4]
    skipping = load(connection, rows, skip_bad_rows=True)
    assert (skipping.unchanged, skipping.faulty, skipping.written) == (1, 2, True)
    assert objects.get(connection, "1").date_from == date(1912, 1, 1)


def test_good_rows_are_written_when_bad_ones_are_to_be_skipped(connection: Connection):
    report = load(connection, "accession_number,rights\n1,\n2,mine\n", skip_bad_rows=True)
    assert (report.inserted, report.faulty, report.written) == (1, 1, True)
    assert [found.accession_number for found in objects.listed(connection)] == ["1"]


def test_dry_run_tells_what_would_happen_and_leaves_nothing(connection: Connection):
    objects.upsert(connection, [ObjectRecord(accession_number="1984.2", title="Old")])
    activities.publish(connection, objects.get(connection, "1984.2").id)
    report = load(connection, GOOD, dry_run=True)
    assert (report.inserted, report.updated, report.written) == (1, 1, False)
    assert count(connection) == 1
    assert objects.get(connection, "1984.2").title == "Old"
    assert collections.find(connection, "plates") is None
    assert len(activities.entries(connection)) == 1


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("", "'accession_number' is missing"),
        ("title,maker", "'accession_number' is missing"),
        ("accession_number,colour", "'colour' is unknown"),
        ("accession_number,title,title", "'title' is there twice"),
    ],
)
def test_header_that_names_no_columns_is_refused(connection: Connection, header: str, fault: str):
    with pytest.raises(CatalogError, match=fault):
        load(connection, f"{header}\n1,2,3\n")


def test_files_as_spreadsheets_write_them(connection: Connection, tmp_path: Path):
    path = tmp_path / "objects.csv"
    path.write_bytes("\ufeffAccession_Number\tTitle\r\n1\tŽďár\r\n\r\n2\tx\r\n".encode())
    assert import_objects(connection, path).inserted == 2
    assert objects.get(connection, "1").title == "Žďár"


def test_other_encodings_are_refused_row_by_row(connection: Connection, tmp_path: Path):
    path = tmp_path / "objects.csv"
    path.write_bytes("accession_number,title\n1,fine\n2,Žďár\n".encode("iso-8859-2"))
    report = import_objects(connection, path)
    assert [(error.line, error.column) for error in report.errors] == [(3, "title")]


def test_broken_quoting_is_an_error_not_a_crash(connection: Connection):
    report = load(connection, 'accession_number,title\n1,"open\n2,x\n')
    assert (report.errors[0].line, report.faulty, report.written) == (2, 1, False)


def test_export_reads_back_as_no_change(connection: Connection):
    load(connection, GOOD)
    target = io.StringIO()
    assert export_objects(connection, target) == 2
    assert target.getvalue().splitlines()[0] == ",".join(COLUMNS)
    report = load(connection, target.getvalue())
    assert (report.unchanged, report.faulty) == (2, 0)
    part = io.StringIO()
    assert export_objects(connection, part, "bohemia") == 1


def test_two_imports_in_one_transaction(connection: Connection):
    load(connection, GOOD, dry_run=True)
    assert load(connection, GOOD).inserted == 2
    assert load(connection, GOOD).unchanged == 2
