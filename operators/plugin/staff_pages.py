"""The catalog's pages inside Airflow: for those whom `operators.plugin.dag_access` lets in.

Loads the catalog; only the api-server imports it, at the first request.
"""

from __future__ import annotations

import asyncio
from typing import Any

from airflow.assets.manager import asset_manager
from airflow.models.asset import AssetModel
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select
from starlette.types import Message, Receive, Scope, Send

from catalog import objects, scans
from catalog.agents import Agent, person
from catalog.iiif.addresses import Addresses
from catalog.iiif.presentation import Audience
from catalog.site.html_pages import card, render
from catalog.site.site import Site
from catalog.web.access import StaffAccess
from catalog.web.app import create_app
from operators import settings
from operators.configured import publisher
from operators.hooks import CatalogHook
from operators.outcome import BatchOutcome
from operators.plugin.assets import REVIEWS
from operators.plugin.dag_access import REQUIRED_DAG, Application

DECISIONS = ("/decision", "/decisions", "/undo")
"""How the paths end to which decisions are posted."""
SEE_OTHER = 303


def make_pages() -> Application:
    """Return the pages for staff, with one more that shows the photographs of a task."""
    hook = CatalogHook()
    # Not the manifests' address, which may be another server's: staff see these pages where they see Airflow.
    address = settings.pages_address()
    # `DagAccessRequirement` has already checked who may read and decide; here only the name is needed.
    access = StaffAccess(read=_caller, write=_caller, decides=_decides)
    pages = create_app(hook.engine, hook.store.root, address, staff=access, institution=publisher())
    site = Site(hook.engine, hook.store.root, Addresses(address), Audience.STAFF, publisher())
    _add_task_page(pages, site)
    return DecisionAnnouncer(pages)


class DecisionAnnouncer:
    """Announces every decision of an archivist to Airflow, so that what depends on it runs.

    Parameters
    ----------
    pages
        The application in which decisions are made.
    """

    def __init__(self, pages: FastAPI) -> None:
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; announce the decision when one was made."""
        decided = False

        async def watch(message: Message) -> None:
            nonlocal decided
            if message["type"] == "http.response.start":
                # Pages are answered with a redirect, scripts with what comes next.
                decided = message["status"] in {200, SEE_OTHER}
            await send(message)

        await self._pages(scope, receive, watch)
        if decided and scope["method"] == "POST" and scope["path"].endswith(DECISIONS):
            await asyncio.to_thread(announce_decision)


def announce_decision() -> None:
    """Record an event of the asset `REVIEWS`."""
    with create_session() as session:
        asset = session.scalar(select(AssetModel).where(AssetModel.uri == REVIEWS.uri))
        if asset is not None:
            asset_manager.register_asset_change(asset=asset, session=session)


def _caller(request: Request) -> Agent:
    name = request.scope.get("state", {}).get("heliochrome_user")
    if not name:
        raise HTTPException(401, "Not authenticated")
    return person(name)


def _decides(request: Request) -> bool:
    return bool(request.scope.get("state", {}).get("heliochrome_decides"))


def _add_task_page(pages: FastAPI, site: Site) -> None:
    @pages.get("/task", response_class=HTMLResponse)
    def photographs_of_task(run: str, task: str, batch: int = -1) -> Response:
        """Show the objects whose scans a batch passed on, and what it lost; redirect to a single one."""
        # Run ids hold a plus sign, which forms and some links turn into a space.
        outcome = _outcome(run.replace(" ", "+"), task, batch)
        references = outcome.scans if outcome else ()
        with site.engine.connect() as connection:
            shown = [scans.get(connection, reference.scan) for reference in references]
            numbers = [scan.object_id for scan in shown if scan.object_id is not None]
            found = objects.by_id(connection, numbers)
        cards = [card(site, one.accession_number, one.title) for one in found.values()]
        if len(cards) == 1:
            return RedirectResponse(cards[0].href, SEE_OTHER)
        values: dict[str, Any] = {
            "nested": [],
            "cards": cards,
            "following": None,
            "document": None,
            "search": None,
        }
        lost = "; ".join(f"{one.photograph}: {one.reason}" for one in outcome.lost) if outcome else ""
        page = render("collection.html", site, title="Photographs of this task", description=lost, **values)
        return HTMLResponse(page, headers={"Cache-Control": "no-store"})


def _outcome(run: str, task: str, batch: int) -> BatchOutcome | None:
    query = XComModel.get_many(
        run_id=run, key="return_value", task_ids=task, dag_ids=REQUIRED_DAG, map_indexes=batch
    )
    with create_session() as session:
        entry = session.scalars(query).first()
        value = XComModel.deserialize_value(entry) if entry is not None else None
    try:
        return BatchOutcome.from_xcom(value) if isinstance(value, dict) else None
    except (KeyError, TypeError):
        return None
