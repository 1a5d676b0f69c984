"""A stage's figures and parameters, as rows for people."""

from __future__ import annotations

from collections.abc import Mapping

from imaging.stage import Scalar

_SHARES = ("damage_", "mended_", "confidence", "share")
"""In the names of figures that are shares of 1."""


def rows(values: Mapping[str, Scalar]) -> list[tuple[str, str]]:
    """Return names and values as text, leaving out ``None``, empty, false and zero.

    >>> rows({"damage_dust": 0.0123, "noise_before": 4.1302, "mended_loss": 0.0, "mend": True})
    [('damage dust', '1.23 %'), ('noise before', '4.13'), ('mend', 'yes')]
    """
    return [(name.replace("_", " "), _as_text(name, value)) for name, value in values.items() if value]


def _as_text(name: str, value: Scalar) -> str:
    if isinstance(value, bool):
        return "yes"
    if not isinstance(value, float):
        return str(value)
    return f"{100 * value:.3g} %" if any(mark in name for mark in _SHARES) else f"{value:.3g}"
