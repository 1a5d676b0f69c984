"""The staff's pages: the queue, the photograph under review, and the decisions.

A decision is one transaction (`catalog.reviews.decide`). Sent twice, or sent after somebody else decided, it
is refused with what happened in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from cachetools import TTLCache, cached
from fastapi import APIRouter, Depends, Form, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from sqlalchemy import Connection

from catalog import collections, events, given_hints, kinds, queue, reviews, scans
from catalog.agents import Agent
from catalog.database import in_transaction
from catalog.derivatives import Version
from catalog.events import Event
from catalog.iiif.addresses import name_of, path_token
from catalog.iiif.presentation import ShownObject, ShownScan, hint_chroma, hint_color, shown_object
from catalog.kinds import Treatment
from catalog.objects import by_id
from catalog.reviews import Review
from catalog.schema import AgentRole, ReviewState
from catalog.site.html_pages import PER_PAGE, card, photograph_values, render
from catalog.site.site import Site
from catalog.web import figures
from catalog.web.access import Dependency, same_origin
from imaging.errors import CatalogError, OptionsError
from imaging.scan_kind import ScanKind

MOST_HINTS = 200
_COUNTED_SECONDS = 5.0
"""How long a count of the reviews in each state is shown."""

_ORDERS = {
    queue.Order.CERTAINTY: "least certain colors",
    queue.Order.DAMAGE: "most damaged",
    queue.Order.ARRIVAL: "longest waiting",
}
_CHOICES = {
    ReviewState.PENDING: ("approved", "returned", "rejected"),
    ReviewState.APPROVED: ("returned", "rejected"),
    ReviewState.REJECTED: ("pending",),
    ReviewState.RETURNED: ("pending",),
}
_NO_CACHE = {"Cache-Control": "no-store"}
_NO_SUCH = "There is no such photograph."


Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
"""What PostgreSQL can hold: anything but NUL."""


class PlacedHint(BaseModel):
    """A color hint as the page sends it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)
    radius: float = Field(default=0.01, ge=given_hints.LEAST_RADIUS, le=1)
    color: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")
    source: Text = Field(min_length=1, max_length=500)
    citation: Text = Field(default="", max_length=500)
    source_date: Text = Field(default="", max_length=100)

    def hint(self) -> given_hints.Hint:
        """Return the hint with its color as chroma."""
        a, b = hint_chroma(self.color)
        return given_hints.Hint(
            x=self.x,
            y=self.y,
            radius=self.radius,
            a=a,
            b=b,
            source=self.source,
            citation=self.citation,
            source_date=self.source_date,
        )


class DecisionForm(BaseModel):
    """A decision as the page sends it; `hints` is a JSON list of `PlacedHint`."""

    decision: ReviewState
    revision: int
    reason: Text = Field(default="", max_length=2000)
    hints: str = Field(default="[]", max_length=200_000)


class KindForm(BaseModel):
    """The kind that somebody sets for a scan; empty for the detected one."""

    kind: ScanKind | Literal[""] = ""


class ColoringForm(BaseModel):
    """Whether an object must not be colored."""

    do_not_color: bool = False


_PLACED = TypeAdapter(Annotated[list[PlacedHint], Field(max_length=MOST_HINTS)])


def queue_routes(site: Site) -> APIRouter:
    """Return the route to the queue."""
    router = APIRouter(default_response_class=HTMLResponse)
    # A page takes less time than counting.
    tallies: TTLCache[None, dict[ReviewState, int]] = TTLCache(1, _COUNTED_SECONDS)
    counts_of = cached(tallies, key=lambda connection: None, lock=Lock())(queue.counts)

    @router.get("/")
    def show_queue(
        state: ReviewState = ReviewState.PENDING,
        order: queue.Order = queue.Order.CERTAINTY,
        collection: str = "",
        after: str | None = None,
    ) -> Response:
        which = queue.QueueFilter(state=state, collection=collection or None)
        with site.engine.connect() as connection:
            page = queue.page(connection, which, order=order, after=after, limit=PER_PAGE)
            counts = counts_of(connection)
            every = collections.children(connection)
            unresolved = scans.unresolved(connection, limit=20)
        chosen = {"state": state, "order": order, "collection": collection}
        html = render(
            "queue.html",
            site,
            cards=[_card(site, item) for item in page.items],
            states=[(str(one), counts[one]) for one in ReviewState],
            orders=list(_ORDERS.items()),
            collections=every,
            chosen_state=str(state),
            chosen_order=order,
            chosen_collection=collection,
            following=f"{site.prefix}/?{urlencode(chosen | {'after': page.following})}"
            if page.following
            else None,
            unresolved=unresolved,
        )
        return HTMLResponse(html, headers=_NO_CACHE)

    return router


def review_routes(site: Site) -> APIRouter:
    """Return the route to a photograph under review."""
    router = APIRouter(default_response_class=HTMLResponse)

    @router.get("/photographs/{token}/")
    def photograph(token: str) -> Response:
        name = name_of(token)
        with site.engine.connect() as connection:
            shown = shown_object(connection, name, site.audience) if name else None
            if shown is None:
                raise HTTPException(404, _NO_SUCH)
            values = photograph_values(site, shown) | _review_values(connection, shown)
        return HTMLResponse(render("review.html", site, **values), headers=_NO_CACHE)

    return router


