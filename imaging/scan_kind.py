"""Kinds of scans, as far as they decide how a scan is processed.

Only monochrome and toned photographs are colorized. Scans with colors of their own keep them; pages, maps and
drawings are left as they are; apparent negatives are shown to a person first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from imaging.stage import ModelReference, Scalar


class ScanKind(StrEnum):
    """What a scan is."""

    MONOCHROME = "monochrome"
    TONED = "toned"
    HAND_TINTED = "hand-tinted"
    COLOR = "color"
    DOCUMENT = "document"
    NEGATIVE = "negative"

    @property
    def colorized(self) -> bool:
        """Whether colors are to be inferred."""
        return self in {ScanKind.MONOCHROME, ScanKind.TONED}

    @property
    def keeps_color(self) -> bool:
        """Whether the scan's own colors are part of the photograph."""
        return self in {ScanKind.HAND_TINTED, ScanKind.COLOR}

    @property
    def mended(self) -> bool:
        """Whether damage is mended and noise reduced by default."""
        return self not in {ScanKind.DOCUMENT, ScanKind.NEGATIVE}

    @property
    def label(self) -> str:
        """Its name for users, with the article."""
        return _LABELS[self]

    @property
    def consequence(self) -> str:
        """Why it is colorized or not, in one sentence."""
        return _CONSEQUENCES[self]


_LABELS: Mapping[ScanKind, str] = {
    ScanKind.MONOCHROME: "a black-and-white photograph",
    ScanKind.TONED: "a toned photograph",
    ScanKind.HAND_TINTED: "a hand-tinted photograph",
    ScanKind.COLOR: "a color photograph",
    ScanKind.DOCUMENT: "a page of text, a map or a drawing",
    ScanKind.NEGATIVE: "a negative",
}
_CONSEQUENCES: Mapping[ScanKind, str] = {
    ScanKind.MONOCHROME: "It holds no colors; they are inferred.",
    ScanKind.TONED: "Its one hue is the print's, not the scene's; colors are inferred.",
    ScanKind.HAND_TINTED: "It keeps the colors that were laid on it; none are inferred.",
    ScanKind.COLOR: "It keeps its own colors; none are inferred.",
    ScanKind.DOCUMENT: "It is not a photograph; nothing is mended, and no colors are inferred.",
    ScanKind.NEGATIVE: "It has to be made a positive first; nothing is mended, and no colors are inferred.",
}


@dataclass(frozen=True)
class ScanKindReport:
    """The kind of a scan, and why.

    Parameters
    ----------
    kind
        The decision.
    reason
        Its grounds, a sentence for people.
    evidence
        The figures it rests on, by name.
    version
        Of the method.
    model
        The network that was used.
    """

    kind: ScanKind
    reason: str
    evidence: Mapping[str, Scalar] = field(default_factory=dict)
    version: str = ""
    model: ModelReference | None = None
