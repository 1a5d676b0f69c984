"""CSV files as spreadsheet programs write them: finds their encoding, delimiter and line of column names.

Read are UTF-8 and, by their byte-order mark or their zero bytes, UTF-16 and UTF-32. Every other encoding has
to be named: no program can tell Western from Central European text for sure, and a wrong guess garbles
names. Excel's own hint ``sep=;`` and lines, rows and columns that were emptied are passed over.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from imaging.errors import CatalogError, OptionsError

SAVE_AS_UTF8 = "Save the file as “CSV UTF-8”"
LIKELY_ENCODINGS = ("cp1252", "cp1250", "mac_roman")
"""What Excel writes as plain CSV in Western and Central Europe and on older Macs."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How XLSX, ODS and XLS files begin."""
_DELIMITERS = ",;\t"
_SEPARATOR_HINT = re.compile(r'"?sep=(?P<delimiter>.)"?[,;\t]*\s*', re.IGNORECASE)


class UnreadableRow(ValueError):
    """The rows of a file cannot be told apart, beginning with the one in `line`."""

    def __init__(self, line: int, fault: str) -> None:
        super().__init__(fault)
        self.line = line


@contextmanager
def opened(source: Path, encoding: str = "") -> Iterator[TextIO]:
    """Lend the text of a CSV file; bytes that its encoding does not know become lone surrogates.

    Parameters
    ----------
    encoding
        Its name in Python; empty for the one that the file's first bytes show, else UTF-8.

    Raises
    ------
    CatalogError
        It is a spreadsheet program's own file.
    OptionsError
        There is no such encoding.
    """
    with source.open("rb") as file:
        head = file.read(4)
    if head in _SPREADSHEETS:
        raise CatalogError(source.name, "is a spreadsheet program's own file, not CSV", f"{SAVE_AS_UTF8}.")
    try:
        lines = source.open(encoding=encoding or _shown_by(head), errors="surrogateescape", newline="")
    except LookupError:
        fault = f"there is no text encoding {encoding!r}"
        raise OptionsError("encoding", fault, "Name one such as utf-8, utf-16 or cp1252.") from None
    with lines:
        yield lines


def _shown_by(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    # Column names are ASCII, so that in UTF-16 every other byte of them is zero.
    if len(head) > 1 and 0 in head[:2]:
        return "utf-16-be" if head[0] == 0 else "utf-16-le"
    return "utf-8"


class CsvRows:
    """The rows below the line of column names.

    Parameters
    ----------
    lines
        A text that keeps its line ends.
    columns
        Which names there can be; they tell the delimiter.

    Raises
    ------
    CatalogError
        The first line that is not empty does not name the columns.
    """

    def __init__(self, lines: TextIO, columns: Collection[str]) -> None:
        self._start = 0
        first = self._next(lines)
        delimiter = ""
        if hint := _SEPARATOR_HINT.fullmatch(first):
            delimiter = hint["delimiter"]
            first = self._next(lines)
        named = {mark: _names(first, mark) for mark in delimiter or _DELIMITERS}
        delimiter = max(
            named, key=lambda mark: (len(set(named[mark]).intersection(columns)), first.count(mark))
        )
        self.header: Sequence[str] = named[delimiter]
        self._check_header(columns)
        self._cells = csv.reader(lines, delimiter=delimiter, strict=True)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line that a row begins in, and its cells; empty ones behind the last column are left out.

        Raises
        ------
        UnreadableRow
            The quotes or bytes of a row make no sense; what follows is not looked at.
        """
        while True:
            line = self._start + self._cells.line_num + 1
            try:
                cells = next(self._cells)
            except StopIteration:
                return
            except (csv.Error, UnicodeDecodeError) as error:
                raise UnreadableRow(line, str(error)) from error
            if any(cell.strip() for cell in cells):
                yield line, _without_empty_ends(cells, len(self.header))

    def _next(self, lines: TextIO) -> str:
        try:
            while line := lines.readline():
                self._start += 1
                if line.strip(f'{_DELIMITERS}" \r\n\ufeff'):
                    return line.removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            raise CatalogError(
                f"line {self._start + 1}", f"cannot be read ({error})", f"{SAVE_AS_UTF8}."
            ) from error
        return ""

    def _check_header(self, columns: Collection[str]) -> None:
        line, header = f"line {max(self._start, 1)}", self.header
        if undecoded(" ".join(header)):
            raise CatalogError(line, "is not in UTF-8", f"{SAVE_AS_UTF8}, or name its encoding.")
        missing = [] if "accession_number" in header else ["accession_number"]
        unknown = [name for name in header if name not in columns]
        twice = sorted({name for name in header if header.count(name) > 1})
        if wrong := missing or unknown or twice:
            fault = "is missing" if missing else "is unknown" if unknown else "is there twice"
            raise CatalogError(
                line, f"column {', '.join(wrong)!r} {fault}", f"Name columns among: {', '.join(columns)}."
            )


def undecoded(text: str) -> bool:
    """Return whether a text holds bytes that the encoding of its file does not know."""
    return any("\udc80" <= character <= "\udcff" for character in text)


def likely_readings(text: str, encoding: str) -> Mapping[str, str]:
    """Return what a text that is not in `encoding` says in those that spreadsheet programs write."""
    readings = {}
    written = text.encode(encoding, "surrogateescape")
    for likely in LIKELY_ENCODINGS:
        with suppress(UnicodeDecodeError):
            readings[likely] = written.decode(likely)
    return readings


def _names(line: str, delimiter: str) -> list[str]:
    names = [name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter), [])]
    return _without_empty_ends(names, 0)


def _without_empty_ends(cells: list[str], least: int) -> list[str]:
    while len(cells) > least and not cells[-1].strip():
        cells.pop()
    return cells
