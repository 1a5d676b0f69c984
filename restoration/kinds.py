"""The kinds of damage that are distinguished, and their values in a damage mask."""

from __future__ import annotations

from enum import IntEnum


class DamageKind(IntEnum):
    """A kind of damage; its value is the pixel value in the damage mask, 0 being sound.

    The kinds are those that differ in shape, because shape is what a grey scan shows: whether a speck is dust
    on the glass or dirt on the print cannot be seen in it.
    """

    DUST = 1
    """Dust, dirt and other compact specks, light or dark."""
    HAIR = 2
    """Hairs and fibers: thin and curved."""
    SCRATCH = 3
    """Scratches: thin and straight or nearly so, also across the whole photograph."""
    CRACK = 4
    """Cracks, tears and creases: jagged, branching."""
    LOSS = 5
    """Missing emulsion, torn-off paper and blots: areas where nothing of the picture is left."""
    MOLD = 6
    """Mold and foxing: clusters of soft spots."""

    @property
    def label(self) -> str:
        """The kind's name as figures, annotations and tables write it."""
        return self.name.lower()


SUSPECTED = 8
"""Added to a kind where a detector suspects it: the defect counts if there are sure ones nearby."""
SURE = 16
"""Added to a kind where a detector is sure; elsewhere the kind counts only if it touches such a place."""
KIND = 7
"""The bits of a detector's verdict that hold the kind."""
