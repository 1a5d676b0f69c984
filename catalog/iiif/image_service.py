"""The IIIF Image API 3.0 service, level 2, as an ASGI application over the store's pyramids.

Reads the files that a resolver names and writes nothing. Identifiers are only ever looked up, never made
into paths, so nothing outside the store can be reached. Pixels, time, concurrency and the queue are bounded:
what exceeds the size limits is refused (400), what finds the queue full or takes too long is asked to come
again (503).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import anyio
from anyio.to_thread import run_sync
from cachetools import LRUCache, TTLCache
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from catalog.iiif.addresses import Addresses, name_of
from catalog.iiif.conditional import http_date, is_current
from catalog.iiif.documents import serialize
from catalog.iiif.image_request import RenderPlan, SizeLimits, parse
from catalog.iiif.info import CONTEXT, image_information
from catalog.iiif.service_copies import SMALL_PIXELS
from imaging.errors import OptionsError, StoreError

if TYPE_CHECKING:
    from catalog.iiif.rendering import Picture

logger = logging.getLogger(__name__)

PREFIX = b"/iiif/3/"
LEVEL_2 = "http://iiif.io/api/image/3/level2.json"
VERSION = "1"
"""Part of every ETag: raise it when the same request gives other bytes."""

_METHODS = "GET, HEAD, OPTIONS"
_NOT_READY = "The picture is being made ready; try again in a moment."
_LONGEST_PATH = 2048
_REMEMBERED = 512
"""Identifiers whose look-up is remembered."""


@dataclass(frozen=True)
class ServedFile:
    """A file that may be served.

    Parameters
    ----------
    path
        Where it lies.
    sha256
        Its digest, for the ETag.
    pyramid
        Whether Heliochrome wrote it as a pyramid.
    ready
        Whether it can be served already; else it is still being made ready.
    labels
        Whether its values are labels, as those of a mask.
    modified
        When it was published or made.
    rights
        Its rights statement.
    """

    path: Path
    sha256: str
    pyramid: bool = True
    ready: bool = True
    labels: bool = False
    modified: datetime | None = None
    rights: str | None = None


Resolver = Callable[[str], ServedFile | None]
"""Finds the file that an identifier means, at once; ``None`` when there is none that may be seen."""


@dataclass(frozen=True)
class ServicePolicy:
    """What the service allows itself.

    Parameters
    ----------
    sizes
        The largest picture of one request.
    concurrency
        Pictures rendered at once.
    queue
        Requests that may wait for a place.
    slow_queue
        Requests that may wait for the one place at which large files that are no pyramids are rendered.
    look_ups
        Identifiers never heard of that may wait to be looked up.
    seconds
        Time for one rendering, waiting not included, and for looking up an identifier.
    inline_pixels
        Up to this many px of an answer, a piece that needs no scaling is rendered where requests are taken,
        not in a thread: quicker, for servers of several processes that do nothing else.
    remembered_seconds
        How long what the resolver said of an identifier is believed.
    cache_control
        For answers that are no errors.
    cors
        Whether scripts of other sites may read the answers.
    """

    sizes: SizeLimits = field(default_factory=SizeLimits)
    concurrency: int = 4
    queue: int = 64
    slow_queue: int = 4
    look_ups: int = 128
    seconds: float = 20.0
    inline_pixels: int = 0
    remembered_seconds: float = 5.0
    cache_control: str = "public, max-age=86400"
    cors: bool = True


class ImageService:
    """The service; mount it so that its routes begin with ``/iiif/3/``.

    Parameters
    ----------
    resolver
        Called in a thread.
    addresses
        Where clients see the service.
    policy
        Its limits.
    recognizes
        Whether an identifier has the form of one; the resolver is asked of no other.
    """

    def __init__(
        self,
        resolver: Resolver,
        addresses: Addresses,
        policy: ServicePolicy | None = None,
        recognizes: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._resolver = resolver
        self._addresses = addresses
        self._recognizes = recognizes
        self._policy = policy = policy or ServicePolicy()
        self._lane = _Lane(policy.concurrency, policy.queue, policy.seconds)
        # Unpacking a large file that is no pyramid takes seconds: others do not wait behind it.
        self._slow_lane = _Lane(1, policy.slow_queue, policy.seconds)
        # Pictures that people look at are looked up again without waiting behind what may mean nothing, of
        # which one at a time is enough: each look-up takes milliseconds from the rendering of tiles.
        self._look_ups = anyio.CapacityLimiter(1)
        self._renewals = anyio.CapacityLimiter(policy.concurrency)
        self._looking: dict[str, asyncio.Task[_Found | None]] = {}
        self._new = 0
        # A viewer asks for hundreds of tiles of one picture: what the resolver said is believed for a while.
        self._believed: TTLCache[str, _Found] = TTLCache(_REMEMBERED, policy.remembered_seconds)
        self._unknown: TTLCache[str, None] = TTLCache(_REMEMBERED, policy.remembered_seconds)
        self._known: LRUCache[str, None] = LRUCache(_REMEMBERED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request (ASGI 3)."""
        response = await self.respond(Request(scope, receive))
        await response(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        """Return the answer to `request`, whose path contains ``/iiif/3/``."""
        try:
            if request.method == "OPTIONS":
                response = _preflight()
            elif request.method in {"GET", "HEAD"}:
                response = await self._answer(request)
            else:
                response = _refusal(405, "This service is read-only.", {"Allow": _METHODS})
        except OptionsError as error:
            response = _refusal(400, str(error))
        except (TimeoutError, _BusyError):
            response = _busy()
        except StoreError as error:
            logger.error("image service: %s", error)
            response = _refusal(500, "The stored picture cannot be read; the archive has been told.")
        if self._policy.cors:
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers["Access-Control-Expose-Headers"] = "Link, ETag"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    async def _answer(self, request: Request) -> Response:
        segments = _segments(request.scope)
        found = await self._find(segments[0]) if segments else None
        if found is None:
            return _refusal(404, "There is no such image.")
        if (picture := found.picture) is None:
            return _refusal(503, _NOT_READY, {"Retry-After": "10"})
        match segments[1:]:
            case ["info.json"]:
                return self._information(request, found, picture)
            case [_, _, _, _] as parameters:
                return await self._image(request, found, picture, parameters)
            case [] | [""]:
                return RedirectResponse(f"{found.address}/info.json", 303)
            case _:
                return _refusal(404, "There is no such resource.")

    async def _find(self, segment: str) -> _Found | None:
        identifier = name_of(segment)
        if identifier is None or not self._recognizes(identifier):
            return None
        found = self._believed.get(identifier)
        if found is not None or identifier in self._unknown:
            return found
        # A viewer asks for many tiles of a picture at once: one look-up is enough.
        looking = self._looking.get(identifier)
        if looking is None:
            looking = self._begin_look_up(identifier, is_new=identifier not in self._known)
        return await asyncio.wait_for(asyncio.shield(looking), self._policy.seconds)

    def _begin_look_up(self, identifier: str, *, is_new: bool) -> asyncio.Task[_Found | None]:
        if is_new and self._new > self._policy.look_ups:
            raise _BusyError
        limiter = self._look_ups if is_new else self._renewals
        looking = asyncio.create_task(self._remember(identifier, limiter))
        self._looking[identifier] = looking
        self._new += is_new

        def end(_: asyncio.Task[_Found | None]) -> None:
            del self._looking[identifier]
            self._new -= is_new

        looking.add_done_callback(end)
        return looking

    async def _remember(self, identifier: str, limiter: anyio.CapacityLimiter) -> _Found | None:
        found = await run_sync(self._look_up, identifier, limiter=limiter)
        if found is None:
            self._known.pop(identifier, None)
            self._believed.pop(identifier, None)
            self._unknown[identifier] = None
        else:
            self._known[identifier] = None
            self._believed[identifier] = found
        return found

    def _look_up(self, identifier: str) -> _Found | None:
        # libvips is loaded when the first picture is asked for: this may live in a process that never is.
        from catalog.iiif.rendering import open_picture

        file = self._resolver(identifier)
        if file is None:
            return None
        picture = open_picture(file.path, pyramid=file.pyramid, labels=file.labels) if file.ready else None
        return _Found(self._addresses.image(identifier), file, picture)

    def _information(self, request: Request, found: _Found, picture: Picture) -> Response:
        body = serialize(
            image_information(
                found.address,
                picture.width,
                picture.height,
                limits=self._policy.sizes,
                rights=found.file.rights,
            )
        )
        linked_data = "application/ld+json" in request.headers.get("accept", "")
        media_type = f'application/ld+json;profile="{CONTEXT}"' if linked_data else "application/json"
        headers = self._validators(found, hashlib.sha256(body).hexdigest() + media_type)
        headers |= {"Link": f'<{LEVEL_2}>;rel="profile"', "Vary": "Accept"}
        if is_current(request, headers):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=media_type, headers=headers)

    async def _image(
        self, request: Request, found: _Found, picture: Picture, segments: list[str]
    ) -> Response:
        from catalog.iiif.rendering import MEDIA_TYPES

        plan = parse(*segments).plan(picture.width, picture.height, self._policy.sizes, native=picture.native)
        headers = self._validators(found, plan.canonical)
        headers["Link"] = f'<{found.address}/{plan.canonical}>;rel="canonical", <{LEVEL_2}>;rel="profile"'
        if is_current(request, headers):
            return Response(status_code=304, headers=headers)
        media_type = MEDIA_TYPES[plan.format]
        if request.method == "HEAD":
            response = Response(media_type=media_type, headers=headers)
            # Nobody knows the length before the picture is rendered: none is told (RFC 9110 §8.6).
            del response.headers["Content-Length"]
            return response
        return Response(await self._render(found, picture, plan), media_type=media_type, headers=headers)

    async def _render(self, found: _Found, picture: Picture, plan: RenderPlan) -> bytes:
        if not found.file.pyramid and picture.width * picture.height > SMALL_PIXELS:
            return await self._slow_lane.render(picture, plan)
        if plan.out_width * plan.out_height <= self._policy.inline_pixels and picture.is_direct(plan):
            return picture.render(plan)
        return await self._lane.render(picture, plan)

    def _validators(self, found: _Found, variant: str) -> dict[str, str]:
        digest = hashlib.sha256(f"{VERSION} {found.file.sha256} {variant}".encode()).hexdigest()[:32]
        headers = {"ETag": f'"{digest}"', "Cache-Control": self._policy.cache_control}
        if found.file.modified is not None:
            headers["Last-Modified"] = http_date(found.file.modified)
        return headers


