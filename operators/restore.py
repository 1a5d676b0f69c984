"""The operator that restores scans, see `operators.work.restoration`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imaging.errors import OptionsError
from operators.batch import BatchOperator, Worker

if TYPE_CHECKING:
    from airflow.sdk import Context

    from operators.hooks import CatalogHook


LOSSES = "losses"
TONE = ("flatten", "neutral", "levels")
EXTRAS = (LOSSES, *TONE)
"""Losses filled; fading evened out, tint turned to grey, tones stretched: only on request."""


class RestoreOperator(BatchOperator):
    """Restores each scan of a batch: damage found, shown and mended, noise reduced.

    Parameters
    ----------
    batch
        The outcome of an `operators.ingest.IngestOperator`.
    sensitivity, denoise
        See `restoration.options.RestorationOptions`; text is accepted too, as templates make it.
    extras
        What is done in addition, of `EXTRAS`; a JSON list is accepted too.
    """

    template_fields: Sequence[str] = ("batch", "sensitivity", "denoise", "extras")
    ui_color = "#dfe9e4"
    stage = "restoration"

    def __init__(
        self,
        *,
        sensitivity: float | str = 0.5,
        denoise: float | str = 0.5,
        extras: Sequence[str] | str = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.extras = extras
        self.sensitivity = sensitivity
        self.denoise = denoise

    def worker(self, hook: CatalogHook, context: Context) -> Worker:
        """Return an `operators.work.restoration.Restoring`."""
        from operators.work.restoration import Restoring  # loads OpenCV and libvips
        from restoration.options import RestorationOptions
        from restoration.tone import ToneOptions

        wanted = self._wanted()
        options = RestorationOptions(
            sensitivity=float(self.sensitivity),
            denoise=float(self.denoise),
            mend_losses=LOSSES in wanted,
            tone=ToneOptions(**{change: change in wanted for change in TONE}),
        )
        return Restoring(hook.engine, hook.store, options)

    def _wanted(self) -> frozenset[str]:
        wanted = frozenset(json.loads(self.extras) if isinstance(self.extras, str) else self.extras)
        if unknown := ", ".join(sorted(wanted.difference(EXTRAS))):
            raise OptionsError("extras", f"{unknown} is unknown", f"Choose from {', '.join(EXTRAS)}.")
        return wanted
