"""The condition of a scan, as a conservator reports it first: which damage there is, and how much.

Judged from the evidence of the whole picture at small scale (`restoration.overview`). A print on which much
is plainly damaged is searched more boldly for the rest, a clean negative more cautiously: at the same
evidence a crease is likelier where there are others (the prior shift of Saerens et al. 2002, "Adjusting the
outputs of a classifier to new a priori probabilities", Neural Computation 14).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from imaging.stage import Scalar
from restoration.kinds import DamageKind

_PLAIN = 0.0
"""Log-odds from which damage is plain."""
_FLOOR = 1e-6
"""Plainly damaged share below which a photograph counts as clean."""
_USUAL = 3e-3
"""Plainly damaged share at which neither boldness nor caution is called for."""
_SHIFT = 0.5
"""Log-odds by which thresholds fall for each e-fold of the plainly damaged share."""
_MOST = 1.0
"""Most that thresholds move, log-odds."""
_GRADES = ((0.01, "badly damaged"), (0.001, "damaged"), (0.0002, "worn"))
"""Plainly damaged shares, of which marked prints have a quarter or less of what is damaged in all."""


class Grade(StrEnum):
    """How a photograph looks as a whole."""

    SOUND = "sound"
    """Nothing, or specks alone, is plainly damaged."""
    WORN = "worn"
    """Some 0.02 % or more."""
    DAMAGED = "damaged"
    """Some 0.1 % or more."""
    BADLY_DAMAGED = "badly damaged"
    """Some 1 % or more."""


@dataclass(frozen=True)
class Condition:
    """What is plainly damaged, by kind, before any threshold of a user's choice.

    Parameters
    ----------
    shares
        Share of the photograph, 0–1, by kind.
    """

    shares: Mapping[DamageKind, float]

    @classmethod
    def of(cls, evidence: npt.NDArray[np.floating]) -> Condition:
        """Judge a picture by its evidence, C×H×W log-odds; see `restoration.overview.Evidence`."""
        plain = evidence[0] > _PLAIN
        kinds = 1 + np.argmax(evidence[1:, plain], axis=0)
        counts = np.bincount(kinds, minlength=1 + len(DamageKind))
        return cls({kind: float(counts[kind] / max(1, plain.size)) for kind in DamageKind})

    @property
    def share(self) -> float:
        """Share of the photograph that is plainly damaged, 0–1."""
        return sum(self.shares.values())

    @property
    def grade(self) -> Grade:
        """The condition in a word."""
        return next((Grade(word) for least, word in _GRADES if self.share >= least), Grade.SOUND)

    @property
    def boldness(self) -> float:
        """Log-odds by which less evidence is asked for than usual; negative where more is."""
        shift = _SHIFT * np.log(max(self.share, _FLOOR) / _USUAL)
        return float(np.clip(shift, -_MOST, _MOST))

    def figures(self) -> dict[str, Scalar]:
        """Return the report for the record."""
        found = sorted((kind for kind in DamageKind if self.shares[kind] > 0), key=lambda k: -self.shares[k])
        return {
            "condition": self.grade.value,
            "condition_share": self.share,
            "condition_kinds": ", ".join(kind.label for kind in found),
        }