class _BusyError(Exception):
    """A queue is full, or a rendering took too long."""


class _Lane:
    """Places at which pictures are rendered, and the queue before them."""

    def __init__(self, places: int, queue: int, seconds: float) -> None:
        self._most = places + queue
        self._seconds = seconds
        # Places are waited for; the clock of a rendering starts once it has one and so a thread.
        self._places = anyio.Semaphore(places)
        self._threads = anyio.CapacityLimiter(places)
        self._under_way = 0

    async def render(self, picture: Picture, plan: RenderPlan) -> bytes:
        from catalog.iiif.rendering import Cancellation

        if self._under_way >= self._most:
            raise _BusyError
        cancellation = Cancellation()
        self._under_way += 1
        try:
            async with self._places:
                timer = asyncio.get_running_loop().call_later(self._seconds, cancellation.cancel)
                try:
                    return await run_sync(picture.render, plan, cancellation, limiter=self._threads)
                finally:
                    timer.cancel()
        except StoreError as error:
            if not cancellation.cancelled:
                raise
            logger.warning("image service: %s took too long for %s", plan.canonical, picture.path)
            raise _BusyError from error
        finally:
            self._under_way -= 1


@dataclass(frozen=True)
class _Found:
    address: str
    file: ServedFile
    picture: Picture | None
    """``None`` while it is not ready."""


def _segments(scope: Scope) -> list[str]:
    # The raw path keeps an escaped slash inside its segment, where the decoded path has lost it.
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    _, prefix, rest = raw.partition(PREFIX)
    if not prefix or len(rest) > _LONGEST_PATH:
        return []
    try:
        return [unquote(segment, errors="strict") for segment in rest.decode("ascii").split("/")]
    except UnicodeError:
        return []


def _preflight() -> Response:
    return Response(
        status_code=204,
        headers={
            "Allow": _METHODS,
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": "*",
            "Access-Control-Max-Age": "86400",
        },
    )


def _busy() -> Response:
    return _refusal(503, "The service is busy; try again soon.", {"Retry-After": "2"})


def _refusal(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    return Response(f"{reason}\n", status, media_type="text/plain", headers=headers)
