"""Who may ask for what: bearer tokens, and signed addresses that are good for a few minutes.

A request is its client's alone: to anybody else it does not exist. Signed addresses are for what cannot send
a token, such as an ``<img>`` or an ``EventSource``; each opens one path until its time is over.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import Header, Query, Request
from sqlalchemy import Engine

from catalog import requests, tokens
from catalog.request_files import RequestFiles
from catalog.requests import Request as PhotographRequest
from catalog.requests import RequestLimits
from catalog.schema import TokenAct, TokenScope
from catalog.tokens import ApiToken
from catalog.web.problems import Problem

SIGNED_SECONDS = 900
"""For so long a signed address is good."""
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="heliochrome"'}


@dataclass(frozen=True)
class RequestService:
    """What a server that takes requests needs to know.

    Parameters
    ----------
    files
        The folders of requests.
    secret
        A file with the secret that addresses are signed with, the same for all processes.
    limits
        What is taken in.
    origins
        Whose pages may use the service from a browser, such as ``https://family.example``.
    """

    files: RequestFiles
    secret: Path
    limits: RequestLimits = field(default_factory=RequestLimits)
    origins: tuple[str, ...] = ()

    @cached_property
    def key(self) -> bytes:
        """The secret."""
        return self.secret.read_bytes()

    def signed(self, base_url: str, path: str) -> str:
        """Return a path below `base_url` as an address that is good for `SIGNED_SECONDS`."""
        expires = int(time.time()) + SIGNED_SECONDS
        signature = self._signature(path, expires)
        return f"{base_url.rstrip('/')}{quote(path)}?expires={expires}&signature={signature}"

    def is_signed(self, path: str, expires: str, signature: str) -> bool:
        """Return whether a path was signed, and its time is not over."""
        if not expires.isascii() or not expires.isdigit() or len(expires) > 12 or int(expires) < time.time():
            return False
        return hmac.compare_digest(self._signature(path, int(expires)).encode(), signature.encode())

    def _signature(self, path: str, expires: int) -> str:
        return hmac.new(self.key, f"{path}\n{expires}".encode(), hashlib.sha256).hexdigest()


Bearer = Annotated[str, Header(alias="Authorization", include_in_schema=False)]
Expires = Annotated[str, Query(include_in_schema=False)]
Signature = Annotated[str, Query(include_in_schema=False)]


class Doorkeeper:
    """Lets clients in.

    Parameters
    ----------
    engine
        Returns the catalog's engine.
    service
        The signatures.
    """

    def __init__(self, engine: Callable[[], Engine], service: RequestService) -> None:
        self._engine, self._service = engine, service

    def client(self, authorization: Bearer = "") -> ApiToken:
        """Return whose token a request carries, which allows requests (a FastAPI dependency)."""
        return self.allowed(self._token(authorization), TokenScope.REQUEST)

    def allowed(self, token: ApiToken, scope: TokenScope) -> ApiToken:
        """Return the token if it has this scope; else write down that it was refused."""
        if not token.allows(scope):
            with self._engine().begin() as connection:
                tokens.note(connection, token.id, TokenAct.REFUSED, detail=scope)
            remedy = f"Ask for a token with the scope {scope}."
            raise Problem(403, f"The token does not allow this: it lacks the scope {scope}.", remedy)
        return token

    def opened(
        self,
        request: Request,
        number: str,
        authorization: Bearer = "",
        expires: Expires = "",
        signature: Signature = "",
    ) -> PhotographRequest:
        """Return the request of a signed path, or a client's own (a FastAPI dependency)."""
        # Below a proxy's prefix, which is not signed.
        path = "/requests/" + request.url.path.partition("/requests/")[2]
        if signature and self._service.is_signed(path, expires, signature):
            return self.found(number, None)
        if signature and not authorization:
            remedy = "Get the request's state again: it has new addresses."
            raise Problem(403, "The address is not signed, or its time is over.", remedy)
        return self.found(number, self.client(authorization))

    def found(self, number: str, client: ApiToken | None) -> PhotographRequest:
        """Return a client's own request, or for a signed path (no client) anybody's."""
        try:
            uuid = UUID(number)
        except ValueError:
            uuid = UUID(int=0)
        with self._engine().connect() as connection:
            found = requests.get(connection, uuid, client)
        if found is None:
            raise Problem(
                404, "There is no such request.", "It may have expired: hand the photograph over again."
            )
        return found

    def _token(self, authorization: str) -> ApiToken:
        scheme, _, secret = authorization.partition(" ")
        with self._engine().begin() as connection:
            found = tokens.find(connection, secret.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            fault = "The token is not good." if authorization else "There is no token."
            remedy = "Send Authorization: Bearer TOKEN; `heliochrome token create` makes one."
            raise Problem(401, fault, remedy, _CHALLENGE)
        return found
