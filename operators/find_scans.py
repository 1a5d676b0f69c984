"""The operator that finds what a run has to do and cuts it into batches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from operators import settings
from operators.hooks import CatalogHook
from operators.inbox_folder import inbox_folder
from operators.space import store_space

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import Context

    from operators.due import Inquiry
    from operators.inbox import Listing

LISTING = "listing"
"""XCom key: counts for the report. How many files were ``found``, of them ``before`` needing nothing more,
how many scans are ``due``, how many were refused and still are (``known``), how many files are ``waiting``,
how many ``others`` were skipped, and about how many ``bytes`` the run will write."""


class FindScansOperator(BaseOperator):
    """Finds what there is to do and returns it in batches, never more than a DAG run can map.

    These are the inbox's new or changed files, and the scans that are due according to the catalog. A run for
    another folder than the configured inbox takes only the scans of that folder.

    Parameters
    ----------
    inbox
        The folder; empty for the configured one.
    batch_size
        Photographs per batch; grown where there would be too many batches.
    collection
        Slug of the collection that the objects are to join; empty for none.
    again
        Whether scans that an earlier run refused get another chance.
    redo
        Which finished scans are taken up again, see `catalog.due.Redo`.
    """

    template_fields: Sequence[str] = ("inbox", "batch_size", "collection", "again", "redo")
    ui_color = "#f4f1e6"

    def __init__(
        self,
        *,
        inbox: str = "",
        batch_size: int | str = 0,
        collection: str = "",
        again: bool | str = False,
        redo: str = "never",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.inbox = inbox
        self.batch_size = batch_size
        self.collection = collection
        self.again = again
        self.redo = redo

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the batches, each ``{"index": …, "names": […], "scans": […]}``."""
        from airflow.sdk import conf

        from operators.due import bytes_to_write, work_due  # loads the catalog
        from operators.inbox import cut

        with closing(CatalogHook()) as hook:
            inbox = inbox_folder(self.inbox)
            listing = self._listing(inbox)
            inquiry = self._inquiry(everything=inbox == inbox_folder(""))
            work = work_due(hook.engine, hook.store, inbox, listing.scans, inquiry)
            expected = bytes_to_write(hook.engine, inbox, work)
        for failure in work.refused:
            self.log.warning("refused before: %s: %s", failure.photograph, failure.reason)
        for due in work.scans:
            self.log.info("scan %d is due: %s", due.scan, due.reason)
        at_most = min(settings.MAX_BATCHES, conf.getint("core", "max_map_length", fallback=1024))
        items: list[str | int] = [*work.names, *(due.scan for due in work.scans)]
        batches = cut(items, int(self.batch_size) or settings.batch_size(), at_most)
        self.log.info(
            "%d files to take in and %d scans due, in %d batches; %d of %d files in %s need nothing more",
            *(len(work.names), len(work.scans), len(batches), work.before, len(listing.scans), inbox),
        )
        counts = {
            "found": len(listing.scans),
            "before": work.before,
            "due": len(work.scans),
            "known": len(work.refused),
            "waiting": len(listing.waiting),
            "others": len(listing.others),
            "bytes": expected,
        }
        if shortage := store_space().shortage(expected):
            self.log.warning(
                "the disk will not do for the whole run: %s. Make room, or photographs will wait for it.",
                shortage,
            )
        context["ti"].xcom_push(LISTING, counts)
        return [_batch(index, batch) for index, batch in enumerate(batches)]

    def _listing(self, inbox: Path) -> Listing:
        from operators.inbox import list_inbox

        quiet = settings.quiet_seconds()
        listing = list_inbox(inbox, quiet)
        if listing.waiting:
            # A file dropped a moment ago is mostly complete: after the quiet time that is certain.
            time.sleep(quiet)
            listing = list_inbox(inbox, quiet)
        for name in listing.waiting:
            self.log.info("waiting, because it is still being written: %s", name)
        for name in listing.others:
            self.log.info("skipped, because its suffix is not a picture's: %s", name)
        return listing

    def _inquiry(self, *, everything: bool) -> Inquiry:
        from catalog.due import Redo
        from operators.due import Inquiry
        from operators.version import software_version

        return Inquiry(
            software_version=software_version(),
            collection=self.collection,
            again=str(self.again).lower() == "true",
            redo=Redo(self.redo),
            everything=everything,
        )


def _batch(index: int, items: Sequence[str | int]) -> dict[str, Any]:
    names = [item for item in items if isinstance(item, str)]
    return {"index": index, "names": names, "scans": [item for item in items if isinstance(item, int)]}
