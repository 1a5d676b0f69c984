"""The operator that colorizes restored photographs, see `operators.work.colorization`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from operators import settings
from operators.batch import BatchOperator, Worker

if TYPE_CHECKING:
    from airflow.sdk import Context

    from operators.hooks import CatalogHook


class ColorizeOperator(BatchOperator):
    """Colorizes each restored photograph of a batch, with the hints that archivists gave for it.

    Runs in the pool ``heliochrome_tiles``, whose slots are as many colorizations as fit in memory at once.
    The task state store shows the progress on the current photograph.

    Parameters
    ----------
    batch
        The outcome of an `operators.restore.RestoreOperator`.
    produce
        What the run should make; without ``colorized`` or ``alternatives`` in it, photographs pass through.
        A JSON list is accepted too, as templates make it.
    model
        The color model's name; empty for the default.
    restraint
        See `colorization.options.ColorizationOptions`; JSON is accepted too, as templates make it.
    """

    template_fields: Sequence[str] = ("batch", "produce", "model", "restraint")
    ui_color = "#f0e2dc"
    stage = "colorization"

    def __init__(
        self,
        *,
        produce: Sequence[str] | str = ("colorized",),
        model: str = "",
        restraint: float | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"pool": settings.TILE_POOL, **kwargs})
        self.produce = produce
        self.model = model
        self.restraint = restraint

    def execute(self, context: Context) -> dict[str, Any]:
        """Colorize the batch, or hand it on as it is."""
        if self._wanted().isdisjoint({"colorized", "alternatives"}):
            self.log.info("colorization was not requested")
            return self.before().to_xcom()
        return super().execute(context)

    def worker(self, hook: CatalogHook, context: Context) -> Worker:
        """Return an `operators.work.colorization.Coloring`."""
        from operators.configured import chosen
        from operators.work.colorization import Coloring  # loads PyTorch

        alternatives = settings.ALTERNATIVES if "alternatives" in self._wanted() else 0
        restraint = json.loads(self.restraint) if isinstance(self.restraint, str) else self.restraint
        return Coloring(hook.engine, hook.store, chosen(self.model, alternatives, restraint))

    def _wanted(self) -> frozenset[str]:
        return frozenset(json.loads(self.produce) if isinstance(self.produce, str) else self.produce)
