"""Errors for programs: problem documents that name the fault and the remedy.

See RFC 9457, https://www.rfc-editor.org/rfc/rfc9457. The member `remedy` is an extension (§3.2).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalog.requests import RequestConflict, TooManyRequests
from imaging.errors import (
    CatalogError,
    CorruptScan,
    ForbiddenScan,
    HeliochromeError,
    ScanTooLarge,
    UnsupportedScan,
)

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
SOON = {"Retry-After": "5"}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong."},
        "remedy": {"type": "string", "description": "What to do about it."},
    },
}
"""The JSON schema of a problem document."""

_STATUS: tuple[tuple[type[HeliochromeError], int], ...] = (
    (ScanTooLarge, 413),
    (UnsupportedScan, 415),
    (CorruptScan, 422),
    (ForbiddenScan, 422),
    (RequestConflict, 409),
    (TooManyRequests, 429),
    (CatalogError, 422),
)


class Problem(HTTPException):
    """A request that is not answered, and why.

    Parameters
    ----------
    status
        HTTP status.
    detail
        What is wrong.
    remedy
        What to do about it.
    headers
        Further headers of the response.
    """

    def __init__(
        self, status: int, detail: str, remedy: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.remedy = remedy


def problem_of(error: HeliochromeError) -> Problem:
    """Return the problem that an error means to a client; its subject, which can be a path, is left out."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            after = {"Retry-After": str(error.retry_after)} if isinstance(error, TooManyRequests) else {}
            return Problem(status, error.fault, error.remedy, after)
    logger.error("not answered: %s", error)
    return Problem(503, "The service cannot answer now.", "Try again later.", SOON)


def tell_problems(app: FastAPI) -> None:
    """Let an application report every error as a problem document."""

    @app.exception_handler(StarletteHTTPException)
    def of_http(request: Request, error: StarletteHTTPException) -> JSONResponse:
        remedy = error.remedy if isinstance(error, Problem) else ""
        return _document(error.status_code, str(error.detail), remedy, error.headers)

    @app.exception_handler(RequestValidationError)
    def of_validation(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
        return _document(422, f"{where}: {first['msg']}", "Correct it; see openapi.json.")

    @app.exception_handler(HeliochromeError)
    def of_ours(request: Request, error: HeliochromeError) -> JSONResponse:
        problem = problem_of(error)
        return _document(problem.status_code, str(problem.detail), problem.remedy, problem.headers)

    @app.exception_handler(SQLAlchemyError)
    def of_database(request: Request, error: SQLAlchemyError) -> JSONResponse:
        logger.error("not answered: the catalog's database: %s", type(error).__name__)
        return _document(503, "The service cannot answer now.", "Try again later.", SOON)


def _document(
    status: int, detail: str, remedy: str = "", headers: Mapping[str, str] | None = None
) -> JSONResponse:
    document = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if remedy:
        document["remedy"] = remedy
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return JSONResponse(document, status, kept, media_type=MEDIA_TYPE)


class BodyLimit:
    """ASGI middleware: a body that is too long is refused, by its stated length or when it passes the limit.

    Parameters
    ----------
    app
        What is protected.
    most
        Bytes of a body.
    most_multipart
        Bytes of a multipart body, which is streamed to disk.
    """

    def __init__(self, app: ASGIApp, most: int, most_multipart: int) -> None:
        self._app, self._most, self._most_multipart = app, most, most_multipart

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        multipart = headers.get(b"content-type", b"").startswith(b"multipart/form-data")
        most = self._most_multipart if multipart else self._most
        stated = headers.get(b"content-length", b"")
        if stated.isdigit() and int(stated) > most:
            # The body is not read: the client sees the answer and a closed connection.
            problem = _too_long(most)
            response = _document(413, str(problem.detail), problem.remedy, {"Connection": "close"})
            await response(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise _too_long(most)
            return message

        await self._app(scope, counted, send)


def _too_long(most: int) -> Problem:
    return Problem(413, f"The body is longer than {most} bytes.", "Send less; scan at fewer dpi.")
