"""The application: read-only for the public, or with queue and decisions for staff.

`create_app` wires routes; nothing is read, connected or loaded before the first request, so that Airflow's
services can import it at no cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy import Engine
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Route

from catalog.iiif.addresses import Addresses
from catalog.iiif.image_service import ImageService, ServicePolicy
from catalog.iiif.presentation import Audience, is_image
from catalog.iiif.records import Institution
from catalog.site.html_pages import STATIC, render
from catalog.site.site import Site
from catalog.web.access import StaffAccess, storable
from catalog.web.bulk_routes import bulk_routes
from catalog.web.decision_routes import decision_routes
from catalog.web.health import health_routes
from catalog.web.iiif_routes import file_routes, iiif_routes
from catalog.web.page_routes import collection_routes, photograph_routes, thumbnail_routes
from catalog.web.queue_routes import queue_routes
from catalog.web.request_access import RequestService
from catalog.web.request_routes import create_request_app
from catalog.web.responses import SafeHeaders
from catalog.web.review_routes import review_routes
from imaging.errors import CatalogError, OptionsError


def create_app(
    catalog: Engine | str | Callable[[], Engine],
    store_root: Path | Callable[[], Path],
    base_url: str,
    *,
    staff: StaffAccess | None = None,
    institution: Institution | None = None,
    policy: ServicePolicy | None = None,
    masters: bool = False,
    requests: RequestService | None = None,
) -> FastAPI:
    """Return the web application.

    Parameters
    ----------
    catalog
        The catalog's engine or address, or a function that returns the engine when it is first needed.
    store_root
        The file store's folder, or a function that returns it.
    base_url
        Where clients see the application.
    staff
        Who may see unpublished objects and make decisions; ``None`` makes the public's application, which is
        read-only and shows what is published.
    institution
        Who publishes.
    policy
        Limits of the image service.
    masters
        Whether the public can download the master files, originals included; staff always can.
    requests
        Where photographs go that clients with a token have colored; ``None`` to take none.
    """
    audience = Audience.STAFF if staff else Audience.PUBLIC
    site = Site(
        catalog, store_root, Addresses(base_url), audience, institution, masters=masters or staff is not None
    )
    # The schema and its pages would be open to everybody and list routes that are not.
    app = FastAPI(
        title="Heliochrome",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(storable)],
    )
    app.add_middleware(SafeHeaders)
    _handle_errors(app, site)
    images = ImageService(site.resolve, site.addresses, _policy(policy, audience), is_image)
    if staff is None:
        _add_public(app, site, images)
    else:
        _add_staff(app, site, images, staff)
    if requests is not None:
        _add_requests(app, create_request_app(lambda: site.engine, base_url, requests))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _support_head(app)
    return app


def _support_head(app: FastAPI) -> None:
    # What supports GET supports HEAD (RFC 9110 §9.1), by which links are checked; servers leave the body out.
    for route in app.routes:
        if isinstance(route, Route) and route.methods and "GET" in route.methods:
            route.methods.add("HEAD")


def _add_public(app: FastAPI, site: Site, images: ImageService) -> None:
    app.mount("/iiif/3", images)
    app.include_router(health_routes(site))
    app.include_router(iiif_routes(site))
    app.include_router(file_routes(site))
    app.include_router(thumbnail_routes(site))
    app.include_router(photograph_routes(site))
    app.include_router(collection_routes(site, home="/"))


def _add_staff(app: FastAPI, site: Site, images: ImageService, staff: StaffAccess) -> None:
    readers = [Depends(staff.read)]

    @app.api_route("/iiif/3/{rest:path}", methods=["GET", "HEAD"], dependencies=readers)
    async def image(request: Request, rest: str) -> Response:
        return await images.respond(request)

    for router in (
        iiif_routes(site),
        file_routes(site),
        thumbnail_routes(site),
        review_routes(site, staff.decides),
        queue_routes(site, staff.decides),
        collection_routes(site, home="/all/"),
        decision_routes(site, staff.write),
        bulk_routes(site, staff.write),
    ):
        app.include_router(router, dependencies=readers)


def _add_requests(app: FastAPI, requests: FastAPI) -> None:
    # An application of its own, with a door, limits and errors of its own, below the same address.
    for path in ("/requests", "/requests/{rest:path}"):
        app.router.routes.append(Route(path, endpoint=requests, include_in_schema=False))


def _policy(policy: ServicePolicy | None, audience: Audience) -> ServicePolicy:
    policy = policy or ServicePolicy()
    if audience is Audience.PUBLIC:
        return policy
    return replace(policy, cache_control="private, max-age=300", cors=False)


def _handle_errors(app: FastAPI, site: Site) -> None:
    @app.exception_handler(StarletteHTTPException)
    def http_error(request: Request, error: StarletteHTTPException) -> Response:
        return _message(request, site, error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    def misread(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return _message(request, site, 422, f"{where}: {first['msg']}" if where else str(first["msg"]), {})

    @app.exception_handler(OptionsError)
    @app.exception_handler(CatalogError)
    def refused(request: Request, error: OptionsError | CatalogError) -> Response:
        return _message(request, site, 400, str(error), {})


_TITLES = {
    401: "Please log in",
    403: "Not allowed",
    404: "Not found",
    409: "Not saved",
    422: "Not understood",
}


def _message(request: Request, site: Site, status: int, text: str, headers: dict[str, str]) -> Response:
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": text}, status, headers)
    title = _TITLES.get(status, "Sorry")
    page = render("message.html", site, title=title, text=text, back=f"{site.prefix}/", kept=[])
    return HTMLResponse(page, status, headers)
