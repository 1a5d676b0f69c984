"""The operator that takes files of the inbox in, see `operators.work.ingestion`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imaging.errors import OptionsError
from imaging.scan_kind import ScanKind
from operators import settings
from operators.batch import BatchOperator, Worker
from operators.outcome import BatchOutcome, ScanReference

if TYPE_CHECKING:
    from airflow.sdk import Context

    from operators.hooks import CatalogHook
from operators.inbox_folder import inbox_folder


class IngestOperator(BatchOperator):
    """Takes files of the inbox in: originals into the store, scans and objects into the catalog.

    Scans that are due according to the catalog are in already and go on with them.

    Parameters
    ----------
    batch
        File names relative to the inbox under ``names``, ids of scans that are due under ``scans``, and the
        batch's number under ``index``.
    inbox
        The folder; empty for the configured one.
    collection
        Slug of the collection that the objects join; empty for none.
    again
        Whether scans that an earlier run refused get another chance.
    kind
        What all scans of the run are, a `ScanKind`; empty for what each is taken for.
    """

    template_fields: Sequence[str] = ("batch", "inbox", "collection", "again", "kind")
    ui_color = "#ece7da"
    stage = "ingestion"

    def __init__(
        self,
        *,
        inbox: str = "",
        collection: str = "",
        again: bool | str = False,
        kind: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.inbox = inbox
        self.collection = collection
        self.again = again
        self.kind = kind

    def execute(self, context: Context) -> dict[str, Any]:
        """Take the files in; return a `BatchOutcome` with their scans and those that are due."""
        # Of runs of earlier versions, every scan comes in through its file.
        due = tuple(ScanReference(scan) for scan in self.batch.get("scans", ()))
        if not self.items():
            return replace(self.before(), scans=due).to_xcom()
        outcome = BatchOutcome.from_xcom(super().execute(context))
        others = tuple(reference for reference in due if reference not in outcome.scans)
        return replace(outcome, scans=outcome.scans + others).to_xcom()

    def items(self) -> Sequence[str]:
        """Return the file names."""
        return list(self.batch["names"])

    def before(self) -> BatchOutcome:
        """Return an outcome with nothing in it yet."""
        return BatchOutcome(self.batch["index"])

    def worker(self, hook: CatalogHook, context: Context) -> Worker:
        """Return an `operators.work.ingestion.Ingestion`."""
        from operators.work.file_names import NamePattern
        from operators.work.ingestion import Ingestion  # loads libvips

        return Ingestion(
            engine=hook.engine,
            store=hook.store,
            inbox=inbox_folder(self.inbox),
            collection=self.collection,
            again=str(self.again).lower() == "true",
            quiet_seconds=settings.quiet_seconds(),
            name_pattern=NamePattern(settings.name_pattern()),
            kind=self._kind(),
            agent=f"Airflow DAG {self.dag_id}",
        )

    def _kind(self) -> ScanKind | None:
        if not self.kind:
            return None
        try:
            return ScanKind(self.kind)
        except ValueError:
            remedy = f"Choose one of {', '.join(ScanKind)}, or nothing."
            raise OptionsError("kind", f"{self.kind!r} is no kind of scan", remedy) from None
