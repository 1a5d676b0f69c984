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
collections       slugs of the collections to put it into, joined by ``|``; unknown ones are made
================  ==================================================================================

A column that is left out leaves that part of known objects alone; an empty cell empties it. Rows never take
objects out of collections. UTF-8 (with or without a byte-order mark); comma, semicolon or tab.

An import is one transaction: any faulty row keeps all from being written, unless bad rows are to be skipped.
A repeat changes nothing. A dry run does everything and takes it back.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Column, Connection, Date, Integer, MetaData, Table, Text, delete, func, select, text

from catalog import collections
from catalog.dates import days_meant, first_day, last_day
from catalog.objects import DESCRIPTIVE, ObjectRecord, Upserted, examined, upsert_from
from catalog.schema import collections as collection_rows
from catalog.schema import memberships, objects
from imaging.errors import CatalogError

COLUMNS = (
    "accession_number",
    "title",
    "description",
    "maker",
    "date",
    "date_from",
    "date_to",
    "rights",
    "source",
    "collections",
)
MOST_ERRORS_KEPT = 1000
"""Errors beyond these are counted only: nobody reads more, and a wrong file could fill the memory."""
IMPORT_SECONDS = 600
_ROWS_AT_ONCE = 5000
_TEXTS = ("title", "description", "maker", "date_text", "rights", "source", "collections")


