"""The operator that lists the inbox and cuts it into batches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from operators import settings
from operators.hooks import CatalogHook

if TYPE_CHECKING:
    from airflow.sdk import Context

LISTING = "listing"
"""XCom key: how many files are ``waiting`` and how many ``others`` were passed over, for the report."""


class FindScansOperator(BaseOperator):
    """Lists the scans of the inbox and hands them on in batches, never more than a DAG run can map.

    Parameters
    ----------
    inbox
        The folder; empty for the configured one.
    batch_size
        Photographs per batch; grown where there would be too many batches.
    """

    template_fields: Sequence[str] = ("inbox", "batch_size")
    ui_color = "#f4f1e6"

    def __init__(self, *, inbox: str = "", batch_size: int | str = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inbox = inbox
        self.batch_size = batch_size

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the batches, each ``{"index": …, "names": […]}``."""
        from airflow.sdk import conf  # noqa: PLC0415

        from operators.inbox import cut, list_inbox  # noqa: PLC0415

        with closing(CatalogHook()) as hook:
            inbox = hook.inbox(self.inbox)
        quiet = settings.quiet_seconds()
        listing = list_inbox(inbox, quiet)
        if listing.waiting:
            # What was dropped a moment ago is mostly whole: it gets the time to prove that.
            time.sleep(quiet)
            listing = list_inbox(inbox, quiet)
        for name in listing.waiting:
            self.log.info("waits, because it is still being written: %s", name)
        for name in listing.others:
            self.log.info("passed over, because its suffix promises no picture: %s", name)
        at_most = min(settings.MAX_BATCHES, conf.getint("core", "max_map_length", fallback=1024))
        batches = cut(listing.scans, int(self.batch_size) or settings.batch_size(), at_most)
        self.log.info("%d scans in %d batches from %s", len(listing.scans), len(batches), inbox)
        context["ti"].xcom_push(LISTING, {"waiting": len(listing.waiting), "others": len(listing.others)})
        return [{"index": index, "names": names} for index, names in enumerate(batches)]
