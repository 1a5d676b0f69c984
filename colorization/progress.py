"""Progress of a colorization as one share, although its parts differ widely in cost."""

from __future__ import annotations

from imaging.pyramid import Progress

_PREDICTION_SECONDS = 1.2e-6
_READING_SECONDS = 2e-9
_WRITING_SECONDS = 6e-8
"""Rough cost per px, only to make progress even."""


class WeightedProgress:
    """Turns px read, predicted and written into one share, weighted by cost.

    Parameters
    ----------
    report
        Called with the finished share, 0–1.
    pixels
        Of the photograph.
    """

    def __init__(self, report: Progress, pixels: int) -> None:
        self._report = report
        self._pixels = pixels
        self._done = 0.0
        self._total = pixels * (_READING_SECONDS + _WRITING_SECONDS)
        self._outputs = 1

    def read(self, sizes: list[tuple[int, int]], extra: int) -> None:
        """Note that the photograph was read; `sizes` are to be predicted and `extra` outputs written."""
        predicted = sum(width * height for width, height in sizes[1:]) * 1.4
        self._outputs = 1 + extra
        self._total = self._pixels * (_READING_SECONDS + _WRITING_SECONDS * self._outputs)
        self._total += predicted * _PREDICTION_SECONDS
        self._advance(self._pixels * _READING_SECONDS)

    def predicted(self, pixels: int) -> None:
        """Note the number of working-scale px that were predicted."""
        self._advance(pixels * _PREDICTION_SECONDS)

    def written(self, share: float) -> None:
        """Note the written share of the current output."""
        seconds = self._pixels * _WRITING_SECONDS
        self._report(min(0.999, (self._done + share * seconds) / self._total))
        if share >= 1:
            self._done += seconds

    def finish(self) -> None:
        """Note that all is done."""
        self._report(1.0)

    def _advance(self, seconds: float) -> None:
        self._done += seconds
        self._report(min(0.999, self._done / self._total))
