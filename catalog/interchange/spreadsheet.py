"""Objects from and to CSV files, as spreadsheets write and read them.

One row per object, columns in any order, recognized by the names in the first line:

================  ==================================================================================
accession_number  required; which object the row is about
title             free text
description       free text
maker             who made it, as the museum writes it
date              when, as the museum writes it: "ca. 1890"
date_from         first day it can mean: 1890, 1890-05 or 1890-05-03
date_to           last day it can mean; both are read from `date` when both are left empty
rights            URI of a statement of rightsstatements.org or Creative Commons
source            where the object came from
do_not_color      yes: no colors are ever inferred for it; no or empty: they may be
collections       slugs of the collections to put it into, joined by ``|``; unknown ones are made
================  ==================================================================================

A column that is left out leaves that part of known objects alone; an empty cell empties it. Rows never take
objects out of collections. Which encodings and delimiters are read, `catalog.interchange.csv_file` says;
which dates, `catalog.dates`. A date without days, or with a second meaning, is imported with a remark.

An import is one transaction: any faulty row keeps all from being written, unless bad rows are to be skipped.
A repeat changes nothing. A dry run does everything and takes it back.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    func,
    select,
    text,
)

from catalog import collections
from catalog.interchange.csv_file import opened
from catalog.interchange.object_rows import COLUMNS, TEXTS, ObjectRows, RowError, RowRemark
from catalog.objects import Upserted, upsert_from
from catalog.schema import collections as collection_rows
from catalog.schema import memberships, objects

IMPORT_SECONDS = 600
_ROWS_AT_ONCE = 5000
_WRITTEN: Mapping[Any, str] = {None: "", False: "", True: "yes"}


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or would have done when `written` is false.

    Parameters
    ----------
    rows
        Data rows in the file.
    inserted, updated, unchanged
        Good rows by what they meant for the catalog.
    faulty
        Bad rows.
    errors
        What is wrong with them, the first 1000.
    written
        Whether the catalog was changed.
    remarks
        What to look at in good rows, the first 1000.
    """

    rows: int
    inserted: int
    updated: int
    unchanged: int
    faulty: int
    errors: tuple[RowError, ...]
    written: bool
    remarks: tuple[RowRemark, ...] = ()


def import_objects(
    connection: Connection,
    source: Path | TextIO,
    *,
    encoding: str = "",
    dry_run: bool = False,
    skip_bad_rows: bool = False,
) -> ImportReport:
    """Bring the objects of a CSV file into the catalog.

    Parameters
    ----------
    encoding
        Of a file: its name in Python; empty for what `catalog.interchange.csv_file` finds out.

    Raises
    ------
    CatalogError
        The first line does not name the columns, or the file is not CSV; nothing can be read then.
    OptionsError
        There is no such encoding.
    """
    connection.execute(text(f"SET LOCAL statement_timeout = '{IMPORT_SECONDS}s'"))
    text_of = opened(source, encoding) if isinstance(source, Path) else nullcontext(source)
    with text_of as lines, connection.begin_nested() as attempt:
        reading = ObjectRows(lines)
        staging = _stage(connection, reading)
        _turn_away_reversed(connection, staging, reading)
        good = reading.rows - reading.faulty
        upserted = upsert_from(connection, staging, reading.speaking_of, good)
        if "collections" in reading.header:
            _join_collections(connection, staging)
        connection.execute(text(f"DROP TABLE {staging.name}"))
        written = not dry_run and (skip_bad_rows or not reading.faulty)
        if not written:
            attempt.rollback()
    return _report(reading, upserted, written)


def export_objects(connection: Connection, target: TextIO, collection: str | None = None) -> int:
    """Write all objects, or those right inside a collection, by accession number; return how many."""
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(COLUMNS)
    inside = (
        select(func.string_agg(collection_rows.c.slug, text("'|' ORDER BY slug")))
        .join(memberships, memberships.c.collection_id == collection_rows.c.id)
        .where(memberships.c.object_id == objects.c.id)
        .scalar_subquery()
    )
    query = select(
        *(objects.c["date_text" if name == "date" else name] for name in COLUMNS[:-1]), inside
    ).order_by(objects.c.accession_number)
    if collection is not None:
        number = collections.get(connection, collection).id
        query = query.join(memberships).where(memberships.c.collection_id == number)
    count = 0
    for row in connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)):
        writer.writerow([_WRITTEN.get(value, value) for value in row])
        count += 1
    return count


def _stage(connection: Connection, reading: ObjectRows) -> Table:
    staging = Table(
        "import_staging",
        MetaData(),
        Column("line", Integer),
        Column("accession_number", Text),
        *(Column(name, Text) for name in TEXTS),
        Column("date_from", Date),
        Column("date_to", Date),
        Column("do_not_color", Boolean),
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DROP",
    )
    staging.create(connection)
    names = [column.name for column in staging.columns]
    cursor = connection.connection.cursor()
    never_null = ", ".join(("accession_number", *TEXTS))
    command = f"COPY {staging.name} FROM STDIN WITH (FORMAT csv, FORCE_NOT_NULL ({never_null}))"
    for batch in _batches(reading.records()):
        buffer = io.StringIO(newline="")
        csv.DictWriter(buffer, names).writerows(
            {**vars(record), "line": line, "collections": slugs} for line, record, slugs in batch
        )
        buffer.seek(0)
        cursor.copy_expert(command, buffer)
    connection.execute(text(f"ANALYZE {staging.name}"))
    return staging


def _turn_away_reversed(connection: Connection, staging: Table, reading: ObjectRows) -> None:
    spoken = {"date_from", "date_to"}.intersection(reading.speaking_of)
    if len(spoken) != 1:
        return  # both days are the row's, which were compared when it was read, or none is
    (column,) = spoken
    other = "date_to" if column == "date_from" else "date_from"
    said, known = staging.c[column], objects.c[other]
    reversed_rows = (
        delete(staging)
        .where(staging.c.accession_number == objects.c.accession_number)
        .where(said > known if column == "date_from" else said < known)
        .returning(staging.c.line, said, known)
    )
    for line, day, opposite in sorted(connection.execute(reversed_rows)):
        side = "after" if column == "date_from" else "before"
        fault = f"{day} is {side} the catalog's {other}, {opposite}. Give both dates."
        reading.refuse([RowError(line, column, fault)])


def _join_collections(connection: Connection, staging: Table) -> None:
    one = func.unnest(func.string_to_array(staging.c.collections, "|")).label("slug")
    wanted = select(objects.c.id.label("object_id"), one).join(
        staging, staging.c.accession_number == objects.c.accession_number
    )
    rows = wanted.subquery()
    for slug in connection.execute(select(rows.c.slug).distinct().order_by(rows.c.slug)).scalars().all():
        collections.ensure(connection, slug)
    collections.add_from(
        connection,
        select(collection_rows.c.id, rows.c.object_id).join(rows, rows.c.slug == collection_rows.c.slug),
    )


def _report(reading: ObjectRows, upserted: Upserted, written: bool) -> ImportReport:
    return ImportReport(
        rows=reading.rows,
        inserted=upserted.inserted,
        updated=upserted.updated,
        unchanged=upserted.unchanged,
        faulty=reading.faulty,
        errors=tuple(sorted(reading.errors, key=lambda error: error.line)),
        written=written,
        remarks=tuple(reading.remarks),
    )


def _batches(records: Iterator[Any]) -> Iterator[Iterable[Any]]:
    while batch := list(islice(records, _ROWS_AT_ONCE)):
        yield batch
