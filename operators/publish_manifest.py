"""The operator that writes IIIF manifests into the catalog, see `operators.work.manifest_publishing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators import settings
from operators.batch import BatchOperator, Worker

if TYPE_CHECKING:
    from airflow.sdk import Context

    from operators.hooks import CatalogHook


class PublishManifestOperator(BatchOperator):
    """Writes the manifest of each object that a batch's scans show; an unchanged one is not written again.

    Parameters
    ----------
    batch
        The outcome of an `operators.tag_provenance.TagProvenanceOperator`.
    """

    ui_color = "#dde6ee"
    stage = "description"

    def worker(self, hook: CatalogHook, context: Context) -> Worker:
        """Return an `operators.work.manifest_publishing.ManifestPublishing`."""
        from catalog.iiif.addresses import Addresses  # iiif-prezi3 takes a second to load
        from operators.configured import publisher
        from operators.work.manifest_publishing import ManifestPublishing

        address = settings.address()
        settings.warn_of_loopback(address, "set [heliochrome] address, or Airflow's [api] base_url.")
        return ManifestPublishing(hook.engine, Addresses(address), publisher(), store_root=hook.store.root)
