"""Responses with the headers that their kind needs."""

from __future__ import annotations

import hashlib
from datetime import datetime

from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalog.iiif.conditional import http_date, is_current
from catalog.iiif.documents import PRESENTATION

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        # The hash is of the one style that OpenSeadragon 6.1.1 adds: controls that stay in sight on phones.
        "style-src 'self' 'sha256-9xTiqzfwFaL2SGb1rmr8gysEwVVjIvqWAgmZgqFqpEE='",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        # Airflow shows the staff's pages inside its own.
        "frame-ancestors 'self'",
    )
)
NO_STORE = {"Cache-Control": "no-store"}
"""Headers of what staff see, which can change with every decision."""
_DOCUMENTS = "public, max-age=60"


def wants_json(request: Request) -> bool:
    """Return whether a program asks: it accepts JSON, and no page."""
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def document(
    request: Request,
    body: bytes,
    context: str = PRESENTATION,
    *,
    modified: datetime | None = None,
    public: bool = True,
) -> Response:
    """Return a linked-data document with validators; 304 when the client has it.

    The media type is JSON-LD with the profile of its `context` (Presentation 3.0 §6.3) unless the client asks
    for plain JSON alone.
    """
    accepted = request.headers.get("accept", "")
    plain = "application/json" in accepted and "ld+json" not in accepted
    media_type = "application/json" if plain else f'application/ld+json;profile="{context}"'
    headers = {
        "ETag": f'"{hashlib.sha256(body + media_type.encode()).hexdigest()[:32]}"',
        "Cache-Control": _DOCUMENTS if public else "private, no-cache",
        "Vary": "Accept",
    }
    if public:
        headers["Access-Control-Allow-Origin"] = "*"
    if modified is not None:
        headers["Last-Modified"] = http_date(modified)
    if is_current(request, headers):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


class SafeHeaders:
    """ASGI middleware: browsers do not sniff content types, and pages run only the application's scripts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                kinds = [value for name, value in headers if name == b"content-type"]
                headers.append((b"x-content-type-options", b"nosniff"))
                if kinds and kinds[0].startswith(b"text/html"):
                    headers.append((b"content-security-policy", CONTENT_SECURITY_POLICY.encode()))
                    headers.append((b"referrer-policy", b"same-origin"))
            await send(message)

        await self._app(scope, receive, send_with_headers)
