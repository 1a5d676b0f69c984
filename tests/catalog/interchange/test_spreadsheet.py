from __future__ import annotations

import io
import unicodedata
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, select

from catalog import activities, collections, objects
from catalog.database import in_transaction
from catalog.interchange.object_rows import COLUMNS, RowError
from catalog.interchange.spreadsheet import ImportReport, export_objects, import_objects
from catalog.objects import ObjectRecord
from catalog.schema import objects as table
from imaging.errors import CatalogError, OptionsError

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


VILLA = "accession_number,title\nA3,Villa Böhm\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_unicode_in_every_form_is_read(connection: Connection, tmp_path: Path, encoding: str, delimiter: str):
    path = tmp_path / "objects.csv"
    path.write_bytes(VILLA.replace(",", delimiter).replace("\n", "\r\n").encode(encoding))
    assert import_objects(connection, path).written
    assert objects.get(connection, "A3").title == "Villa Böhm"


def test_other_encodings_are_refused_with_the_line_and_the_cure(connection: Connection, tmp_path: Path):
    path = tmp_path / "objects.csv"
    path.write_bytes("accession_number,title\n1,fine\n2,Žďár\n".encode("cp1250"))
    report = import_objects(connection, path)
    assert [(error.line, error.column) for error in report.errors] == [(3, "title")]
    fault = report.errors[0].fault
    assert fault.startswith("is not in UTF-8. Save the file as “CSV UTF-8”, or name the encoding")
    assert "as cp1252 it reads 'Žïár'" in fault and "as cp1250 it reads 'Žďár'" in fault
    assert import_objects(connection, path, encoding="cp1250").written
    assert objects.get(connection, "2").title == "Žďár"


def test_bytes_that_a_named_encoding_does_not_know_are_refused(connection: Connection, tmp_path: Path):
    path = tmp_path / "objects.csv"
    path.write_bytes(b"accession_number,title\n1,\x81\n")
    (error,) = import_objects(connection, path, encoding="cp1252").errors
    assert (error.line, error.column) == (2, "title") and error.fault.startswith("is not in CP1252")
    with pytest.raises(OptionsError, match="no text encoding 'klingon'"):
        import_objects(connection, path, encoding="klingon")


@pytest.mark.parametrize("named", ["utf-16", ""])
def test_cut_utf_16_is_refused_where_it_ends(connection: Connection, tmp_path: Path, named: str):
    path = tmp_path / "objects.csv"
    path.write_bytes("accession_number,title\n1,x\n2,yz".encode("utf-16")[:-1])
    report = import_objects(connection, path, encoding=named)
    assert not report.written and "truncated" in report.errors[0].fault


def test_column_names_in_another_encoding_are_refused(connection: Connection, tmp_path: Path):
    path = tmp_path / "objects.csv"
    path.write_bytes("accession_number,größe\n1,x\n".encode("cp1252"))
    with pytest.raises(CatalogError, match=r"line 1: is not in UTF-8\. .*CSV UTF-8"):
        import_objects(connection, path)


@pytest.mark.parametrize("head", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
def test_spreadsheets_of_a_program_are_refused_by_name(connection: Connection, tmp_path: Path, head: bytes):
    path = tmp_path / "objects.xlsx"
    path.write_bytes(head + bytes(100))
    with pytest.raises(CatalogError, match=r"objects\.xlsx: is .*not CSV.*Save the file as “CSV UTF-8”"):
        import_objects(connection, path)


@pytest.mark.parametrize("hint", ["sep=;", "sep=|", '"sep=;"', "SEP=,,,"])
def test_hint_of_excel_names_the_delimiter_and_is_no_row(connection: Connection, hint: str):
    delimiter = hint.strip('"')[4]
    report = load(connection, f"{hint}\r\n{VILLA.replace(',', delimiter)}A4{delimiter}x{delimiter}y\n")
    assert [(error.line, error.fault) for error in report.errors] == [(4, "has 3 cells instead of 2")]
    assert (report.rows, report.inserted) == (2, 1)


def test_delimiter_is_the_one_that_makes_column_names(connection: Connection):
    load(connection, '"accession_number";"title"\n1;"a, b, c"\n')
    assert objects.get(connection, "1").title == "a, b, c"


def test_emptied_rows_and_columns_are_passed_over(connection: Connection):
    report = load(connection, ",,\n\naccession_number,title,,\nA3,x,,\n,,,\n , ,,\nA4,y,,\n,\n")
    assert (report.rows, report.inserted, report.errors) == (2, 2, ())
    (error,) = load(connection, "accession_number,title,\n,,\nA3,x,lost\n").errors
    assert error == RowError(3, "", "has 3 cells instead of 2")


def test_dates_that_need_a_look_are_imported_with_a_remark(connection: Connection):
    report = load(
        connection,
        "accession_number,date,date_from\n1,1911-12,\n2,before the war,\n3,before the war,1930\n4,1900?,\n",
    )
    assert (report.written, report.inserted) == (True, 4)
    assert [(r.line, r.column, r.remark.split(".")[0]) for r in report.remarks] == [
        (2, "date", "'1911-12' is read as December 1911"),
        (3, "date", "'before the war' is not understood"),
    ]
    assert objects.get(connection, "1").date_from == date(1911, 12, 1)
    assert objects.get(connection, "4").date_to == date(1900, 12, 31)


def test_character_that_another_program_lost_is_remarked_on(connection: Connection):
    (remark,) = load(connection, "accession_number,title\n1,Villa B\ufffdhm\n").remarks
    assert (remark.line, remark.column) == (2, "title") and "lost a character" in remark.remark


def test_accession_numbers_are_one_in_every_form_of_unicode(connection: Connection):
    composed, decomposed = "Žď 1", unicodedata.normalize("NFD", "Žď 1")
    assert composed != decomposed
    report = load(connection, f"accession_number\n{composed}\n{decomposed} \n")
    assert [(error.line, error.fault) for error in report.errors] == [(3, "is that of line 2")]
    load(connection, f"accession_number,title\n{decomposed},a\n")
    assert load(connection, f"accession_number,title\n {composed},b\n").updated == 1
    assert objects.get(connection, decomposed).title == objects.get(connection, f" {composed}").title == "b"


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


def test_do_not_color_is_read_kept_and_written(connection: Connection):
    rows = "accession_number,do_not_color\na,yes\nb,no\nc,\nd,X\n"
    assert load(connection, rows).inserted == 4
    said = {number: objects.get(connection, number).do_not_color for number in "abcd"}
    assert said == {"a": True, "b": False, "c": False, "d": True}
    load(connection, "accession_number,title\na,Mask\n")
    assert objects.get(connection, "a").do_not_color
    written = io.StringIO()
    export_objects(connection, written)
    assert load(connection, written.getvalue()).unchanged == 4
    load(connection, "accession_number,do_not_color\na,\n")
    assert not objects.get(connection, "a").do_not_color


def test_do_not_color_that_is_neither_yes_nor_no_is_refused(connection: Connection):
    report = load(connection, "accession_number,do_not_color\na,perhaps\n")
    assert [(error.line, error.column) for error in report.errors] == [(2, "do_not_color")]
