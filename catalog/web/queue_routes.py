"""The staff's ways in: the queue, and the history of decisions."""

from __future__ import annotations

from threading import Lock
from typing import Annotated, Any

from cachetools import TTLCache, cached
from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from catalog import collections, decisions, queue, scans
from catalog.schema import ReviewState
from catalog.site.html_pages import PER_PAGE, card, render
from catalog.site.site import Site
from catalog.web.decided import decided_values, row
from catalog.web.queue_place import QueuePlace
from catalog.web.responses import NO_STORE

_COUNTED_SECONDS = 5.0
"""How long a count of the reviews in each state is shown."""

_ORDERS = {
    queue.Order.CERTAINTY: "least certain colors",
    queue.Order.DAMAGE: "most damaged",
    queue.Order.ARRIVAL: "longest waiting",
}


class QueuePage(QueuePlace):
    """Which page of a queue: the first, or the one next to a token of `catalog.queue.Page`.

    `decided` is the number of a decision that was just made.
    """

    after: str | None = None
    before: str | None = None
    decided: int | None = None


def queue_routes(site: Site) -> APIRouter:
    """Return the routes to the queue and to the history of decisions."""
    router = APIRouter(default_response_class=HTMLResponse)
    # A page takes less time than counting.
    tallies: TTLCache[None, dict[ReviewState, int]] = TTLCache(1, _COUNTED_SECONDS)
    counts_of = cached(tallies, key=lambda connection: None, lock=Lock())(queue.counts)

    @router.get("/")
    def show_queue(asked: Annotated[QueuePage, Query()]) -> Response:
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
            counts = counts_of(connection)
            every = collections.children(connection)
            unresolved = scans.unresolved(connection, limit=20)
            decided = decided_values(connection, site, asked.decided)
        html = render(
            "queue.html",
            site,
            cards=[_card(site, place, item) for item in page.items],
            states=[(str(one), counts[one]) for one in ReviewState],
            orders=list(_ORDERS.items()),
            collections=every,
            chosen=place,
            place=place.query(),
            preceding=page.preceding and place.queue_path(site, before=page.preceding),
            following=page.following and place.queue_path(site, after=page.following),
            unresolved=unresolved,
            decided=decided,
        )
        return HTMLResponse(html, headers=NO_STORE)

    @router.get("/decisions/")
    def history() -> Response:
        with site.engine.connect() as connection:
            rows = [row(site, decision) for decision in decisions.recent(connection)]
        return HTMLResponse(render("decisions.html", site, rows=rows, decided=None), headers=NO_STORE)

    return router


def _card(site: Site, place: QueuePlace, item: queue.QueueItem) -> Any:
    name = item.accession_number or item.original_name
    return card(
        site,
        name,
        item.title or item.original_name,
        href=place.photograph_path(site, item),
        state=str(item.review.state),
        confidence=item.review.confidence,
        damage=item.review.damage,
    )