def decision_routes(site: Site, write: Dependency) -> APIRouter:
    """Return the routes for decisions; `write` returns who decides, or refuses."""
    router = APIRouter(dependencies=[Depends(same_origin)])
    who_decides = Depends(write)

    @router.post("/reviews/{number}/decision")
    def decide(number: int, form: Annotated[DecisionForm, Form()], reviewer: Agent = who_decides) -> Response:
        given = _read_hints(form.hints) if form.decision is ReviewState.RETURNED else []

        def work(connection: Connection) -> str:
            review = reviews.decide(
                connection,
                number,
                form.decision,
                reviewer,
                reason=form.reason,
                given=given,
                revision=form.revision,
            )
            return _home(connection, site, review.scan_id)

        return _decided(site, work)

    @router.post("/hints/{number}/withdrawal")
    def withdraw_hint(number: int, reviewer: Agent = who_decides) -> Response:
        def work(connection: Connection) -> str:
            return _home(connection, site, given_hints.withdraw(connection, number, reviewer))

        return _decided(site, work)

    @router.post("/scans/{number}/kind")
    def set_kind(number: int, form: Annotated[KindForm, Form()], reviewer: Agent = who_decides) -> Response:
        def work(connection: Connection) -> str:
            kinds.overrule(connection, number, form.kind or None, reviewer)
            return _home(connection, site, number)

        return _decided(site, work)

    @router.post("/objects/{number}/coloring")
    def set_coloring(
        number: int, form: Annotated[ColoringForm, Form()], reviewer: Agent = who_decides
    ) -> Response:
        def work(connection: Connection) -> str:
            kinds.forbid(connection, number, form.do_not_color, reviewer)
            return _home_of(connection, site, number)

        return _decided(site, work)

    return router


def _decided(site: Site, work: Callable[[Connection], str]) -> Response:
    """Run `work` and redirect to the page that it returns; 409 when the catalog refuses."""
    try:
        home = in_transaction(site.engine, work)
    except CatalogError as error:
        page = render("message.html", site, title="Not saved", text=str(error), back=f"{site.prefix}/")
        return HTMLResponse(page, 409, headers=_NO_CACHE)
    return RedirectResponse(home, 303)


def _read_hints(text: str) -> list[given_hints.Hint]:
    try:
        return [placed.hint() for placed in _PLACED.validate_json(text)]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "hints"
        raise OptionsError(where, first["msg"], "Place the hint again.") from error


def _home(connection: Connection, site: Site, scan_id: int) -> str:
    return _home_of(connection, site, scans.get(connection, scan_id).object_id)


def _home_of(connection: Connection, site: Site, object_id: int | None) -> str:
    found = by_id(connection, [object_id]) if object_id is not None else {}
    for item in found.values():
        return f"{site.prefix}/photographs/{path_token(item.accession_number)}/"
    return f"{site.prefix}/"


def _card(site: Site, item: queue.QueueItem) -> Any:
    return card(
        site,
        item.accession_number or item.original_name,
        item.title or item.original_name,
        state=str(item.review.state),
        confidence=item.review.confidence,
        damage=item.review.damage,
    )


def _review_values(connection: Connection, shown: ShownObject) -> dict[str, Any]:
    return {
        "reviews": [
            {
                **{name: getattr(review, name) for name in ("id", "revision", "confidence", "damage")},
                "state": str(review.state),
                "reason": review.reason,
                "reviewer": review.reviewer,
                "number": version.number,
                "choices": _CHOICES.get(review.state, ()),
                "view": number,
            }
            for number, scan in enumerate(shown.scans)
            for review, version in _reviewed(connection, scan)
        ],
        "kinds": [
            _kind(scan.scan.id, scan.scan.original_name, kinds.treatment(connection, scan.scan.id))
            for scan in shown.scans
        ],
        "every_kind": [(str(kind), kind.label) for kind in ScanKind],
        "object": shown.object,
        "hints": [
            {
                "id": hint.id,
                "color": hint_color(hint.a, hint.b),
                "source": ", ".join(filter(None, (hint.source, hint.citation, hint.source_date))),
                "author": hint.author,
                "given": f"{hint.given_at:%Y-%m-%d}",
            }
            for scan in shown.scans
            for hint in given_hints.standing(connection, scan.scan.id)
        ],
        "stage_reports": [
            {
                "stage": version.stage,
                "figures": figures.rows(version.figures),
                "parameters": figures.rows(version.parameters),
            }
            for scan in shown.scans
            for version in scan.lineage
            if version.figures
        ],
        "events": [
            _event(event) for scan in shown.scans for event in events.of_scan(connection, scan.scan.id)
        ],
    }


def _reviewed(connection: Connection, shown: ShownScan) -> Iterator[tuple[Review, Version]]:
    """Yield the version that is shown and, where it is another, the one that the public sees."""
    if shown.review and shown.version:
        yield shown.review, shown.version
    public = reviews.approved_version(connection, shown.scan.id)
    if public and (shown.version is None or public.id != shown.version.id):
        yield reviews.of_version(connection, public.id), public


def _kind(scan_id: int, name: str, treatment: Treatment) -> dict[str, Any]:
    known = treatment.known
    return {
        "scan": scan_id,
        "name": name,
        "label": known.kind.label if known else None,
        "explanation": treatment.explanation,
        "told": known.told.label if known and known.told else None,
        "reason": known.reason if known else "",
        "evidence": figures.rows(known.evidence) if known else [],
        "said": str(known.said) if known and known.said else "",
        "said_by": known.said_by if known else None,
        "said_at": f"{known.said_at:%Y-%m-%d}" if known and known.said_at else None,
        "negative": known is not None and known.kind is ScanKind.NEGATIVE,
    }


def _event(event: Event) -> dict[str, str]:
    people = [
        f"{one.agent.name} {one.agent.version}".strip() for one in event.participants if one.role in AgentRole
    ]
    return {
        "iso": event.started_at.isoformat(),
        "when": f"{event.started_at:%Y-%m-%d %H:%M}",
        "what": f"{event.stage or event.type}",
        "outcome": str(event.outcome),
        "detail": event.detail,
        "who": ", ".join(people),
    }
