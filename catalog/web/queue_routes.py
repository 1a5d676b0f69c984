"""The staff's ways in: the queue, and the history of decisions."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Annotated, Any
from uuid import UUID

from cachetools import TTLCache, cached
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from catalog import collections, decisions, queue, scans
from catalog.schema import ReviewState
from catalog.site.html_pages import PER_PAGE, card, render
from catalog.site.site import Site
from catalog.web.decided import batch_values, decided_values, row
from catalog.web.queue_place import QueuePlace
from catalog.web.responses import NO_STORE
from catalog.workload import Workload, workload
from imaging.scan_kind import ScanKind

_COUNTED_SECONDS = 5.0
"""How long figures are shown: a page takes less time than counting."""

_ORDERS = {
    queue.Order.CERTAINTY: "least certain colors",
    queue.Order.DAMAGE: "most damaged",
    queue.Order.ARRIVAL: "longest waiting",
}
_CHOICES = {
    "sureness": {"low": "under 40 %", "middle": "40–70 %", "high": "over 70 %"},
    "wear": {"little": "under 5 %", "some": "5–15 %", "much": "over 15 %"},
    "kind": {str(kind): kind.label for kind in ScanKind},
}


class QueuePage(QueuePlace):
    """Which page of a queue: the first, or the one next to a token of `catalog.queue.Page`.

    `decided` is the number of a decision that was just made, `batch` what many were made with.
    """

    after: str | None = None
    before: str | None = None
    decided: int | None = None
    batch: UUID | None = None


def queue_routes(site: Site, decides: Callable[[Request], bool]) -> APIRouter:
    """Return the routes to the queue and to the history; those who may not decide see no buttons."""
    router = APIRouter(default_response_class=HTMLResponse)
    figures: TTLCache[None, Workload] = TTLCache(1, _COUNTED_SECONDS)
    workload_of = cached(figures, key=lambda connection: None, lock=Lock())(workload)

    @router.get("/")
    def show_queue(request: Request, asked: Annotated[QueuePage, Query()]) -> Response:
        place = QueuePlace.model_validate(asked.model_dump(include=set(QueuePlace.model_fields)))
        with site.engine.connect() as connection:
            page = queue.page(
                connection,
                place.which(),
                order=place.order,
                after=asked.after,
                before=asked.before,
                limit=PER_PAGE,
            )
            values = {
                "work": workload_of(connection),
                "pairs": [(one.slug, one.title or one.slug) for one in collections.children(connection)],
                "people": [(name, name) for name in queue.reviewers(connection)],
                "unresolved": scans.unresolved(connection, limit=20),
                "decided": batch_values(connection, site, asked.batch)
                or decided_values(connection, site, asked.decided),
            }
        html = render(
            "queue.html",
            site,
            cards=[_card(site, place, item) for item in page.items],
            reviews=[item.review for item in page.items],
            states=[str(one) for one in ReviewState],
            choices=_CHOICES,
            orders=list(_ORDERS.items()),
            decides=decides(request),
            chosen=place,
            place=place.query(),
            is_filtered=place != QueuePlace(state=place.state, order=place.order),
            preceding=page.preceding and place.queue_path(site, before=page.preceding),
            following=page.following and place.queue_path(site, after=page.following),
            **values,
        )
        return HTMLResponse(html, headers=NO_STORE)

    @router.get("/decisions/")
    def history(request: Request) -> Response:
        with site.engine.connect() as connection:
            rows = [row(site, decision) for decision in decisions.recent(connection)]
        return HTMLResponse(
            render("decisions.html", site, rows=rows, decides=decides(request)), headers=NO_STORE
        )

    return router


def _card(site: Site, place: QueuePlace, item: queue.QueueItem) -> Any:
    name = item.accession_number or item.original_name
    return card(
        site,
        name,
        item.title or item.original_name,
        href=place.photograph_path(site, item),
        review=item.review.id,
        state=str(item.review.state),
        confidence=item.review.confidence,
        damage=item.review.damage,
    )
