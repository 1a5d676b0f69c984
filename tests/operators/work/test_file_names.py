"""File names state what a museum's pattern reads in them, and nothing is joined or cut without a remark."""

from __future__ import annotations

import unicodedata

import pytest

from imaging.errors import OptionsError
from operators.work.file_names import NamePattern, Side, StatedName, read_all

PATTERN = r"(?P<number>\d{4}\.\d+)(?:_(?P<page>\d+))?(?:-(?:(?P<recto>r)|(?P<verso>v)))?"


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("1987.12.tif", "1987.12"),
        ("box 3/1987.12.TIF", "1987.12"),
        ("1987.12 .tif", "1987.12"),
        (" 1987.12.tif ", "1987.12"),
        (unicodedata.normalize("NFD", "Žďár 3.tif"), "Žďár 3"),
        ("line\nbreak.tif", "line break"),
    ],
)
def test_without_a_pattern_the_name_is_the_accession_number(name: str, number: str) -> None:
    assert NamePattern().read(name) == StatedName(number)


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("1987.12.tif", StatedName("1987.12")),
        ("1987.12_003.tif", StatedName("1987.12 p. 3", page="3")),
        ("1987.12_000.tif", StatedName("1987.12 p. 0", page="0")),
        ("1987.12-r.tif", StatedName("1987.12", side=Side.RECTO)),
        ("box/1987.12_12-v.TIF", StatedName("1987.12 p. 12", page="12", side=Side.VERSO)),
    ],
)
def test_a_pattern_tells_number_page_and_side(name: str, stated: StatedName) -> None:
    assert NamePattern(PATTERN).read(name) == stated


def test_a_pattern_reads_composed_letters() -> None:
    pattern = NamePattern("(?P<number>[A-ZŽ]+ [0-9]+) .*")
    assert pattern.read(unicodedata.normalize("NFD", "Ž 12 scan.tif")).accession_number == "Ž 12"


def test_pages_of_a_file_are_counted_behind_what_its_name_states() -> None:
    assert NamePattern().read("album.tif", page=1).accession_number == "album p. 2"
    assert NamePattern(PATTERN).read("1987.12_3.tif", page=1).accession_number == "1987.12 p. 3 p. 2"


def test_a_name_that_does_not_fit_is_taken_whole_with_a_remark() -> None:
    stated = NamePattern(PATTERN).read("IMG_0001.tif")
    assert (stated.accession_number, stated.page) == ("IMG_0001", "")
    assert stated.remark.startswith("does not match the name pattern")


@pytest.mark.parametrize(("name", "number"), [("x" * 101 + ".tif", "x" * 100), (" .tif", "unnamed")])
def test_a_name_that_is_no_accession_number_is_remarked_on(name: str, number: str) -> None:
    stated = NamePattern().read(name)
    assert stated.accession_number == number and "100 characters" in stated.remark


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("(?P<number>", "not a regular expression"),
        ("(.*)", "no group 'number'"),
        ("(?P<page>.*)", "no group 'number'"),
        ("(?P<number>.*)(?P<seite>x)", "the group 'seite'"),
    ],
)
def test_an_unusable_pattern_is_refused_with_what_is_wrong(expression: str, fault: str) -> None:
    with pytest.raises(OptionsError, match=fault):
        NamePattern(expression)


def test_names_that_state_the_same_are_told() -> None:
    names = ["1987.12.TIF", "1987.12 .tif", "1987.12.jpg", "1987.12-r.tif", "1987.12-v.tif", "1987.13.tif"]
    read = read_all(names, NamePattern(PATTERN))
    assert {name: stated.remark for name, stated in read.items() if stated.remark} == {
        "1987.12.TIF": "states the same as 1987.12 .tif and 1 more",
        "1987.12 .tif": "states the same as 1987.12.TIF and 1 more",
        "1987.12.jpg": "states the same as 1987.12.TIF and 1 more",
    }
