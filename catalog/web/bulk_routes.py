"""Decisions about many photographs at one stroke: a selection, its confirmation, and undoing.

Each decision is a transaction of its own: one that is refused, for somebody was faster, holds back no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from catalog import decisions, queue
from catalog.agents import Agent
from catalog.database import in_transaction
from catalog.queue import QueueItem
from catalog.schema import ReviewState
from catalog.site.html_pages import card, render
from catalog.site.site import Site
from catalog.undo import undo
from catalog.web import deciding
from catalog.web.access import Dependency, same_origin
from catalog.web.decision_routes import UndoForm
from catalog.web.placed_hints import Text
from catalog.web.queue_place import QueuePlace
from catalog.web.responses import NO_STORE, wants_json
from imaging.errors import CatalogError
from imaging.scan_kind import ScanKind

MOST = queue.MOST_PER_PAGE
"""Photographs decided at one stroke."""
LEAST_SURE = 6
"""Photographs that a confirmation shows."""

_Number = Annotated[int, Field(ge=1, lt=2**63)]


class SelectionForm(BaseModel):
    """Reviews that somebody chose, and what is to be decided about all of them."""

    review: Annotated[list[_Number], Field(min_length=1, max_length=MOST)]
    decision: ReviewState
    place: Text = Field(default="", max_length=2000)


class BulkForm(BaseModel):
    """A confirmed selection; `seen` has the number and revision of each review, such as ``12:0``.

    `kind` is set for scans that are sent back.
    """

    seen: Annotated[list[Annotated[str, Field(pattern=r"^[1-9]\d{0,17}:\d{1,9}$")]], Field(max_length=MOST)]
    decision: ReviewState
    reason: Text = Field(default="", max_length=2000)
    kind: ScanKind | Literal[""] = ""
    place: Text = Field(default="", max_length=2000)


def bulk_routes(site: Site, write: Dependency) -> APIRouter:
    """Return the routes for decisions about many; `write` returns who decides, or refuses."""
    router = APIRouter(dependencies=[Depends(same_origin)])
    who_decides = Depends(write)

    @router.post("/selection/", dependencies=[who_decides])
    def confirm(form: Annotated[SelectionForm, Form()]) -> Response:
        with site.engine.connect() as connection:
            items = queue.of_reviews(connection, form.review)
        if not items:
            raise HTTPException(404, "None of these photographs is there any more.")
        page = render("selection.html", site, **_confirmation(site, items, form))
        return HTMLResponse(page, headers=NO_STORE)

    @router.post("/reviews/decisions")
    def decide(form: Annotated[BulkForm, Form()], reviewer: Agent = who_decides) -> Response:
        place, batch = QueuePlace.read(form.place) or QueuePlace(), uuid4()
        if form.decision in {ReviewState.REJECTED, ReviewState.RETURNED} and not form.reason.strip():
            raise CatalogError(
                "the selection", f"is to be {form.decision} without a reason", "Go back and say why."
            )
        refused: list[str] = []
        for number, revision in (map(int, one.split(":")) for one in form.seen):
            try:
                in_transaction(site.engine, _one(form, number, revision, reviewer, batch))
            except CatalogError as error:
                refused.append(str(error))
        following = place.queue_path(site, batch=batch if len(refused) < len(form.seen) else None)
        if not refused:
            return RedirectResponse(following, 303)
        told = {"done": len(form.seen) - len(refused), "refused": refused, "following": following}
        return HTMLResponse(render("refused.html", site, **told), 409, headers=NO_STORE)

    @router.post("/batches/{batch}/undo")
    def take_back(
        request: Request, batch: UUID, form: Annotated[UndoForm, Form()], reviewer: Agent = who_decides
    ) -> Response:
        place = QueuePlace.read(form.place) or QueuePlace()

        def work(connection: Connection) -> None:
            for decision in decisions.of_batch(connection, batch):
                if decision.stands:
                    undo(connection, decision.id, reviewer)

        in_transaction(site.engine, work)
        following = place.queue_path(site)
        if wants_json(request):
            return JSONResponse({"next": following}, headers=NO_STORE)
        return RedirectResponse(following, 303)

    return router


def _one(form: BulkForm, number: int, revision: int, reviewer: Agent, batch: UUID) -> Any:
    def work(connection: Connection) -> None:
        deciding.decide(
            connection,
            number,
            form.decision,
            reviewer,
            reason=form.reason,
            revision=revision,
            kind=form.kind or None,
            batch=batch,
        )

    return work


def _confirmation(site: Site, items: Sequence[QueueItem], form: SelectionForm) -> dict[str, Any]:
    place = QueuePlace.read(form.place) or QueuePlace()
    return {
        "count": len(items),
        "decision": str(form.decision),
        "seen": [f"{item.review.id}:{item.review.revision}" for item in items],
        "cards": [
            card(
                site,
                item.accession_number or item.original_name,
                item.title or item.original_name,
                href=place.photograph_path(site, item),
                state=str(item.review.state),
                confidence=item.review.confidence,
                damage=item.review.damage,
            )
            for item in items[:LEAST_SURE]
        ],
        "place": place.query(),
        "every_kind": [(str(kind), kind.label) for kind in ScanKind],
        "back": place.queue_path(site),
    }
