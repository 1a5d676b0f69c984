"""The operator that writes provenance into files and opens the review, see `operators.work.tagging`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.batch import BatchOperator, Worker

if TYPE_CHECKING:
    from airflow.sdk import Context

    from operators.hooks import CatalogHook


class TagProvenanceOperator(BatchOperator):
    """Tags the files made of each scan of a batch: XMP, EXIF, IPTC and content credentials, access copies.

    The same catalog transaction opens the review of the outcome and marks the scan as processed.

    Parameters
    ----------
    batch
        The outcome of an `operators.colorize.ColorizeOperator`.
    """

    ui_color = "#e3e1ee"
    stage = "provenance"

    def worker(self, hook: CatalogHook, context: Context) -> Worker:
        """Return an `operators.work.tagging.Tagging`."""
        from operators.configured import signer
        from operators.work.tagging import Tagging  # loads libvips and C2PA

        agent = f"Airflow DAG {context['dag'].dag_id}"
        return Tagging(hook.engine, hook.store, identity=signer(), agent=agent)
