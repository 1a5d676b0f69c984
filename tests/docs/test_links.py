"""Links of the guide lead to files and headings that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.guide import PAGES, ROOT, anchors, links

PLACE = re.compile(r"`((?:imaging|restoration|colorization|catalog|operators|dags|tests|docs)/[\w./*-]*)`")
CARDS = sorted(ROOT.glob("*/weights/README.md"))


@pytest.mark.parametrize("page", [*PAGES, *CARDS], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        name, _, anchor = target.partition("#")
        leads_to = (page.parent / name).resolve() if name else page
        assert leads_to.exists(), f"{target} is not there"
        assert leads_to.is_relative_to(ROOT), f"{target} leads out of the repository"
        if anchor:
            assert anchor in anchors(leads_to), f"{target}: no such heading"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        names = (target.partition("#")[0] for target in links(page))
        ahead += [(page.parent / name).resolve() for name in names if name]
    assert set(PAGES) <= reached


def test_places_that_the_guide_names_are_there() -> None:
    for page in PAGES:
        for place in PLACE.findall(page.read_text(encoding="utf-8")):
            assert any(ROOT.glob(place.rstrip("/"))), f"{page.name} names {place}"


def test_tests_that_the_guide_names_are_there() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for page in PAGES:
        for name in re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8")):
            assert f"def {name}(" in tests, f"{page.name} names {name}"
