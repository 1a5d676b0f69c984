"""Access control, provided by the host application, because the catalog has no users of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

Dependency = Callable[..., Any]
"""A FastAPI dependency that returns the `catalog.agents.Agent` who asks, or raises ``HTTPException``."""


@dataclass(frozen=True)
class StaffAccess:
    """The dependencies that protect the staff's routes.

    Parameters
    ----------
    read
        Protects every route.
    write
        Protects the routes that change something.
    decides
        Whether the caller of a page may use these: others are shown no buttons.
    """

    read: Dependency
    write: Dependency
    decides: Callable[[Request], bool]


def storable(request: Request) -> None:
    """Refuse NUL in a path or a query: PostgreSQL has no text with it (a FastAPI dependency)."""
    if any("\0" in str(given) for given in (*request.path_params.values(), *request.query_params.values())):
        raise HTTPException(400, "Names and search words cannot contain NUL.")


def same_origin(request: Request) -> None:
    """Refuse a write that another site's page sent (a FastAPI dependency).

    Browsers state where a request comes from in ``Sec-Fetch-Site``, which scripts cannot forge and proxies do
    not alter; without encryption only in ``Origin``, which is compared with the host that was asked. A
    program that is not a browser sends neither and has no cookies to abuse.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        foreign = site not in {"same-origin", "none"}
    else:
        foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign:
        raise HTTPException(403, "The request was sent from another site.")
