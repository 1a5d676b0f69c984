"""What file names state: accession number, page, recto or verso, by a pattern that the museum sets.

Without a pattern the name without folders and suffix is the accession number. Names are read in Unicode's
form NFC and without outer blanks, as accession numbers are kept. A name that cannot be read gets a remark.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePosixPath

from catalog.objects import LONGEST_ACCESSION_NUMBER, plain
from imaging.errors import OptionsError

GROUPS = ("number", "page", "recto", "verso")
"""The named groups that a pattern can have; the first is required."""
UNNAMED = "unnamed"


class Side(StrEnum):
    """Which side of an object a file shows."""

    RECTO = "recto"
    VERSO = "verso"


@dataclass(frozen=True)
class StatedName:
    """What a file name states.

    Parameters
    ----------
    accession_number
        Of the object; a page in the name is part of it, as one of a file with several pages is.
    page
        As the name has it, without leading zeros; empty for none.
    side
        ``None`` where the name states none.
    remark
        What somebody should check; empty when there is nothing to check.
    """

    accession_number: str
    page: str = ""
    side: Side | None = None
    remark: str = ""

    def states_the_same(self, other: StatedName) -> bool:
        """Return whether two names state the same object and side."""
        return (self.accession_number, self.side) == (other.accession_number, other.side)


@dataclass(frozen=True)
class NamePattern:
    r"""Reads file names.

    Parameters
    ----------
    expression
        Regular expression that the whole name, without folders and suffix, has to match, with the named
        groups of `GROUPS`; empty for names that are accession numbers.

    Raises
    ------
    OptionsError
        It is no regular expression, or its groups are others.

    Examples
    --------
    >>> names = NamePattern(r"(?P<number>.+?)(?:_p(?P<page>\d+))?(?:_(?:(?P<recto>r)|(?P<verso>v)))?")
    >>> names.read("box 3/1987.12_p004_v.tif")
    StatedName(accession_number='1987.12 p. 4', page='4', side=<Side.VERSO: 'verso'>, remark='')
    >>> NamePattern().read("box 3/1987.12 .TIF").accession_number
    '1987.12'
    """

    expression: str = ""

    def __post_init__(self) -> None:
        try:
            groups = re.compile(self.expression).groupindex
        except re.error as error:
            fault = f"{self.expression!r} is not a regular expression ({error})"
            raise OptionsError("name pattern", fault, "Correct it; see Python's re module.") from error
        unknown = [name for name in groups if name not in GROUPS]
        if self.expression and ("number" not in groups or unknown):
            fault = f"it has the group {unknown[0]!r}" if unknown else "it has no group 'number'"
            remedy = "Name groups as (?P<number>…) and, where names state them, page, recto and verso."
            raise OptionsError("name pattern", fault, remedy)

    def read(self, name: str, page: int | None = None) -> StatedName:
        """Return what a file name states.

        Parameters
        ----------
        name
            Path of the file; its folders and suffix state nothing.
        page
            Which page of a file with several it is about, from 0 on.
        """
        stem = plain("".join(c if c.isprintable() else " " for c in PurePosixPath(name.rstrip()).stem))
        inner = "" if page is None else f" p. {page + 1}"
        match = re.fullmatch(self.expression, stem) if self.expression else None
        found = match.groupdict() if match else {}
        number = plain(found.get("number") or "")
        if not number:
            remark = "does not match the name pattern; all of it is taken as the accession number"
            return _stated(stem, inner, remark=remark if self.expression else "")
        stated_page = plain(found.get("page") or "")
        stated_page = stated_page.lstrip("0") or stated_page[-1:]
        outer = f" p. {stated_page}" if stated_page else ""
        side = Side.VERSO if found.get("verso") else Side.RECTO if found.get("recto") else None
        return _stated(number, outer + inner, page=stated_page, side=side)


def _stated(
    number: str, pages: str, page: str = "", side: Side | None = None, remark: str = ""
) -> StatedName:
    kept = number[: max(LONGEST_ACCESSION_NUMBER - len(pages), 0)].rstrip() or UNNAMED
    if kept != number:
        cut = f"states no accession number of up to {LONGEST_ACCESSION_NUMBER} characters; {kept!r} is taken"
        remark = f"{remark}; {cut}" if remark else cut
    return StatedName((kept + pages)[:LONGEST_ACCESSION_NUMBER], page, side, remark)


def read_all(names: Iterable[str], pattern: NamePattern) -> dict[str, StatedName]:
    """Return what each of the file names states, with a remark on those that state the same as another."""
    read = {name: pattern.read(name) for name in names}
    alike: dict[tuple[str, Side | None], list[str]] = defaultdict(list)
    for name, stated in read.items():
        alike[stated.accession_number, stated.side].append(name)
    for same in alike.values():
        for name in same if len(same) > 1 else ():
            other = next(one for one in same if one != name)
            more = f" and {len(same) - 2} more" if len(same) > 2 else ""
            remark = "; ".join(filter(None, (read[name].remark, f"states the same as {other}{more}")))
            read[name] = replace(read[name], remark=remark)
    return read
