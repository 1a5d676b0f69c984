"""The operator that restores scans, see `operators.work.restoration`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from operators.batch import BatchOperator, Worker

if TYPE_CHECKING:
    from airflow.sdk import Context

    from operators.hooks import CatalogHook


class RestoreOperator(BatchOperator):
    """Restores each scan of a batch: damage found, shown and mended, noise reduced.

    Parameters
    ----------
    batch
        The outcome of an `operators.ingest.IngestOperator`.
    sensitivity, denoise
        See `restoration.RestorationOptions`; text is taken too, as templates make it.
    """

    template_fields: Sequence[str] = ("batch", "sensitivity", "denoise")
    ui_color = "#dfe9e4"
    stage = "restoration"

    def __init__(self, *, sensitivity: float | str = 0.5, denoise: float | str = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sensitivity = sensitivity
        self.denoise = denoise

    def worker(self, hook: CatalogHook, context: Context) -> Worker:
        """Return an `operators.work.restoration.Restoring`."""
        from operators.work.restoration import Restoring  # noqa: PLC0415 - loads OpenCV and libvips
        from restoration.options import RestorationOptions  # noqa: PLC0415

        options = RestorationOptions(sensitivity=float(self.sensitivity), denoise=float(self.denoise))
        return Restoring(hook.engine, hook.store, options)
