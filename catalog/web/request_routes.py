"""Photographs colored on request, over HTTP: hand one over, watch, fetch what becomes of it, try hints.

Every route asks for a bearer token, or for what cannot send one takes a signed address. Errors are problem
documents. The description (OpenAPI 3.1) is behind the same door.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any
from uuid import UUID

import anyio
from fastapi import Depends, FastAPI, Header, Path, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Connection, Engine
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from catalog import given_hints, recolorings, requests, tokens
from catalog.database import in_transaction
from catalog.iiif.presentation import hint_chroma
from catalog.recolorings import Recoloring
from catalog.request_files import PREVIEW
from catalog.request_options import MOST_HINTS, HintOption, Keep, RequestOptions, Words
from catalog.requests import Request as PhotographRequest
from catalog.requests import RequestConflict
from catalog.schema import RequestState, TokenAct, TokenScope
from catalog.store_files import relative_path
from catalog.tokens import ApiToken
from catalog.web.problems import MEDIA_TYPE, SCHEMA, BodyLimit, Problem, tell_problems
from catalog.web.request_access import Doorkeeper, RequestService
from catalog.web.request_documents import (
    UPLOAD_FORM,
    RecoloringDocument,
    RequestDocument,
    path_of,
    recoloring_document,
    request_document,
)
from catalog.web.request_events import EventStreams
from catalog.web.uploads import MOST_OVERHEAD, received
from imaging.errors import StoredFileError

MOST_JSON = 256 * 1024
"""Bytes of a body that is no photograph."""
UPLOADS = 8
"""Photographs that one process takes in at once; further ones wait."""
MOST_WAIT = 10.0
"""For so long an answer is held back for hints to be tried, s (RFC 7240 §4.3, ``Prefer: wait``)."""
USUAL_WAIT = 2.0
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*(\d{1,4})")
_NO_STORE = {"Cache-Control": "no-store"}

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key with the same photograph and options is answered with the same request.",
    ),
]
Prefer = Annotated[str, Header(description="wait=SECONDS holds the answer back until hints are tried.")]
Number = Annotated[str, Path(description="The request's id.")]


class HintForm(BaseModel):
    """A color that is known: as sRGB, or as chroma."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    x: float = Field(ge=0, le=1, description="Share of the upright picture's width.")
    y: float = Field(ge=0, le=1, description="Share of its height.")
    radius: float = Field(
        default=0.01, ge=given_hints.LEAST_RADIUS, le=0.5, description="Of its longer side."
    )
    color: str | None = Field(default=None, pattern=r"^#[0-9a-fA-F]{6}$", description="sRGB.")
    a: float | None = Field(default=None, ge=-128, le=127, description="CIE a* (D65).")
    b: float | None = Field(default=None, ge=-128, le=127, description="CIE b* (D65).")
    source: Words = Field(min_length=1, max_length=500, description="Who or what says so.")

    @model_validator(mode="after")
    def _says_one_color(self) -> HintForm:
        chroma = (self.a is not None) + (self.b is not None)
        if chroma == 1 or (chroma == 2) == (self.color is not None):
            raise ValueError("give either color, or a and b")
        return self

    def option(self) -> HintOption:
        """Return the hint with its color as chroma."""
        a, b = (self.a or 0.0, self.b or 0.0) if self.color is None else hint_chroma(self.color)
        return HintOption(x=self.x, y=self.y, radius=self.radius, a=a, b=b, source=self.source)


