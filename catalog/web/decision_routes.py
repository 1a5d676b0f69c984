"""What archivists decide and state, and take back.

A decision is one transaction (`catalog.reviews.decide`). Sent twice, or sent after somebody else decided, it
is refused with what happened in between. Pages are answered with a redirect to what comes next in the queue,
scripts that ask for JSON with its address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from catalog import decisions, given_hints, kinds, queue, scans
from catalog.agents import Agent
from catalog.database import in_transaction
from catalog.decisions import Decision
from catalog.iiif.addresses import path_token
from catalog.objects import by_id
from catalog.reviews import Review
from catalog.schema import ReviewState
from catalog.site.html_pages import render
from catalog.site.site import Site
from catalog.undo import undo
from catalog.web import deciding
from catalog.web.access import Dependency, same_origin
from catalog.web.decided import said, undo_path
from catalog.web.placed_hints import Text, read_hints
from catalog.web.queue_place import QueuePlace
from catalog.web.responses import NO_STORE, wants_json
from imaging.errors import CatalogError
from imaging.scan_kind import ScanKind


class DecisionForm(BaseModel):
    """A decision as the page sends it.

    `kind` is set for a scan that is sent back. `hints` is a JSON list of
    `catalog.web.placed_hints.PlacedHint`, `place` the query string of the queue's place (`QueuePlace`) in
    which it was made.
    """

    decision: ReviewState
    revision: int
    reason: Text = Field(default="", max_length=2000)
    hints: str = Field(default="[]", max_length=200_000)
    kind: ScanKind | Literal[""] = ""
    place: Text = Field(default="", max_length=2000)


class UndoForm(BaseModel):
    """The queue's place in which a decision is taken back."""

    place: Text = Field(default="", max_length=2000)


class KindForm(BaseModel):
    """The kind that somebody sets for a scan; empty for the detected one."""

    kind: ScanKind | Literal[""] = ""


class ColoringForm(BaseModel):
    """Whether an object must not be colored."""

    do_not_color: bool = False


@dataclass(frozen=True)
class Outcome:
    """Where to go on, and the decision that was made, if one was."""

    following: str
    decision: Decision | None = None


def decision_routes(site: Site, write: Dependency) -> APIRouter:
    """Return the routes for decisions; `write` returns who decides, or refuses."""
    router = APIRouter(dependencies=[Depends(same_origin)])
    who_decides = Depends(write)

    @router.post("/reviews/{number}/decision")
    def decide(
        request: Request, number: int, form: Annotated[DecisionForm, Form()], reviewer: Agent = who_decides
    ) -> Response:
        given = read_hints(form.hints) if form.decision is ReviewState.RETURNED else []
        place = QueuePlace.read(form.place)

        def work(connection: Connection) -> Outcome:
            review = deciding.decide(
                connection,
                number,
                form.decision,
                reviewer,
                reason=form.reason,
                revision=form.revision,
                given=given,
                kind=form.kind or None,
            )
            return Outcome(_following(connection, site, review, place), decisions.latest(connection, number))

        return _answer(request, site, work, _typed(form))

    @router.post("/decisions/{number}/undo")
    def take_back(
        request: Request, number: int, form: Annotated[UndoForm, Form()], reviewer: Agent = who_decides
    ) -> Response:
        place = QueuePlace.read(form.place)

        def work(connection: Connection) -> Outcome:
            review = undo(connection, number, reviewer)
            return Outcome(_home(connection, site, review.scan_id, _at(place, review)))

        return _answer(request, site, work)

    @router.post("/hints/{number}/withdrawal")
    def withdraw_hint(request: Request, number: int, reviewer: Agent = who_decides) -> Response:
        def work(connection: Connection) -> Outcome:
            return Outcome(_home(connection, site, given_hints.withdraw(connection, number, reviewer)))

        return _answer(request, site, work)

    @router.post("/scans/{number}/kind")
    def set_kind(
        request: Request, number: int, form: Annotated[KindForm, Form()], reviewer: Agent = who_decides
    ) -> Response:
        def work(connection: Connection) -> Outcome:
            kinds.overrule(connection, number, form.kind or None, reviewer)
            return Outcome(_home(connection, site, number))

        return _answer(request, site, work)

    @router.post("/objects/{number}/coloring")
    def set_coloring(
        request: Request, number: int, form: Annotated[ColoringForm, Form()], reviewer: Agent = who_decides
    ) -> Response:
        def work(connection: Connection) -> Outcome:
            kinds.forbid(connection, number, form.do_not_color, reviewer)
            return Outcome(_home_of(connection, site, number))

        return _answer(request, site, work)

    return router


def _typed(form: DecisionForm) -> list[tuple[str, str]]:
    """Return what somebody typed, with labels: a page that refuses it shows it, so that it is not lost."""
    typed = [("Your reason", form.reason), ("Your hints", form.hints if form.hints != "[]" else "")]
    return [(label, text) for label, text in typed if text.strip()]


def _answer(
    request: Request,
    site: Site,
    work: Callable[[Connection], Outcome],
    typed: Sequence[tuple[str, str]] = (),
) -> Response:
    """Run `work` and lead on to what it returns; 409, with what was `typed`, when the catalog refuses."""
    try:
        outcome = in_transaction(site.engine, work)
    except CatalogError as error:
        if wants_json(request):
            return JSONResponse({"detail": str(error)}, 409, headers=NO_STORE)
        back = f"{site.prefix}/"
        page = render("message.html", site, title="Not saved", text=str(error), back=back, kept=typed)
        return HTMLResponse(page, 409, headers=NO_STORE)
    decision = outcome.decision
    if wants_json(request):
        told = {"next": outcome.following}
        if decision:
            told |= {"said": said(decision), "undo": undo_path(site, decision)}
        return JSONResponse(told, headers=NO_STORE)
    address = outcome.following
    if decision:
        address += f"{'&' if '?' in address else '?'}decided={decision.id}"
    return RedirectResponse(address, 303)


def _following(connection: Connection, site: Site, review: Review, place: QueuePlace | None) -> str:
    """Return the path of what comes next in the queue; of the photograph, where another one was open."""
    if place is None or place.review != review.id:
        return _home(connection, site, review.scan_id, place)
    item = queue.neighbors(connection, place.which(), place.order, review).following
    return place.photograph_path(site, item) if item else place.queue_path(site)


def _at(place: QueuePlace | None, review: Review) -> QueuePlace | None:
    return place and place.model_copy(update={"review": review.id})


def _home(connection: Connection, site: Site, scan_id: int, place: QueuePlace | None = None) -> str:
    home = _home_of(connection, site, scans.get(connection, scan_id).object_id)
    return f"{home}?{place.query()}" if place else home


def _home_of(connection: Connection, site: Site, object_id: int | None) -> str:
    found = by_id(connection, [object_id]) if object_id is not None else {}
    for item in found.values():
        return f"{site.prefix}/photographs/{path_token(item.accession_number)}/"
    return f"{site.prefix}/"
