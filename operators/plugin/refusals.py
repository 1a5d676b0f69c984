"""What callers get whom `operators.plugin.dag_access` does not let in: a page in a browser, else JSON.

The page is complete in itself, for style sheets lie behind the same door.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit

from operators import settings

_TITLES = {401: "Please log in", 403: "Not allowed"}
_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:38rem;margin:15vh auto;padding:0 1.5rem}"
    "h1{font-size:1.6rem}"
)
_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
)


def refusal(request: Any, status: int, detail: str) -> Any:
    """Return the response to a `starlette.requests.Request` that is refused with `status` and `detail`."""
    from starlette.responses import (  # tasks import plugins too, and need none of this
        HTMLResponse,
        JSONResponse,
    )

    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": detail}, status, headers)
    headers |= {"Content-Security-Policy": _POLICY, "Referrer-Policy": "same-origin"}
    return HTMLResponse(_page(status, detail, _login(request) if status == 401 else None), status, headers)


def _page(status: int, detail: str, login: str | None) -> str:
    title = escape(_TITLES.get(status, "Not possible"))
    # Airflow shows these pages in a frame, in which its login would be shown inside itself.
    link = f'<p><a href="{escape(login)}" target="_top">Log in</a>, and come back here.</p>' if login else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{title}</h1><p>{escape(detail)}</p>{link}</main></body></html>"
    )


def _login(request: Any) -> str:
    """Return Airflow's address for logging in, which leads back to the page that was asked for.

    Scheme and host are the configured ones: what a caller calls the host is not repeated.
    """
    pages = settings.pages_address()
    here = urlsplit(pages)
    back = pages + "/"
    if request.method == "GET":
        query = f"?{request.url.query}" if request.url.query else ""
        back = f"{here.scheme}://{here.netloc}{request.url.path}{query}"
    airflow = pages.removesuffix(settings.PAGES_PREFIX)
    return f"{airflow}/api/v2/auth/login?{urlencode({'next': back})}"
