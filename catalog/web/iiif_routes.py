"""The IIIF documents and files as routes: manifests, collections, changes, search, provenance, masters."""

from __future__ import annotations

import json

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from sqlalchemy import Connection, select

from catalog import activities, collections
from catalog.iiif import discovery, search
from catalog.iiif.addresses import name_of
from catalog.iiif.collection import (
    PART,
    CollectionRecord,
    Member,
    Nested,
    build_collection,
    build_part,
    build_top,
)
from catalog.iiif.documents import PRESENTATION, serialize
from catalog.iiif.presentation import (
    Audience,
    ShownObject,
    manifest_of,
    may_know_of,
    nested_collections,
    provenance_files,
    shown_file,
    shown_object,
)
from catalog.iiif.provenance_document import provenance_document
from catalog.schema import collections as collection_rows
from catalog.schema import memberships, objects
from catalog.search import ObjectSearch, count
from catalog.search import search as search_objects
from catalog.site.site import Site
from catalog.web.responses import document

_SEARCHED = ("title", "accession_number", "description", "maker", "date_text", "source")
_NO_SUCH = "There is no such resource."


def iiif_routes(site: Site) -> APIRouter:
    """Return the routes; they show what the site's audience may see."""
    router = APIRouter(prefix="/iiif")
    for routes in (_manifest_routes, _collection_routes, _discovery_routes):
        router.include_router(routes(site))
    return router


def _manifest_routes(site: Site) -> APIRouter:
    # No Last-Modified: a picture that is withdrawn changes these documents and leaves no date in them.
    router = APIRouter()
    public = site.audience is Audience.PUBLIC

    @router.get("/manifests/{token}/manifest.json")
    def manifest(request: Request, token: str) -> Response:
        with site.engine.connect() as connection:
            shown = _shown(connection, token, site)
            body = manifest_of(connection, shown, site.addresses, site.institution, site.capabilities)
        return document(request, body, public=public)

    @router.get("/manifests/{token}/annotations/{name}.json")
    def annotations(request: Request, token: str, name: str) -> Response:
        with site.engine.connect() as connection:
            shown = _shown(connection, token, site)
            body = manifest_of(connection, shown, site.addresses, site.institution, site.capabilities)
        for canvas in json.loads(body)["items"]:
            for page in canvas.get("annotations", ()):
                if page["id"].endswith(f"/{name}.json"):
                    alone = serialize({"@context": PRESENTATION, **page})
                    return document(request, alone, public=public)
        raise HTTPException(404, _NO_SUCH)

    @router.get("/manifests/{token}/provenance.jsonld")
    def provenance(request: Request, token: str) -> Response:
        with site.engine.connect() as connection:
            shown = _shown(connection, token, site)
        if files := provenance_files(shown):
            body = provenance_document(site.root, files)
            return document(request, body, "http://www.w3.org/ns/prov", public=public)
        raise HTTPException(404, "Nothing was done to this photograph yet.")

    @router.get("/manifests/{accession:path}")
    def manifest_by_number(accession: str) -> Response:
        with site.engine.connect() as connection:
            if shown_object(connection, accession, site.audience) is None:
                raise HTTPException(404, _NO_SUCH)
        return RedirectResponse(site.addresses.manifest(accession), 303)

    return router


def _collection_routes(site: Site) -> APIRouter:
    router = APIRouter()
    public = site.audience is Audience.PUBLIC

    @router.get("/collections/collection.json")
    def top(request: Request) -> Response:
        with site.engine.connect() as connection:
            nested = [
                Nested(one.slug, one.title) for one in nested_collections(connection, None, site.audience)
            ]
        body = build_top(nested, site.addresses, institution=site.institution)
        return document(request, body, public=public)

    @router.get("/collections/{slug}/collection.json")
    def collection(request: Request, slug: str) -> Response:
        with site.engine.connect() as connection:
            return document(request, collection_document(connection, slug, site), public=public)

    @router.get("/collections/{slug}/part-{number}.json")
    def part(request: Request, slug: str, number: int) -> Response:
        with site.engine.connect() as connection:
            return document(request, part_document(connection, slug, number, site), public=public)

    return router


def _discovery_routes(site: Site) -> APIRouter:
    router = APIRouter()
    public = site.audience is Audience.PUBLIC

    @router.get("/discovery/activity.json")
    def feed(request: Request) -> Response:
        with site.engine.connect() as connection:
            extent = activities.extent(connection)
        body = discovery.build_feed(extent.total, extent.last, site.addresses)
        return document(request, body, discovery.CONTEXT, modified=extent.ended_at, public=public)

    @router.get("/discovery/page-{number}.json")
    def feed_page(request: Request, number: int) -> Response:
        with site.engine.connect() as connection:
            body = feed_page_document(connection, number, site)
        return document(request, body, discovery.CONTEXT, public=public)

    @router.get("/search/{slug}")
    def search_collection(request: Request, slug: str, q: str = "", page: int = 0) -> Response:
        given = dict(request.query_params)
        asked = search.SearchRequest(
            q[: search.LONGEST_QUERY], min(max(0, page), 1000), search.ignored_parameters(given)
        )
        with site.engine.connect() as connection:
            _collection(connection, slug, site)
            body = _search(connection, slug, asked, site)
        return document(request, body, search.CONTEXT, public=public)

    return router


