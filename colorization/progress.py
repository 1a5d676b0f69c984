"""How far a colorization is, as one share, though its parts cost very differently."""

from __future__ import annotations

from imaging.pyramid import Progress

_PAINTING_SECONDS = 1.2e-6
_READING_SECONDS = 2e-9
_WRITING_SECONDS = 6e-8
"""Rough cost per px, only to make progress even."""


class EvenProgress:
    """Turns px read, painted and written into one even share.

    Parameters
    ----------
    tell
        Told the share that is done, 0–1.
    pixels
        Of the photograph.
    """

    def __init__(self, tell: Progress, pixels: int) -> None:
        self._tell = tell
        self._pixels = pixels
        self._done = 0.0
        self._total = pixels * (_READING_SECONDS + _WRITING_SECONDS)
        self._outputs = 1

    def read(self, sizes: list[tuple[int, int]], extra: int) -> None:
        """Note that the photograph was read; `sizes` will be painted, and `extra` outputs written too."""
        painted = sum(width * height for width, height in sizes[1:]) * 1.4
        self._outputs = 1 + extra
        self._total = self._pixels * (_READING_SECONDS + _WRITING_SECONDS * self._outputs)
        self._total += painted * _PAINTING_SECONDS
        self._advance(self._pixels * _READING_SECONDS)

    def painted(self, pixels: int) -> None:
        """Note that so many working-scale px were painted."""
        self._advance(pixels * _PAINTING_SECONDS)

    def written(self, share: float) -> None:
        """Note which share of the output in hand is written."""
        seconds = self._pixels * _WRITING_SECONDS
        self._tell(min(0.999, (self._done + share * seconds) / self._total))
        if share >= 1:
            self._done += seconds

    def finish(self) -> None:
        """Note that all is done."""
        self._tell(1.0)

    def _advance(self, seconds: float) -> None:
        self._done += seconds
        self._tell(min(0.999, self._done / self._total))
