"""API tokens: who may ask this deployment for something over the web, and what they did.

Natural key: the name. There is none until a person makes one, so that everything behind them is closed by
default. A token is a random secret of 256 bits that is shown once; the catalog keeps its sha256. Revoked
tokens stay on record with what was done with them.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from catalog.schema import TokenAct, TokenScope, api_tokens, token_activities
from catalog.table_rows import columns, read
from imaging.errors import CatalogError, OptionsError

PREFIX = "hlc_"
"""Begins every token, so that scanners for leaked secrets recognize it."""
SECRET_BYTES = 32
LONGEST_NAME = 100
"""Characters."""
USED_EVERY = timedelta(minutes=1)
"""How exactly the last use is noted: not every request is worth a write."""


@dataclass(frozen=True, kw_only=True)
class TokenLimits:
    """What one client may ask for.

    Parameters
    ----------
    most_waiting
        Requests that wait or are worked on at once.
    per_hour
        Requests in any hour.
    priority
        Higher is served first; clients of one priority take turns.
    """

    most_waiting: int = 20
    per_hour: int = 200
    priority: int = 0

    def __post_init__(self) -> None:
        bounds = {"most_waiting": (1, 100_000), "per_hour": (1, 1_000_000), "priority": (-100, 100)}
        for name, (least, most) in bounds.items():
            if not least <= getattr(self, name) <= most:
                fault = f"{getattr(self, name)} is outside {least}–{most}"
                raise OptionsError(name, fault, "Choose a value in that range.")


@dataclass(frozen=True, kw_only=True)
class ApiToken:
    """A token's row; nothing of its secret."""

    id: int
    name: str
    scopes: tuple[str, ...]
    most_waiting: int
    per_hour: int
    priority: int
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None

    def allows(self, scope: TokenScope) -> bool:
        """Return whether the token has this scope."""
        return scope in self.scopes


@dataclass(frozen=True, kw_only=True)
class TokenActivity:
    """What was done with or to a token, when, and for administration by whom."""

    act: TokenAct
    detail: str
    by: str
    at: datetime


def create(
    connection: Connection,
    name: str,
    scopes: Collection[TokenScope],
    *,
    by: str,
    limits: TokenLimits | None = None,
    lasts: timedelta | None = None,
) -> str:
    """Make a token and return its secret, which cannot be had again.

    Parameters
    ----------
    name
        What people call the client that will use it.
    scopes
        What it allows; at least one.
    by
        Who makes it.
    limits
        What the client may ask for.
    lasts
        How long it is good; `None` for as long as nobody revokes it.

    Raises
    ------
    CatalogError
        The name is taken or unusable, or there is no scope.
    """
    limits = limits or TokenLimits()
    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        remedy = f"Name the client that will use it, in up to {LONGEST_NAME} characters."
        raise CatalogError("token name", "is empty, unprintable or too long", remedy)
    if not scopes:
        raise CatalogError(name, "would allow nothing", f"Give a scope: {', '.join(TokenScope)}.")
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    row = {
        "name": name,
        "sha256": digest(secret),
        "scopes": sorted(set(scopes)),
        "expires_at": None if lasts is None else func.now() + lasts,
        **vars(limits),
    }
    new = insert(api_tokens).values(row).on_conflict_do_nothing(index_elements=["name"])
    number = connection.execute(new.returning(api_tokens.c.id)).scalar()
    if number is None:
        remedy = "Choose another name: revoked tokens keep theirs."
        raise CatalogError(name, "is the name of a token already", remedy)
    note(connection, number, TokenAct.CREATED, detail=" ".join(row["scopes"]), by=by)
    return secret


def find(connection: Connection, secret: str) -> ApiToken | None:
    """Return the token with this secret if it is good now, and note that it was used; else ``None``."""
    if not secret.startswith(PREFIX):
        return None
    query = select(*columns(api_tokens, ApiToken)).where(
        api_tokens.c.sha256 == digest(secret),
        api_tokens.c.revoked_at.is_(None),
        or_(api_tokens.c.expires_at.is_(None), api_tokens.c.expires_at > func.now()),
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    connection.execute(
        update(api_tokens)
        .where(api_tokens.c.id == row.id)
        .where(or_(api_tokens.c.used_at.is_(None), api_tokens.c.used_at < func.now() - USED_EVERY))
        .values(used_at=func.now())
    )
    return _token(row)


def listed(connection: Connection) -> tuple[ApiToken, ...]:
    """Return all tokens, revoked ones included, by name."""
    query = select(*columns(api_tokens, ApiToken)).order_by(api_tokens.c.name)
    return tuple(_token(row) for row in connection.execute(query))


def revoke(connection: Connection, name: str, *, by: str) -> None:
    """Make a token useless from now on; a revoked one stays as it is.

    Raises
    ------
    CatalogError
        There is no token of this name.
    """
    number = _number(connection, name)
    good = (api_tokens.c.id == number) & api_tokens.c.revoked_at.is_(None)
    if connection.execute(update(api_tokens).where(good).values(revoked_at=func.now())).rowcount:
        note(connection, number, TokenAct.REVOKED, by=by)


def history(connection: Connection, name: str, limit: int = 1000) -> tuple[TokenActivity, ...]:
    """Return what was last done with or to a token, in order."""
    query = (
        select(*columns(token_activities, TokenActivity))
        .where(token_activities.c.api_token_id == _number(connection, name))
        .order_by(token_activities.c.id.desc())
        .limit(limit)
    )
    return tuple(read(TokenActivity, row) for row in reversed(connection.execute(query).all()))


def note(connection: Connection, token_id: int, act: TokenAct, *, detail: str = "", by: str = "") -> None:
    """Write down what was done with or to a token."""
    row = {"api_token_id": token_id, "act": act, "detail": detail, "by": by}
    connection.execute(insert(token_activities).values(row))


def digest(secret: str) -> str:
    """Return what the catalog keeps of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _number(connection: Connection, name: str) -> int:
    number = connection.execute(select(api_tokens.c.id).where(api_tokens.c.name == name)).scalar()
    if number is None:
        raise CatalogError(name, "is no token's name", "List the tokens with `heliochrome token list`.")
    return int(number)


def _token(row: Row[*tuple[Any, ...]]) -> ApiToken:
    return ApiToken(**{**row._mapping, "scopes": tuple(row.scopes)})