def file_routes(site: Site) -> APIRouter:
    """Return the routes to the master files; none where the site does not offer them."""
    router = APIRouter()
    if not site.masters:
        return router

    @router.api_route("/masters/{image}", methods=["GET", "HEAD"])
    def master(image: str) -> Response:
        name = name_of(image)
        with site.engine.connect() as connection:
            found = shown_file(connection, name, site.audience) if name else None
        if found is None:
            raise HTTPException(404, _NO_SUCH)
        shown, file = found
        extension = file.media_type.rpartition("/")[2].replace("jpeg", "jpg").replace("tiff", "tif")
        plain = "".join(c if c.isalnum() or c in "-._" else "_" for c in shown.accession_number)
        headers = {"ETag": f'"{file.sha256}"', "Cache-Control": "public, max-age=86400"}
        if site.audience is Audience.PUBLIC:
            headers["Access-Control-Allow-Origin"] = "*"
        else:
            headers["Cache-Control"] = "private, max-age=300"
        return FileResponse(
            site.root / file.path,
            media_type=file.media_type,
            filename=f"{plain}-{file.role}.{extension}",
            headers=headers,
        )

    return router


def collection_document(connection: Connection, slug: str, site: Site) -> bytes:
    """Return a collection's document; 404 when there is none."""
    record = _collection(connection, slug, site)
    public = site.audience is Audience.PUBLIC
    size = collections.size(connection, slug, published=public)
    members = _members(connection, slug, 1, site) if size <= PART else []
    nested = [Nested(one.slug, one.title) for one in nested_collections(connection, slug, site.audience)]
    return build_collection(record, nested, members, size, site.addresses, institution=site.institution)


def part_document(connection: Connection, slug: str, number: int, site: Site) -> bytes:
    """Return one part of a large collection; 404 when there is none."""
    record = _collection(connection, slug, site)
    size = collections.size(connection, slug, published=site.audience is Audience.PUBLIC)
    if size <= PART or not 1 <= number <= -(-size // PART):
        raise HTTPException(404, _NO_SUCH)
    return build_part(record, number, _members(connection, slug, number, site), size, site.addresses)


def feed_page_document(connection: Connection, number: int, site: Site) -> bytes:
    """Return one page of the change feed; 404 when there is none."""
    extent = activities.extent(connection)
    if not 0 <= number <= discovery.page_of(max(1, extent.last)):
        raise HTTPException(404, _NO_SUCH)
    numbers = discovery.numbers_on(number)
    entries = activities.entries(connection, after=numbers.start - 1, limit=len(numbers))
    changes = [
        discovery.Change(entry.id, entry.type, entry.accession_number, entry.ended_at)
        for entry in entries
        if entry.id in numbers
    ]
    return discovery.build_page(number, extent.last, changes, site.addresses)


def _shown(connection: Connection, token: str, site: Site) -> ShownObject:
    name = name_of(token)
    shown = shown_object(connection, name, site.audience) if name else None
    if shown is None:
        raise HTTPException(404, _NO_SUCH)
    return shown


def _collection(connection: Connection, slug: str, site: Site) -> CollectionRecord:
    found = collections.find(connection, slug)
    if found is None or not may_know_of(connection, slug, site.audience):
        raise HTTPException(404, _NO_SUCH)
    parent = collections.find(connection, found.parent) if found.parent else None
    within = Nested(parent.slug, parent.title) if parent else None
    return CollectionRecord(found.slug, found.title, found.description, within)


def _members(connection: Connection, slug: str, number: int, site: Site) -> list[Member]:
    query = (
        select(objects.c.accession_number, objects.c.title)
        .join(memberships, memberships.c.object_id == objects.c.id)
        .join(collection_rows, collection_rows.c.id == memberships.c.collection_id)
        .where(collection_rows.c.slug == slug)
        .order_by(objects.c.accession_number)
        .offset((number - 1) * PART)
        .limit(PART)
    )
    if site.audience is Audience.PUBLIC:
        query = query.where(objects.c.published_at.is_not(None))
    return [Member(accession, title) for accession, title in connection.execute(query)]


def _search(connection: Connection, slug: str, asked: search.SearchRequest, site: Site) -> bytes:
    if not asked.words.strip():
        return search.build_answer(slug, asked, [], 0, site.addresses)
    which = ObjectSearch(words=asked.words, collection=slug, published=site.audience is Audience.PUBLIC)
    found = search_objects(connection, which, limit=search.PAGE, offset=asked.page * search.PAGE)
    hits = [
        search.Hit(
            hit.object.accession_number,
            {field: getattr(hit.object, field) for field in _SEARCHED if getattr(hit.object, field)},
        )
        for hit in found
    ]
    return search.build_answer(slug, asked, hits, count(connection, which), site.addresses)
