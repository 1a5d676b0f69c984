"""What days a date can mean, as museums write it.

Understood are the dates of EDTF level 1 (https://www.loc.gov/standards/datetime/) between the years 1 and
9999, and what catalogers write beside them:

=====================================  ===================================================================
``1912-05-03``, ``1912-05``, ``1912``  that day, month or year
``1890s``, ``189X``, ``189-``          a decade; ``18XX``, ``18--`` a century; ``1912-XX`` the year
``1912-21`` to ``1912-24``             spring to winter of the northern hemisphere
``1890–1895``, ``1890/1895``           all from the first to the last; also ``between … and …``
``1911–12``, ``1911/12``               1911 to 1912: an en dash or a slash joins years
``1911-12``                            December 1911, as in ISO 8601; a remark names the other reading
``1890/..``, ``../1890``, ``1890–``    open at one end; also ``before``, ``after``, ``not before`` …
``ca. 1890``, ``1890~``, ``1890%``     five years more on either side
``1890?``, ``[1890]``                  as if the sign were not there: neither says how far it may be off
=====================================  ===================================================================
"""

from __future__ import annotations

import re
import unicodedata
from calendar import month_name, monthrange
from dataclasses import dataclass
from datetime import date, timedelta

CIRCA_YEARS = 5
"""How far "ca." reaches on either side: EDTF leaves it open, cataloguing practice takes five to ten years."""

_CIRCA = r"(?:(?:ca?\.?|circa|about|around|approx\.?|um|vers|~)\s*)"
_WHEN = r"(?:\d{4}-(?:\d{2}|XX)-(?:\d{2}|XX)|\d{4}-(?:\d{2}|XX)|\d{4}s?|\d{3}[X-]|\d{2}(?:XX|--))"
_DOUBT = r"(?:\s*[?~%]+)"
_POINT = rf"{_CIRCA}?{_WHEN}{_DOUBT}?"
_ONE = re.compile(rf"(?P<circa>{_CIRCA})?(?P<when>{_WHEN})(?P<doubt>{_DOUBT})?", re.IGNORECASE)
_SPAN = re.compile(
    rf"(?:between|zwischen|entre)\s+(?P<from>{_POINT})\s+(?:and|und|et)\s+(?P<to>{_POINT})"
    rf"|(?P<first>{_POINT})\s*[–/-]\s*(?P<last>{_POINT})",
    re.IGNORECASE,
)
_YEARS = re.compile(
    rf"(?P<circa>{_CIRCA})?(?P<century>\d\d)(?P<first>\d\d)(?P<mark>\s*[–/]\s*|-)(?P<last>\d\d)(?P<doubt>{_DOUBT})?",
    re.IGNORECASE,
)
_OPEN = re.compile(
    rf"(?P<since>{_POINT})\s*(?:/(?:\.\.)?|–|-)|(?:\.\.)?/(?P<until>{_POINT})"
    rf"|(?:not before)\s+(?P<earliest>{_POINT})|(?:not after)\s+(?P<latest>{_POINT})"
    rf"|(?:after|nach|après)\s+(?P<after>{_POINT})|(?:before|vor|avant)\s+(?P<before>{_POINT})",
    re.IGNORECASE,
)
_ISO = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?|(s))?", re.IGNORECASE)
_SEASONS = {21: (3, 5), 22: (6, 8), 23: (9, 11), 24: (12, 2)}
"""EDTF's numbers for spring, summer, autumn and winter: first and last month."""
_UNDATED = {"", "undated", "unknown", "n.d.", "nd", "s.d.", "sd", "o.j.", "xxxx"}
_PLAIN = str.maketrans({**dict.fromkeys("[]()", ""), **dict.fromkeys("‐‑−", "-"), **dict.fromkeys("‒—", "–")})
_REMEDY = "Write it as 1912-05-03, 1912-05, 1912, 1912/1914 or ca. 1912, or give date_from and date_to"


@dataclass(frozen=True)
class DateReading:
    """The days that a date can mean, both included.

    Parameters
    ----------
    first, last
        ``None`` where the date is open or says nothing.
    remark
        What somebody should look at: the date is not understood, or it can be read in another way.
    """

    first: date | None
    last: date | None
    remark: str = ""


def first_day(text: str) -> date:
    """Return the first day that an ISO year, month or day means; raise `ValueError` when it is none."""
    return _iso_days(text)[0]


def last_day(text: str) -> date:
    """Return the last day that an ISO year, month or day means; raise `ValueError` when it is none."""
    return _iso_days(text)[1]


def read_date(text: str) -> DateReading:
    """Return the days that a date can mean; what is not understood has no days and a remark.

    Examples
    --------
    >>> read_date("1912-02")
    DateReading(first=datetime.date(1912, 2, 1), last=datetime.date(1912, 2, 29), remark='')
    >>> read_date("[ca. 1890]")
    DateReading(first=datetime.date(1885, 1, 1), last=datetime.date(1895, 12, 31), remark='')
    >>> read_date("1911-12").remark
    "'1911-12' is read as December 1911. Should it mean the years 1911 to 1912, write 1911/1912"
    >>> read_date("before the war").first is None
    True
    """
    words = unicodedata.normalize("NFC", text).translate(_PLAIN).strip()
    if words.casefold().replace(" ", "") in _UNDATED:
        return DateReading(None, None)
    for form in (_one, _years, _span, _open):
        try:
            reading = form(words)
        except (ValueError, OverflowError):  # a day that no calendar has, or one beyond the year 9999
            continue
        if reading is not None and not (reading.first and reading.last and reading.first > reading.last):
            return reading
    return DateReading(None, None, f"{text.strip()!r} is not understood. {_REMEDY}")


