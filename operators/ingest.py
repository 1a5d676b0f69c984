"""The operator that takes files of the inbox in, see `operators.work.ingestion`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from operators import settings
from operators.batch import BatchOperator, Worker
from operators.outcome import BatchOutcome

if TYPE_CHECKING:
    from airflow.sdk import Context

    from operators.hooks import CatalogHook


class IngestOperator(BatchOperator):
    """Takes files of the inbox in: originals into the store, scans and objects into the catalog.

    Parameters
    ----------
    batch
        File names relative to the inbox under ``names``, and the batch's number under ``index``.
    inbox
        The folder; empty for the configured one.
    collection
        Slug of the collection that the objects join; empty for none.
    again
        Whether scans that an earlier run refused get another chance.
    """

    template_fields: Sequence[str] = ("batch", "inbox", "collection", "again")
    ui_color = "#ece7da"
    stage = "ingestion"

    def __init__(
        self, *, inbox: str = "", collection: str = "", again: bool | str = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.inbox = inbox
        self.collection = collection
        self.again = again

    def items(self) -> Sequence[str]:
        """Return the file names."""
        return list(self.batch["names"])

    def before(self) -> BatchOutcome:
        """Return an outcome with nothing in it yet."""
        return BatchOutcome(self.batch["index"])

    def worker(self, hook: CatalogHook, context: Context) -> Worker:
        """Return an `operators.work.ingestion.Ingestion`."""
        from operators.work.file_names import NamePattern  # noqa: PLC0415
        from operators.work.ingestion import Ingestion  # noqa: PLC0415 - loads libvips

        return Ingestion(
            engine=hook.engine,
            store=hook.store,
            inbox=hook.inbox(self.inbox),
            collection=self.collection,
            again=str(self.again).lower() == "true",
            quiet_seconds=settings.quiet_seconds(),
            name_pattern=NamePattern(settings.name_pattern()),
        )
