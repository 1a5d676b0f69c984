from __future__ import annotations

import re
from datetime import date

import pytest

from catalog.dates import DateReading, first_day, last_day, read_date


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("1912-05-03", (1912, 5, 3), (1912, 5, 3)),
        ("1912-02", (1912, 2, 1), (1912, 2, 29)),
        ("1912", (1912, 1, 1), (1912, 12, 31)),
        ("1890s", (1890, 1, 1), (1899, 12, 31)),
        ("1890-1895", (1890, 1, 1), (1895, 12, 31)),
        ("1890–1895", (1890, 1, 1), (1895, 12, 31)),
        ("1890 - 1895", (1890, 1, 1), (1895, 12, 31)),
        ("1890/1895", (1890, 1, 1), (1895, 12, 31)),
        ("1912-05/1912-06", (1912, 5, 1), (1912, 6, 30)),
        ("ca. 1890", (1885, 1, 1), (1895, 12, 31)),
        ("circa 1890s", (1885, 1, 1), (1904, 12, 31)),
        ("c. 1904-02-29", (1899, 2, 28), (1909, 2, 28)),
        (" um 1890 ", (1885, 1, 1), (1895, 12, 31)),
    ],
)
def test_dates_as_museums_write_them(text: str, first, last):
    assert read_date(text) == DateReading(date(*first), date(*last))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("1900?", (1900, 1, 1), (1900, 12, 31)),
        ("[1900]", (1900, 1, 1), (1900, 12, 31)),
        ("[1900?]", (1900, 1, 1), (1900, 12, 31)),
        ("19[00]", (1900, 1, 1), (1900, 12, 31)),
        ("1900 (?)", (1900, 1, 1), (1900, 12, 31)),
        ("ca.1900", (1895, 1, 1), (1905, 12, 31)),
        ("c1900", (1895, 1, 1), (1905, 12, 31)),
        ("[ca. 1900]", (1895, 1, 1), (1905, 12, 31)),
        ("1984~", (1979, 1, 1), (1989, 12, 31)),
        ("1984%", (1979, 1, 1), (1989, 12, 31)),
        ("1984~/2004-06", (1979, 1, 1), (2004, 6, 30)),
        ("1984?/2004%", (1984, 1, 1), (2009, 12, 31)),
        ("ca. 1890–1895", (1885, 1, 1), (1900, 12, 31)),
        ("1890–ca. 1895", (1890, 1, 1), (1900, 12, 31)),
        ("1911–12", (1911, 1, 1), (1912, 12, 31)),
        ("1911/12", (1911, 1, 1), (1912, 12, 31)),
        ("1911–12?", (1911, 1, 1), (1912, 12, 31)),
        ("ca. 1911/12", (1906, 1, 1), (1917, 12, 31)),
        ("[between 1906 and 1912]", (1906, 1, 1), (1912, 12, 31)),
        ("201X", (2010, 1, 1), (2019, 12, 31)),
        ("20XX", (2000, 1, 1), (2099, 12, 31)),
        ("2004-XX", (2004, 1, 1), (2004, 12, 31)),
        ("1985-04-XX", (1985, 4, 1), (1985, 4, 30)),
        ("1985-XX-XX", (1985, 1, 1), (1985, 12, 31)),
        ("[189-?]", (1890, 1, 1), (1899, 12, 31)),
        ("18--", (1800, 1, 1), (1899, 12, 31)),
        ("1950-21", (1950, 3, 1), (1950, 5, 31)),
        ("1950-22", (1950, 6, 1), (1950, 8, 31)),
        ("1950-23", (1950, 9, 1), (1950, 11, 30)),
        ("1951-24", (1951, 12, 1), (1952, 2, 29)),
    ],
)
def test_uncertain_dates_have_days(text: str, first, last):
    assert read_date(text) == DateReading(date(*first), date(*last))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("1985/..", (1985, 1, 1), None),
        ("1985/", (1985, 1, 1), None),
        ("1900–", (1900, 1, 1), None),
        ("../1985-04", None, (1985, 4, 30)),
        ("/1985", None, (1985, 12, 31)),
        ("not before 1479", (1479, 1, 1), None),
        ("not after 1492-08", None, (1492, 8, 31)),
        ("after 1900", (1901, 1, 1), None),
        ("nach ca. 1900", (1896, 1, 1), None),
        ("before 1910", None, (1909, 12, 31)),
        ("vor ca. 1910", None, (1914, 12, 31)),
    ],
)
def test_open_dates_have_one_day(text: str, first, last):
    assert read_date(text) == DateReading(first and date(*first), last and date(*last))


@pytest.mark.parametrize(
    ("text", "first", "last", "other"),
    [
        ("1911-12", (1911, 12, 1), (1911, 12, 31), "read as December 1911. Should it .* write 1911/1912"),
        ("1905-08?", (1905, 8, 1), (1905, 8, 31), "read as August 1905. .* years 1905 to 1908"),
        ("1912-21", (1912, 3, 1), (1912, 5, 31), "read as March to May 1912, .* write 1912/1921"),
        ("1912-13", (1912, 1, 1), (1913, 12, 31), "read as the years 1912 to 1913: there is no such month"),
    ],
)
def test_date_with_two_readings_is_remarked_on(text: str, first, last, other: str):
    reading = read_date(text)
    assert (reading.first, reading.last) == (date(*first), date(*last))
    assert re.search(other, reading.remark)


@pytest.mark.parametrize("text", ["1911-05", "1950-12", "1911-12-03", "1911-12/1912-01"])
def test_month_that_can_be_no_year_passes_without_remark(text: str):
    assert not read_date(text).remark


@pytest.mark.parametrize("text", ["", "undated", "n. d.", "s.d.", "o. J.", "unknown", "XXXX"])
def test_what_says_that_there_is_no_date_has_no_days(text: str):
    assert read_date(text) == DateReading(None, None)


@pytest.mark.parametrize(
    "text",
    [
        "1912-02-30",
        "1895-1890",
        "0000",
        "before the war",
        "[1667,1668]",
        "3.5.1912",
        "1911/10",
        "9999~",
        "after 9999",
        "18901895",
        "1912-05-031912",
        "ca.",
    ],
)
def test_what_is_not_understood_has_a_remark_instead_of_days(text: str):
    reading = read_date(text)
    assert (reading.first, reading.last) == (None, None)
    assert reading.remark.startswith(f"{text!r} is not understood. Write it as 1912-05-03")


def test_single_bounds():
    assert (first_day("1912-05"), last_day("1912-05")) == (date(1912, 5, 1), date(1912, 5, 31))
    with pytest.raises(ValueError, match="'spring' is not a date"):
        first_day("spring")
