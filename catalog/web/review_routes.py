"""The staff's page of a photograph under review."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from catalog import decisions, events, given_hints, kinds, queue, reviews
from catalog.derivatives import Version
from catalog.events import Event
from catalog.iiif.addresses import name_of
from catalog.iiif.presentation import ShownObject, ShownScan, shown_color, shown_object
from catalog.kinds import Treatment
from catalog.reviews import Review
from catalog.schema import AgentRole, ReviewState
from catalog.site.html_pages import photograph_values, render
from catalog.site.overlays import overlay_values
from catalog.site.site import Site
from catalog.web import figures
from catalog.web.decided import decided_values, row
from catalog.web.queue_place import QueuePlace
from catalog.web.responses import NO_STORE
from imaging.scan_kind import ScanKind

_CHOICES = {
    ReviewState.PENDING: ("approved", "returned", "rejected"),
    ReviewState.APPROVED: ("returned", "rejected"),
    ReviewState.REJECTED: ("pending",),
    ReviewState.RETURNED: ("pending",),
}
_NO_SUCH = "There is no such photograph."


class ReviewPage(QueuePlace):
    """A photograph's page: its place in the queue, and the number of a decision that was just made."""

    decided: int | None = None


def review_routes(site: Site, decides: Callable[[Request], bool]) -> APIRouter:
    """Return the route to a photograph under review; those who may not decide see no buttons."""
    router = APIRouter(default_response_class=HTMLResponse)

    @router.get("/photographs/{token}/")
    def photograph(request: Request, token: str, asked: Annotated[ReviewPage, Query()]) -> Response:
        place = QueuePlace.model_validate(asked.model_dump(include=set(QueuePlace.model_fields)))
        name = name_of(token)
        with site.engine.connect() as connection:
            shown = shown_object(connection, name, site.audience) if name else None
            if shown is None:
                raise HTTPException(404, _NO_SUCH)
            values = (
                photograph_values(site, shown)
                | _review_values(connection, site, shown)
                | _around(connection, site, shown, place)
                | {"views": _views(connection, site, shown)}
                | {"decided": decided_values(connection, site, asked.decided)}
                | {"decides": decides(request)}
            )
        return HTMLResponse(render("review.html", site, **values), headers=NO_STORE)

    return router


def _around(connection: Connection, site: Site, shown: ShownObject, place: QueuePlace) -> dict[str, Any]:
    """Return the ways to the queue and to the photographs before and after, where the page has a place."""
    found = [one for scan in shown.scans for one in reviews.of_scan(connection, scan.scan.id)]
    here = next((review for review in found if review.id == place.review), None)
    if here is None:
        return {"place": "", "back": f"{site.prefix}/", "previous": None, "following": None}
    around = queue.neighbors(connection, place.which(), place.order, here)
    ahead = around.previous and queue.token(place.order, around.previous.review)
    return {
        "place": place.query(),
        # The queue opens where the photograph is.
        "back": place.queue_path(site, after=ahead),
        "previous": around.previous and place.photograph_path(site, around.previous),
        "following": around.following and place.photograph_path(site, around.following),
    }


def _views(connection: Connection, site: Site, shown: ShownObject) -> list[dict[str, Any]]:
    """Return the views of `photograph_values` with what is drawn over each."""
    views: list[dict[str, Any]] = photograph_values(site, shown)["views"]
    return [
        view | {"overlays": overlay_values(site, scan, given_hints.standing(connection, scan.scan.id))}
        for view, scan in zip(views, shown.scans, strict=True)
    ]


def _review_values(connection: Connection, site: Site, shown: ShownObject) -> dict[str, Any]:
    return {
        "reviews": [
            {
                **{name: getattr(review, name) for name in ("id", "revision", "confidence", "damage")},
                "state": str(review.state),
                "reason": review.reason,
                "reviewer": review.reviewer,
                "number": version.number,
                "decision": _standing_decision(connection, site, review),
                "choices": _CHOICES.get(review.state, ()),
                "view": number,
                # What is typed about a scan outlives the version that it was typed about.
                "draft": f"{scan.scan.id}{'' if review == scan.review else '-public'}",
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
                "color": shown_color(hint),
                "is_exact": bool(hint.color),
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


def _standing_decision(connection: Connection, site: Site, review: Review) -> dict[str, Any] | None:
    decision = decisions.latest(connection, review.id)
    return row(site, decision) if decision and decision.stands else None


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
