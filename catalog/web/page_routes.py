"""Routes to the public's pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from catalog.iiif.addresses import name_of
from catalog.iiif.presentation import shown_object
from catalog.site.html_pages import (
    collection_page,
    photograph_values,
    render,
    search_page,
    thumbnail_path,
)
from catalog.site.site import Site

LONGEST_QUERY = 200
"""Of words to look for, characters."""
_FRESH = {"Cache-Control": "no-cache"}


def collection_routes(site: Site, *, home: str) -> APIRouter:
    """Return the routes to grids of photographs; all of them are shown at `home`."""
    router = APIRouter(default_response_class=HTMLResponse)

    @router.get(home)
    def everything(
        after: str = "",
        q: Annotated[str, Query(max_length=LONGEST_QUERY)] = "",
        page: Annotated[int, Query(ge=0, le=1000)] = 0,
    ) -> Response:
        if not q.strip():
            return grid(None, after)
        with site.engine.connect() as connection:
            found = search_page(connection, site, q, page, home=home)
        return HTMLResponse(found, headers=_FRESH)

    @router.get("/collections/{slug}/")
    def collection(slug: str, after: str = "") -> Response:
        return grid(slug, after)

    def grid(slug: str | None, after: str) -> Response:
        with site.engine.connect() as connection:
            page = collection_page(
                connection, site, slug, name_of(after) or "", home=home, search_path=f"{site.prefix}{home}"
            )
        if page is None:
            raise HTTPException(404, "There is no such collection.")
        return HTMLResponse(page, headers=_FRESH)

    return router


def thumbnail_routes(site: Site) -> APIRouter:
    """Return the routes that redirect a photograph's thumbnail to the image service."""
    router = APIRouter()

    @router.get("/photographs/{token}/thumbnail.jpg")
    def thumbnail(token: str) -> Response:
        name = name_of(token)
        with site.engine.connect() as connection:
            shown = shown_object(connection, name, site.audience) if name else None
        if shown is None:
            raise HTTPException(404, "There is no such photograph.")
        return RedirectResponse(thumbnail_path(site, shown), 303, headers={"Cache-Control": "max-age=60"})

    return router


def photograph_routes(site: Site) -> APIRouter:
    """Return the route to the page of a photograph."""
    router = APIRouter(default_response_class=HTMLResponse)

    @router.get("/photographs/{token}/")
    def photograph(token: str) -> Response:
        name = name_of(token)
        with site.engine.connect() as connection:
            shown = shown_object(connection, name, site.audience) if name else None
        if shown is None:
            raise HTTPException(404, "There is no such photograph.")
        page = render("photograph.html", site, **photograph_values(site, shown))
        return HTMLResponse(page, headers=_FRESH)

    return router
