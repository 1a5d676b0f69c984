"""What days a date can mean, as museums write it.

Understood are ``1912-05-03``, ``1912-05``, ``1912``, ``1890s``, two of these joined by a dash or slash, and a
"ca." (circa, about, um, vers) before any of them, which widens it by five years on either side.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta

CIRCA_YEARS = 5
"""How far "ca." reaches on either side: EDTF leaves it open, cataloguing practice takes five to ten years."""

_PART = r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?|(s))?"
_DATE = re.compile(
    r"(?P<circa>(?:ca?\.?|circa|about|around|um|vers)\s+)?"
    rf"(?P<first>{_PART})(?:\s*[–/-]\s*(?P<last>{_PART}))?",
    re.IGNORECASE,
)


def first_day(text: str) -> date:
    """Return the first day that an ISO year, month or day means; raise `ValueError` when it is none."""
    return _days(text)[0]


def last_day(text: str) -> date:
    """Return the last day that an ISO year, month or day means; raise `ValueError` when it is none."""
    return _days(text)[1]


def days_meant(text: str) -> tuple[date, date] | None:
    """Return the first and last day that a date can mean, or ``None`` when it is not understood.

    Examples
    --------
    >>> days_meant("1912-02")
    (datetime.date(1912, 2, 1), datetime.date(1912, 2, 29))
    >>> days_meant("ca. 1890")
    (datetime.date(1885, 1, 1), datetime.date(1895, 12, 31))
    >>> days_meant("1890s–1905")
    (datetime.date(1890, 1, 1), datetime.date(1905, 12, 31))
    >>> days_meant("before the war") is None
    True
    """
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    try:
        first, last = _days(match["first"])
        if match["last"]:
            last = _days(match["last"])[1]
        if match["circa"]:
            first, last = _years_later(first, -CIRCA_YEARS), _years_later(last, CIRCA_YEARS)
    except ValueError:
        return None
    return (first, last) if first <= last else None


def _days(text: str) -> tuple[date, date]:
    match = re.fullmatch(_PART, text.strip())
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