class HintsForm(BaseModel):
    """A set of hints to try."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"hints": [{"x": 0.4, "y": 0.6, "color": "#1b3a5e", "source": "coat: letter of 1912"}]}
            ]
        },
    )

    hints: list[HintForm] = Field(max_length=MOST_HINTS)
    finish: bool = Field(
        default=False, description="Make all files anew with these hints, not only a view; takes its turn."
    )


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {s: {"description": "Problem", "content": {MEDIA_TYPE: {"schema": SCHEMA}}} for s in statuses}


def create_request_app(engine: Callable[[], Engine], base_url: str, service: RequestService) -> FastAPI:
    """Return the application whose routes begin with ``/requests``.

    Parameters
    ----------
    engine
        Returns the catalog's engine.
    base_url
        Where clients see the deployment.
    service
        What is taken in, and where it goes.
    """
    app = FastAPI(
        title="Heliochrome on request",
        version="1",
        description="Hand a photograph over, get it back restored and colored, with its doubt and its label.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    tell_problems(app)
    app.add_middleware(BodyLimit, most=MOST_JSON, most_multipart=service.limits.max_bytes + MOST_OVERHEAD)
    if service.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(service.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Prefer"],
            expose_headers=["Location", "Retry-After"],
        )
    _RequestRoutes(engine, base_url, service).add_to(app)
    return app


class _RequestRoutes:
    """The routes, and what they share."""

    def __init__(self, engine: Callable[[], Engine], base_url: str, service: RequestService) -> None:
        self.engine, self.base_url, self.service = engine, base_url, service
        self.door = Doorkeeper(engine, service)
        self.streams = EventStreams()
        self.uploads = anyio.CapacityLimiter(UPLOADS)

    def add_to(self, app: FastAPI) -> None:
        client, opened = Depends(self.door.client), Depends(self.door.opened)
        usual = _problems(401, 403, 404)

        @app.get("/requests/openapi.json", include_in_schema=False)
        def description(token: ApiToken = client) -> Response:
            document = app.openapi()
            document["servers"] = [{"url": self.base_url}]
            return JSONResponse(document, headers=_NO_STORE)

        @app.post(
            "/requests",
            status_code=202,
            response_model=RequestDocument,
            responses=_problems(400, 401, 403, 408, 409, 413, 415, 422, 429),
            openapi_extra=UPLOAD_FORM,
        )
        async def hand_over(request: Request, key: Key = None, token: ApiToken = client) -> Response:
            """Hand a photograph over. 202, or 200 when its outcome is at hand or the key is known."""
            return await self.take_in(request, token, key)

        @app.get("/requests/{number}", response_model=RequestDocument, responses=usual)
        def state(number: Number, token: ApiToken = client) -> Response:
            """Return state, progress, place in the queue, time left, and what can be fetched."""
            return self.shown(self.door.found(number, token))

        @app.delete("/requests/{number}", status_code=204, responses=usual)
        def withdraw(number: Number, token: ApiToken = client) -> Response:
            """Withdraw a request: the photograph and all that was made of it are removed."""
            self.withdraw(self.door.found(number, token), token)
            return Response(status_code=204)

        @app.get(
            "/requests/{number}/events",
            responses={200: {"content": {"text/event-stream": {}}}, **usual, **_problems(429)},
            response_class=StreamingResponse,
        )
        async def events(asked: PhotographRequest = opened) -> Response:
            """Follow the progress as server-sent events."""
            return self.follow(asked)

        @app.get(
            "/requests/{number}/files/{name}",
            responses={200: {"content": {"image/jpeg": {}, "image/tiff": {}}}, **usual},
            response_class=FileResponse,
        )
        def file(name: str, asked: PhotographRequest = opened) -> Response:
            """Return a file."""
            found = self.service.files.results(asked.sha256, asked.entries).get(name)
            if found is None:
                raise Problem(404, "The request has no such file.", "Get its state: it names all files.")
            return self.file(found.path, found.described.media_type, found.described.sha256)

        self._add_hints_to(app)

    def _add_hints_to(self, app: FastAPI) -> None:
        client, opened = Depends(self.door.client), Depends(self.door.opened)
        usual = _problems(401, 403, 404)

        @app.post(
            "/requests/{number}/hints",
            status_code=202,
            response_model=RecoloringDocument | RequestDocument,
            responses={**usual, **_problems(409, 413, 422, 429)},
        )
        async def try_hints(
            number: Number, form: HintsForm, prefer: Prefer = "", token: ApiToken = client
        ) -> Response:
            """Try hints on a view, within some two seconds; with `finish`, make all files anew with them.

            200 with the view where it is ready in time, else 202.
            """
            asked = await run_in_threadpool(self.door.found, number, token)
            if form.finish:
                return await run_in_threadpool(self.color_anew, asked, token, form)
            return await self.recolored(asked, token, form, _wait(prefer))

        @app.get("/requests/{number}/hints/{tried}", response_model=RecoloringDocument, responses=usual)
        def hints(number: Number, tried: str, token: ApiToken = client) -> Response:
            """Return what became of a set of hints."""
            asked = self.door.found(number, token)
            return self.shown_hints(asked, self.recoloring(asked, tried), 200)

        @app.get(
            f"/requests/{{number}}/hints/{{tried}}/{PREVIEW}",
            responses={200: {"content": {"image/jpeg": {}}}, **usual},
            response_class=FileResponse,
        )
        def view(tried: str, asked: PhotographRequest = opened) -> Response:
            """Return the view with a set of hints."""
            return self.view(asked, self.recoloring(asked, tried))

    async def take_in(self, request: Request, token: ApiToken, key: str | None) -> Response:
        # Before a byte of the body is read.
        await run_in_threadpool(self._in_transaction, lambda c: self._check_quota(c, token, key))
        async with self.uploads, received(request, self.service.files.root, self.service.limits) as sent:
            if sent.options.keep is Keep.CATALOG:
                await run_in_threadpool(self.door.allowed, token, TokenScope.REVIEW)
            admission = await run_in_threadpool(
                self._in_transaction,
                lambda connection: requests.admit(
                    connection,
                    self.service.files,
                    token,
                    sent.upload,
                    sent.options,
                    limits=self.service.limits,
                    key=key,
                ),
            )
        done = not admission.fresh or admission.request.state is RequestState.FINISHED
        return await run_in_threadpool(self.shown, admission.request, 200 if done else 202)

    def _check_quota(self, connection: Connection, token: ApiToken, key: str | None) -> None:
        # A repeat under a known key is no new request; whether it is one, admission says.
        if key is None:
            requests.check_quota(connection, token, self.service.limits)

    def withdraw(self, asked: PhotographRequest, token: ApiToken) -> None:
        def work(connection: Connection) -> None:
            requests.withdraw(connection, self.service.files, asked)
            tokens.note(connection, token.id, TokenAct.WITHDREW, detail=str(asked.uuid))

        self._in_transaction(work)

    def follow(self, asked: PhotographRequest) -> Response:
        def look() -> RequestDocument | None:
            with self.engine().connect() as connection:
                found = requests.get(connection, asked.uuid)
                if found is None:
                    return None
                return request_document(connection, self.service, self.base_url, found)

        headers = {**_NO_STORE, "X-Accel-Buffering": "no"}
        return StreamingResponse(self.streams.start(look), media_type="text/event-stream", headers=headers)

    def color_anew(self, asked: PhotographRequest, token: ApiToken, form: HintsForm) -> Response:
        options = RequestOptions.model_validate(
            {**asked.options, "hints": [one.option().model_dump() for one in form.hints]}
        )

        def work(connection: Connection) -> PhotographRequest:
            again = requests.color_anew(connection, asked, token, options, self.service.limits)
            tokens.note(connection, token.id, TokenAct.HINTED, detail=str(asked.uuid))
            return again

        if not options.colorize:
            remedy = "Hand the photograph over again with colorize: true."
            raise RequestConflict(str(asked.uuid), "is not colored", remedy)
        return self.shown(self._in_transaction(work), 202)

    async def recolored(
        self, asked: PhotographRequest, token: ApiToken, form: HintsForm, wait: float
    ) -> Response:
        given = [one.option() for one in form.hints]
        tried = await run_in_threadpool(
            self._in_transaction, lambda connection: recolorings.ask(connection, asked, token, given)
        )
        ends = time.monotonic() + wait
        while tried.state in requests.UNFINISHED and time.monotonic() < ends:
            await anyio.sleep(0.05)
            tried = await run_in_threadpool(self.recoloring, asked, str(tried.uuid))
        status = 202 if tried.state in requests.UNFINISHED else 200
        return await run_in_threadpool(self.shown_hints, asked, tried, status)

    def recoloring(self, asked: PhotographRequest, number: str) -> Recoloring:
        try:
            uuid = UUID(number)
        except ValueError:
            uuid = UUID(int=0)
        with self.engine().connect() as connection:
            found = recolorings.get(connection, asked, uuid)
        if found is None:
            raise Problem(404, "There is no such set of hints.", "Send the hints again.")
        return found

    def view(self, asked: PhotographRequest, tried: Recoloring) -> Response:
        store = self.service.files.store(asked.sha256)
        try:
            result = store.find(tried.entry) if tried.entry else None
        except StoredFileError:
            result = None
        if result is None or tried.entry is None:
            raise Problem(404, "There is no view of these hints.", "Get what became of them.")
        (file,) = result.files
        return self.file(store.path(tried.entry, file), file.media_type, file.sha256)

    def file(self, path: Any, media_type: str, sha256: str) -> Response:
        if not path.is_file():
            raise Problem(404, "The file is gone.", "Get the request's state.")
        headers = {"Cache-Control": "private, no-cache", "ETag": f'"{sha256}"'}
        return FileResponse(
            path,
            media_type=media_type,
            headers=headers,
            filename=relative_path(path.name).name,
            content_disposition_type="inline",
        )

    def shown(self, asked: PhotographRequest, status: int = 200) -> Response:
        with self.engine().connect() as connection:
            document = request_document(connection, self.service, self.base_url, asked)
        where = {"Location": self.base_url.rstrip("/") + path_of(asked)}
        return _json(document, status, where if status == 202 else {})

    def shown_hints(self, asked: PhotographRequest, tried: Recoloring, status: int) -> Response:
        document = recoloring_document(self.service, self.base_url, asked, tried)
        return _json(document, status, {"Location": document.self} if status == 202 else {})

    def _in_transaction(self, work: Callable[[Connection], Any]) -> Any:
        return in_transaction(self.engine(), work)


def _json(document: BaseModel, status: int, headers: Mapping[str, str]) -> Response:
    body = document.model_dump_json(exclude_none=True)
    return Response(body, status, {**_NO_STORE, **headers}, "application/json")


def _wait(prefer: str) -> float:
    found = _WAIT.search(prefer)
    return min(float(found[1]), MOST_WAIT) if found else USUAL_WAIT
