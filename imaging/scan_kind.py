"""What a scan is, as far as it decides what may be done to it.

Only what is monochrome or toned is colorized. What has colors of its own keeps them; pages, maps and drawings
are left as they are; what looks like a negative is shown to a person first.
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
        """Whether damage is mended and noise reduced unless somebody asks for it."""
        return self not in {ScanKind.DOCUMENT, ScanKind.NEGATIVE}

    @property
    def label(self) -> str:
        """What people call it, with its article."""
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
    ScanKind.DOCUMENT: "It is no photograph; nothing is mended, and no colors are inferred.",
    ScanKind.NEGATIVE: "It has to be made a positive first; nothing is mended, and no colors are inferred.",
}


@dataclass(frozen=True)
class ScanKindReport:
    """What a scan was taken for, and why.

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
        The network that took part.
    """

    kind: ScanKind
    reason: str
    evidence: Mapping[str, Scalar] = field(default_factory=dict)
    version: str = ""
    model: ModelReference | None = None