@dataclass(frozen=True)
class RowError:
    """What is wrong in one line of the file; `column` is empty when it concerns the whole line."""

    line: int
    column: str
    fault: str


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
    """

    rows: int
    inserted: int
    updated: int
    unchanged: int
    faulty: int
    errors: tuple[RowError, ...]
    written: bool


def import_objects(
    connection: Connection, source: Path | TextIO, *, dry_run: bool = False, skip_bad_rows: bool = False
) -> ImportReport:
    """Bring the objects of a CSV file into the catalog.

    Raises
    ------
    CatalogError
        The first line does not name the columns; nothing can be read then.
    """
    connection.execute(text(f"SET LOCAL statement_timeout = '{IMPORT_SECONDS}s'"))
    with _opened(source) as lines, connection.begin_nested() as attempt:
        reading = _Reading(lines)
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
        writer.writerow(["" if value is None else value for value in row])
        count += 1
    return count


@dataclass
class _Reading:
    """The rows of one file and what was found wrong with them on the way."""

    lines: TextIO
    header: Sequence[str] = ()
    rows: int = 0
    faulty: int = 0
    errors: list[RowError] = field(default_factory=list)

    def __post_init__(self) -> None:
        first = self.lines.readline()
        delimiter = max(",;\t", key=first.count)
        self._cells = csv.reader(self.lines, delimiter=delimiter, strict=True)
        self.header = [name.strip().lower() for name in next(csv.reader([first], delimiter=delimiter), [])]
        _check_header(self.header)

    @property
    def speaking_of(self) -> tuple[str, ...]:
        named = {"date_text" if name == "date" else name for name in self.header}
        if "date" in self.header:
            named |= {"date_from", "date_to"}
        return tuple(name for name in DESCRIPTIVE if name in named)

    def records(self) -> Iterator[tuple[int, ObjectRecord, str]]:
        """Yield the line, the record and the collections of each good row."""
        seen: dict[str, int] = {}
        for line, cells in self._numbered():
            self.rows += 1
            record, slugs, errors = self._row(line, cells)
            earlier = seen.setdefault(record.accession_number, line)
            if earlier != line and record.accession_number:
                errors.append(RowError(line, "accession_number", f"is that of line {earlier}"))
            if errors:
                self.refuse(errors)
            else:
                yield line, record, slugs

    def refuse(self, errors: Sequence[RowError]) -> None:
        """Count a faulty row."""
        self.faulty += 1
        self.errors += errors[: MOST_ERRORS_KEPT - len(self.errors)]

    def _numbered(self) -> Iterator[tuple[int, list[str]]]:
        start = 2
        while True:
            try:
                cells = next(self._cells)
            except StopIteration:
                return
            except csv.Error as error:
                self.rows += 1
                self.faulty += 1
                self.errors.append(
                    RowError(start, "", f"can not be read ({error}); the rest was not looked at")
                )
                return
            if cells:
                yield start, cells
            start = self._cells.line_num + 2

    def _row(self, line: int, cells: list[str]) -> tuple[ObjectRecord, str, list[RowError]]:
        if len(cells) != len(self.header):
            fault = f"has {len(cells)} cells instead of {len(self.header)}"
            return ObjectRecord(accession_number=""), "", [RowError(line, "", fault)]
        row = dict(zip(self.header, cells, strict=True))
        faults: list[tuple[str, str]] = []
        days = _days(row, faults)
        record, found = examined(
            ObjectRecord(
                accession_number=row["accession_number"],
                date_text=row.get("date", ""),
                date_from=days[0],
                date_to=days[1],
                **{name: row[name] for name in _TEXTS if name in row and name != "collections"},
            )
        )
        faults += [(_COLUMN_OF.get(f.field, f.field), f"{f.fault}. {f.remedy}") for f in found]
        slugs = [slug.strip() for slug in row.get("collections", "").split("|") if slug.strip()]
        faults += [
            ("collections", f"{slug!r} is not a slug") for slug in slugs if not collections.is_slug(slug)
        ]
        return record, "|".join(slugs), [RowError(line, column, fault) for column, fault in faults]


_COLUMN_OF = {"date_text": "date"}


def _check_header(header: Sequence[str]) -> None:
    unknown = [name for name in header if name not in COLUMNS]
    twice = [name for name in set(header) if header.count(name) > 1]
    if "accession_number" not in header or unknown or twice:
        wrong = unknown or twice or ["accession_number"]
        fault = "is unknown" if unknown else "is there twice" if twice else "is missing"
        raise CatalogError(
            "line 1", f"column {', '.join(wrong)!r} {fault}", f"Name columns among: {', '.join(COLUMNS)}."
        )


def _days(row: Mapping[str, str], faults: list[tuple[str, str]]) -> tuple[date | None, date | None]:
    given = row.get("date_from", "").strip(), row.get("date_to", "").strip()
    if not any(given):
        return days_meant(row.get("date", "")) or (None, None)
    days: list[date | None] = []
    for column, written, read in zip(("date_from", "date_to"), given, (first_day, last_day), strict=True):
        try:
            days.append(read(written) if written else None)
        except ValueError as error:
            faults.append((column, f"{written!r} is no date: {error}"))
            days.append(None)
    return days[0], days[1]


def _stage(connection: Connection, reading: _Reading) -> Table:
    staging = Table(
        "import_staging",
        MetaData(),
        Column("line", Integer),
        Column("accession_number", Text),
        *(Column(name, Text) for name in _TEXTS),
        Column("date_from", Date),
        Column("date_to", Date),
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DROP",
    )
    staging.create(connection)
    names = [column.name for column in staging.columns]
    cursor = connection.connection.cursor()
    never_null = ", ".join(("accession_number", *_TEXTS))
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


def _turn_away_reversed(connection: Connection, staging: Table, reading: _Reading) -> None:
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


def _report(reading: _Reading, upserted: Upserted, written: bool) -> ImportReport:
    return ImportReport(
        rows=reading.rows,
        inserted=upserted.inserted,
        updated=upserted.updated,
        unchanged=upserted.unchanged,
        faulty=reading.faulty,
        errors=tuple(sorted(reading.errors, key=lambda error: error.line)),
        written=written,
    )


@contextmanager
def _opened(source: Path | TextIO) -> Iterator[TextIO]:
    if isinstance(source, Path):
        # Bytes that are not UTF-8 become lone surrogates, which are refused row by row.
        with source.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
            yield lines
    else:
        yield source


def _batches(records: Iterator[Any]) -> Iterator[Iterable[Any]]:
    while batch := list(islice(records, _ROWS_AT_ONCE)):
        yield batch
