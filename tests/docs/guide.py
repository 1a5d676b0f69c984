"""The guide as tests see it: its pages, their links, and the commands that they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(
    r"^(?P<mark><!-- run -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"(?<!`)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block of shell commands; `runs` when ``<!-- run -->`` stands above it."""

    page: Path
    text: str
    runs: bool


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of shell commands of a page."""
    for found in FENCE.finditer(page.read_text(encoding="utf-8")):
        if found["language"] == "console":
            yield Block(page, found["text"], found["mark"] is not None)


def commands(block: Block) -> Iterator[str]:
    """Yield the commands of a block, each on one line and without remarks."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if command := re.sub(r"(^|\s+)#\s.*", "", line).strip():
            yield command


def links(page: Path) -> Iterator[str]:
    """Yield the targets of a page's links that are no addresses."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for found in LINK.finditer(text):
        if not re.match(r"[a-z]+:", found["target"]):
            yield found["target"]


def anchors(page: Path) -> set[str]:
    """Return the anchors that forges give to a page's headings."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", found["text"].lower()).replace(" ", "-") for found in HEADING.finditer(text)
    }
