from __future__ import annotations

from datetime import date

import pytest

from catalog.dates import days_meant, first_day, last_day


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
    assert days_meant(text) == (date(*first), date(*last))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "undated",
        "1912-13",
        "1912-02-30",
        "1895-1890",
        "0000",
        "189-",
        "18901895",
        "1912-05-031912",
        "ca.",
    ],
)
def test_what_is_not_understood_is_left_alone(text: str):
    assert days_meant(text) is None


def test_single_bounds():
    assert (first_day("1912-05"), last_day("1912-05")) == (date(1912, 5, 1), date(1912, 5, 31))
    with pytest.raises(ValueError, match="'spring' is not a date"):
        first_day("spring")
