"""Rows of a CSV file as records of objects: what is wrong with each, and what to look at in good ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TextIO

from catalog import collections
from catalog.dates import first_day, last_day, read_date
from catalog.interchange.csv_file import (
    SAVE_AS_UTF8,
    CsvRows,
    UnreadableRow,
    likely_readings,
    undecoded,
)
from catalog.objects import DESCRIPTIVE, ObjectRecord, examined

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
    "do_not_color",
    "collections",
)
MOST_ERRORS_KEPT = 1000
"""Errors beyond these are counted only: nobody reads more, and a wrong file could fill the memory."""
_YES, _NO = frozenset({"yes", "y", "true", "1", "x"}), frozenset({"", "no", "n", "false", "0"})
TEXTS = ("title", "description", "maker", "date_text", "rights", "source", "collections")


@dataclass(frozen=True)
class RowError:
    """What is wrong in one line of the file; `column` is empty when it concerns the whole line."""

    line: int
    column: str
    fault: str


@dataclass(frozen=True)
class RowRemark:
    """What somebody should look at in a row that is good."""

    line: int
    column: str
    remark: str


@dataclass
class ObjectRows:
    """The rows of one file and what was found wrong with them on the way."""

    lines: TextIO
    rows: int = 0
    faulty: int = 0
    errors: list[RowError] = field(default_factory=list)
    remarks: list[RowRemark] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._cells = CsvRows(self.lines, COLUMNS)
        self.header = self._cells.header

    @property
    def speaking_of(self) -> tuple[str, ...]:
        """The fields of an object that the columns speak of."""
        named = {"date_text" if name == "date" else name for name in self.header}
        if "date" in self.header:
            named |= {"date_from", "date_to"}
        return tuple(name for name in DESCRIPTIVE if name in named)

    def records(self) -> Iterator[tuple[int, ObjectRecord, str]]:
        """Yield the line, the record and the collections of each good row."""
        seen: dict[str, int] = {}
        try:
            for line, cells in self._cells:
                self.rows += 1
                record, slugs, errors = self._row(line, cells)
                earlier = seen.setdefault(record.accession_number, line)
                if earlier != line and record.accession_number:
                    errors.append(RowError(line, "accession_number", f"is that of line {earlier}"))
                if errors:
                    self.refuse(errors)
                else:
                    yield line, record, slugs
        except UnreadableRow as error:
            self.rows += 1
            self.refuse([RowError(error.line, "", f"cannot be read ({error}); the rest was not looked at")])

    def refuse(self, errors: Sequence[RowError]) -> None:
        """Count a faulty row."""
        self.faulty += 1
        self.errors += errors[: MOST_ERRORS_KEPT - len(self.errors)]

    def _row(self, line: int, cells: list[str]) -> tuple[ObjectRecord, str, list[RowError]]:
        if len(cells) != len(self.header):
            fault = f"has {len(cells)} cells instead of {len(self.header)}"
            return ObjectRecord(accession_number=""), "", [RowError(line, "", fault)]
        row = dict(zip(self.header, cells, strict=True))
        if errors := [
            RowError(line, name, self._encoding_fault(cell)) for name, cell in row.items() if undecoded(cell)
        ]:
            return ObjectRecord(accession_number=""), "", errors
        self._remark_on_lost_characters(line, row)
        faults: list[tuple[str, str]] = []
        days = self._days(line, row, faults)
        forbids = row.get("do_not_color", "").strip().lower()
        if forbids not in _YES | _NO:
            faults.append(
                ("do_not_color", f"{forbids!r} is neither yes nor no. Write yes, or leave it empty.")
            )
        record, found = examined(
            ObjectRecord(
                accession_number=row["accession_number"],
                date_text=row.get("date", ""),
                date_from=days[0],
                date_to=days[1],
                do_not_color=forbids in _YES,
                **{name: row[name] for name in TEXTS if name in row and name != "collections"},
            )
        )
        faults += [(_COLUMN_OF.get(f.field, f.field), f"{f.fault}. {f.remedy}") for f in found]
        slugs = [slug.strip() for slug in row.get("collections", "").split("|") if slug.strip()]
        faults += [
            ("collections", f"{slug!r} is not a slug") for slug in slugs if not collections.is_slug(slug)
        ]
        return record, "|".join(slugs), [RowError(line, column, fault) for column, fault in faults]

    def _encoding_fault(self, cell: str) -> str:
        encoding = self.lines.encoding or "utf-8"
        readings = likely_readings(cell, encoding)
        shown = "; ".join(f"as {name} it reads {reading!r}" for name, reading in readings.items())
        also = f", or name the encoding in which this is right: {shown}" if readings else ""
        return f"is not in {encoding.upper()}. {SAVE_AS_UTF8}{also}"

    def _days(
        self, line: int, row: Mapping[str, str], faults: list[tuple[str, str]]
    ) -> tuple[date | None, date | None]:
        given = row.get("date_from", "").strip(), row.get("date_to", "").strip()
        if not any(given):
            reading = read_date(row.get("date", ""))
            if reading.remark:
                self._remark(line, "date", reading.remark)
            return reading.first, reading.last
        days: list[date | None] = []
        for column, written, read in zip(("date_from", "date_to"), given, (first_day, last_day), strict=True):
            try:
                days.append(read(written) if written else None)
            except ValueError as error:
                faults.append((column, f"{written!r} is no date: {error}"))
                days.append(None)
        return days[0], days[1]

    def _remark_on_lost_characters(self, line: int, row: Mapping[str, str]) -> None:
        for name, cell in row.items():
            if "\ufffd" in cell:
                remark = f"{cell!r} has lost a character (\ufffd) in an earlier program. Write it anew"
                self._remark(line, name, remark)

    def _remark(self, line: int, column: str, remark: str) -> None:
        if len(self.remarks) < MOST_ERRORS_KEPT:
            self.remarks.append(RowRemark(line, column, remark))


_COLUMN_OF = {"date_text": "date"}
