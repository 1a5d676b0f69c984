"""Access to the plugin's pages: a caller needs access to the DAG ``digitize``, as Airflow grants it.

Airflow mounts the applications of plugins without checking who calls. This ASGI application wraps all of
them, so that no route, document or file can be forgotten: readers must be allowed to see the runs of
``digitize``, writers must be allowed to start one. So viewers can look, and archivists with the user role can
decide.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

REQUIRED_DAG = "digitize"
"""The DAG whose access rights count."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})


class DagAccessRequirement:
    """An ASGI application that passes authorized callers on to another one, made at the first request.

    Parameters
    ----------
    make
        Returns the wrapped application; called once, in a thread, because loading it takes long.
    """

    def __init__(self, make: Callable[[], Application]) -> None:
        self._make = make
        self._wrapped: Application | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 or 403, or hand on the request with the caller's name in its state."""
        from fastapi import HTTPException  # tasks import plugins too, and need none of this
        from starlette.requests import Request

        from operators.plugin.refusals import refusal

        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            user = await _user(request)
            _check_origin(request)
            _check_rights(request.method, user)
        except HTTPException as error:
            await refusal(request, error.status_code, str(error.detail))(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["heliochrome_user"] = user.get_name()
        state["heliochrome_decides"] = _is_allowed("POST", user)
        await (await self._application())(scope, receive, send)

    async def _application(self) -> Application:
        async with self._making:
            if self._wrapped is None:
                self._wrapped = await asyncio.to_thread(self._make)
        return self._wrapped


async def _user(request: Any) -> Any:
    from airflow.api_fastapi.core_api.security import bearer_scheme, get_user

    return await get_user(request, None, await bearer_scheme(request))


def _check_rights(method: str, user: Any) -> None:
    from fastapi import HTTPException

    reads = method in READING
    if _is_allowed("GET" if reads else "POST", user):
        return
    act, purpose = ("see", "look at these pages") if reads else ("start", "decide")
    raise HTTPException(
        403,
        f"You may not {act} runs of the DAG {REQUIRED_DAG}, which is needed to {purpose}. "
        "Ask who administers Airflow for a role that may.",
    )


def _is_allowed(method: ResourceMethod, user: Any) -> bool:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails

    return get_auth_manager().is_authorized_dag(
        method=method,
        access_entity=DagAccessEntity.RUN,
        details=DagDetails(id=REQUIRED_DAG),
        user=user,
    )


def _check_origin(request: Any) -> None:
    # Airflow's session is a cookie, which browsers send along with what other sites ask for.
    from catalog.web.access import same_origin

    if request.method not in READING:
        same_origin(request)