def _one(words: str) -> DateReading | None:
    match = _ONE.fullmatch(words)
    return None if match is None else DateReading(*_days(words), _other_reading(match["when"]))


def _other_reading(when: str) -> str:
    """Return a remark on a month that can as well be the last of several years."""
    match = re.fullmatch(r"(\d\d)(\d\d)-(\d\d)", when)
    if match is None or not match[2] < match[3]:
        return ""
    year, month, last = match[1] + match[2], int(match[3]), match[1] + match[3]
    if month in _SEASONS:
        first_month, last_month = (month_name[number] for number in _SEASONS[month])
        meant = f"{first_month} to {last_month} {year}, a season of EDTF"
    else:
        meant = f"{month_name[month]} {year}"
    return f"{when!r} is read as {meant}. Should it mean the years {year} to {last}, write {year}/{last}"


def _years(words: str) -> DateReading | None:
    """Read years of which the last is abbreviated."""
    match = _YEARS.fullmatch(words)
    if match is None:
        return None
    first, last = match["century"] + match["first"], match["century"] + match["last"]
    is_month_by_its_place = match["mark"] == "-"  # but no calendar has it, or it would have been read before
    remark = f"{words!r} is read as the years {first} to {last}: there is no such month"
    return DateReading(
        _days((match["circa"] or "") + first)[0],
        _days((match["circa"] or "") + last + (match["doubt"] or ""))[1],
        remark if is_month_by_its_place else "",
    )


def _span(words: str) -> DateReading | None:
    match = _SPAN.fullmatch(words)
    if match is None:
        return None
    first, last = match["from"] or match["first"], match["to"] or match["last"]
    circa = "ca. " if _is_circa(first) and not _is_circa(last) and first[0] not in "0123456789" else ""
    return DateReading(_days(first)[0], _days(circa + last)[1])


def _open(words: str) -> DateReading | None:
    match = _OPEN.fullmatch(words)
    if match is None:
        return None
    found = match.groupdict()
    if since := found["since"] or found["earliest"]:
        return DateReading(_days(since)[0], None)
    if until := found["until"] or found["latest"]:
        return DateReading(None, _days(until)[1])
    if after := found["after"]:
        exact = _certain_days(after)[1] + timedelta(days=1)
        return DateReading(_years_later(exact, -CIRCA_YEARS if _is_circa(after) else 0), None)
    exact = _certain_days(found["before"])[0] - timedelta(days=1)
    return DateReading(None, _years_later(exact, CIRCA_YEARS if _is_circa(found["before"]) else 0))


def _days(point: str) -> tuple[date, date]:
    first, last = _certain_days(point)
    if _is_circa(point):
        return _years_later(first, -CIRCA_YEARS), _years_later(last, CIRCA_YEARS)
    return first, last


def _is_circa(point: str) -> bool:
    match = _ONE.fullmatch(point)
    return match is not None and bool(match["circa"] or set("~%").intersection(match["doubt"] or ""))


def _certain_days(point: str) -> tuple[date, date]:
    match = _ONE.fullmatch(point)
    if match is None:
        raise ValueError(point)
    when = match["when"].upper()
    if re.fullmatch(r"\d{4}-\d\d-XX", when):
        return _iso_days(when[:7])
    if re.fullmatch(r"\d{4}-XX(-XX)?", when):
        return _iso_days(when[:4])
    if re.fullmatch(r"\d\d(XX|--)", when):
        return date(int(when[:2]) * 100, 1, 1), date(int(when[:2]) * 100 + 99, 12, 31)
    if re.fullmatch(r"\d{3}[X-]", when):
        return _iso_days(f"{when[:3]}0s")
    if re.fullmatch(r"\d{4}-2[1-4]", when):
        year, (start, end) = int(when[:4]), _SEASONS[int(when[5:])]
        return date(year, start, 1), _iso_days(f"{year + (end < start):04}-{end:02}")[1]
    return _iso_days(when)


def _iso_days(text: str) -> tuple[date, date]:
    match = _ISO.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a date such as 1912, 1912-05 or 1912-05-03")
    year, month, day, decade = match.groups()
    if decade:
        return date(int(year), 1, 1), date(int(year) + 9, 12, 31)
    if day:
        exact = date(int(year), int(month), int(day))
        return exact, exact
    if month:
        first = date(int(year), int(month), 1)
        return first, first.replace(day=monthrange(first.year, first.month)[1])
    return date(int(year), 1, 1), date(int(year), 12, 31)


def _years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        if day.month == 2 and day.day == 29:
            return _years_later(day - timedelta(days=1), years)
        raise
