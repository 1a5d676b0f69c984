"""Language maps (Presentation 3.0 §4.1)."""

from __future__ import annotations


def text(value: str, language: str = "none") -> dict[str, list[str]]:
    """Return `value` as a language map; ``none`` where no language is known."""
    return {language: [value]}
