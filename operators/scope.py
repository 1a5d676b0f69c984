"""Whose fault an error is, whether one of ours or of a library that tasks call.

Ours state it themselves, see `imaging.errors.Scope`. Of others only those about shared resources concern
everyone: the database out of reach, a full or missing disk, a network that is down, a machine out of file
handles. All others are most likely due to the current photograph, and never reason to refuse it.
"""

from __future__ import annotations

from catalog.durability import is_full
from imaging.errors import HeliochromeError, Scope
from imaging.files import SYSTEM_ERRNOS


def scope_of(error: BaseException) -> Scope:
    """Return whose fault `error` is.

    Examples
    --------
    >>> scope_of(ConnectionRefusedError()).value
    'everyone'
    >>> scope_of(ZeroDivisionError()).value
    'item'
    """
    if isinstance(error, HeliochromeError):
        return error.scope
    if isinstance(error, OSError):
        away = isinstance(error, ConnectionError | TimeoutError) or error.errno in SYSTEM_ERRNOS
        return Scope.EVERYONE if away else Scope.ITEM
    if (database := _database_scope(error)) is not None:
        return database
    # Libraries wrap the system's message in errors of their own.
    return Scope.EVERYONE if is_full(error) else Scope.ITEM


def _database_scope(error: BaseException) -> Scope | None:
    """Return whose fault an error of the database is; ``None`` for errors of others."""
    # Not needed for parsing DAGs.
    import psycopg2
    from sqlalchemy import exc

    if isinstance(error, exc.DataError | exc.IntegrityError | psycopg2.DataError | psycopg2.IntegrityError):
        # The database works and refuses this photograph's data.
        return Scope.ITEM
    if isinstance(error, exc.DBAPIError | exc.TimeoutError | psycopg2.Error):
        return Scope.EVERYONE
    return None
