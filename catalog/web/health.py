"""Whether this process can serve: load balancers take out one that responds with anything but 200."""

from __future__ import annotations

import logging

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from catalog.site.site import Site

logger = logging.getLogger(__name__)


def health_routes(site: Site) -> APIRouter:
    """Return the route ``/health``: 200 when catalog and store can be read, else 503 and which cannot."""
    router = APIRouter()

    @router.get("/health")
    def health() -> Response:
        can_be_read = {"catalog": _catalog(site), "store": site.root.is_dir()}
        lacking = [name for name, is_there in can_be_read.items() if not is_there]
        state = {"status": "unavailable", "lacking": lacking} if lacking else {"status": "ok"}
        return JSONResponse(state, 503 if lacking else 200, headers={"Cache-Control": "no-store"})

    return router


def _catalog(site: Site) -> bool:
    try:
        with site.engine.connect() as connection:
            connection.execute(text("SELECT 1 FROM objects LIMIT 1"))
    except SQLAlchemyError as error:
        logger.warning("health: the catalog cannot be read: %s", error)
        return False
    return True
