"""The operators that publish collections as static sites, see `catalog.site.static_site`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from imaging.errors import StoreError
from operators import settings
from operators.hooks import CatalogHook
from operators.progress import Progress
from operators.report import NAMED

if TYPE_CHECKING:
    from airflow.sdk import Context


class FindCollectionsOperator(BaseOperator):
    """Returns the slugs of the collections to publish: the requested one, or all top-level ones.

    Parameters
    ----------
    collection
        A slug; empty for all that are not inside another collection.
    """

    template_fields: Sequence[str] = ("collection",)
    ui_color = "#f4f1e6"

    def __init__(self, *, collection: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.collection = collection

    def execute(self, context: Context) -> list[str]:
        """Return the slugs."""
        from catalog import collections  # loads the catalog

        if self.collection:
            return [self.collection]
        with closing(CatalogHook()) as hook, hook.engine.connect() as connection:
            return [found.slug for found in collections.children(connection)]


class PublishCollectionOperator(BaseOperator):
    """Writes the static site of one collection; only what changed is written again.

    Photographs that cannot be read do not stop the others; when those are written, the task fails and names
    what was lost.

    Parameters
    ----------
    slug
        The collection.
    """

    template_fields: Sequence[str] = ("slug",)
    ui_color = "#dde6ee"

    def __init__(self, *, slug: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.slug = slug

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what was written; raise `StoreError` when photographs could not be read."""
        from operators.configured import publisher
        from operators.work.collection_publishing import publish_collection  # loads libvips

        progress = Progress(0, context.get("task_state_store"))

        def update(photograph: str, done: int, total: int) -> None:
            progress.total, progress.done = total, done
            progress.begin(photograph)

        folder = settings.site() / self.slug
        folder.mkdir(parents=True, exist_ok=True)
        address = f"{settings.site_address()}/{self.slug}"
        settings.warn_of_loopback(address, "set [heliochrome] site_address.")
        with closing(CatalogHook()) as hook:
            published = publish_collection(
                hook.engine,
                hook.store.root,
                self.slug,
                folder,
                address,
                institution=publisher(),
                progress=update,
            )
        self.log.info("%s: %s", folder, published.counts())
        for lost in published.lost:
            self.log.error("%s could not be published: %s", lost.accession, lost.reason)
        if published.lost:
            named = ", ".join(lost.accession for lost in published.lost[:NAMED])
            fault = f"{len(published.lost)} photographs could not be published: {named}"
            remedy = "Restore what the log names from its backup and publish again; all others are published."
            raise StoreError(self.slug, fault, remedy)
        return published.counts()
