"""The catalog's database: connections, transactions that try again, migrations."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    ExceptionContext,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from imaging.errors import CatalogError, ServiceError

STATEMENT_SECONDS = 30
"""After this long a statement is given up: the catalog's own take milliseconds."""
PATIENCE_SECONDS = 60
"""How long a transaction is tried again that the database gives up for another one's sake."""
_GIVEN_UP = {"40001", "40P01"}
"""serialization_failure, deadlock_detected: https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html"""
OLDEST_SERVER = 15
"""PostgreSQL's oldest version that the catalog is tried with."""
_MISSING = {"42P01", "42703", "42883"}
"""undefined_table, undefined_column, undefined_function: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_FORBIDDEN = "42501"
"""insufficient_privilege"""
_MIGRATION_LOCK = 0x48656C696F
"""Advisory lock number: two processes that start at once migrate one after the other."""

T = TypeVar("T")


def connect(
    dsn: str, *, application: str = "heliochrome", statement_seconds: int = STATEMENT_SECONDS
) -> Engine:
    """Return an engine on the PostgreSQL database at `dsn` (``postgresql://user:password@host/name``).

    Sessions are in UTC and named `application` in the server's list. No connection is opened yet. Statements
    on a database without the catalog's tables, or with a role that may not use them, raise `ServiceError`.
    """
    engine = create_engine(
        _address(dsn),
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "application_name": application,
            "options": f"-c timezone=UTC -c statement_timeout={statement_seconds}s",
        },
    )
    event.listen(engine, "handle_error", _explain)
    return engine


def name_of(dsn: str) -> str:
    """Return which database an address names, and as whom, in words without its password."""
    url = _address(dsn)
    where = f" on {url.host}" if url.host else ""
    port = f":{url.port}" if url.port else ""
    return f"database {url.database or '(default)'}{where}{port}" + (
        f" as {url.username}" if url.username else ""
    )


def _address(dsn: str) -> URL:
    scheme, separator, rest = dsn.partition("://")
    if separator and scheme.split("+")[0] in {"postgresql", "postgres"}:
        with suppress(ArgumentError, ValueError):  # the latter: a port that is no number
            return make_url(f"postgresql+psycopg2://{rest}")
    raise CatalogError(
        "catalog address",
        "is not a PostgreSQL address",
        "Give one such as postgresql://user:password@host:5432/heliochrome.",
    )


def _explain(context: ExceptionContext) -> None:
    code = getattr(context.original_exception, "pgcode", None)
    first = str(context.original_exception).partition("\n")[0]
    where = "the catalog's database"
    if context.engine is not None and context.engine.url.database:
        where = f"database {context.engine.url.database}"
    if code in _MISSING:
        fault = f"does not have the catalog's tables as this version needs them ({first})"
        raise ServiceError(where, fault, "Run `heliochrome catalog migrate`.") from context.original_exception
    if code == _FORBIDDEN:
        remedy = "Give the role the rights that the README names, then run `heliochrome catalog migrate`."
        raise ServiceError(
            where, f"refuses its role a right ({first})", remedy
        ) from context.original_exception


def in_transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Return ``work(connection)`` done in one transaction, all of it or nothing.

    When the database gives the transaction up because of another one (deadlock, serialization), it is done
    again from the start: `work` must have no effect but on the database.
    """
    attempts = Retrying(
        retry=retry_if_exception(_was_given_up),
        wait=wait_random_exponential(multiplier=0.05, max=4),
        stop=stop_after_delay(PATIENCE_SECONDS),
        reraise=True,
    )
    for attempt in attempts:
        with attempt, engine.begin() as connection:
            return work(connection)
    raise AssertionError("unreachable: the last attempt raises")


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the catalog's tables up (or back down) to `revision`, data in place; ``"base"`` removes them.

    Raises
    ------
    ServiceError
        The server is older than `OLDEST_SERVER`, or does not let its role make tables and extensions.
    """
    with engine.begin() as connection:
        _refuse_old_server(connection)
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATION_LOCK})
        config = _alembic(connection)
        if _is_down(config, connection, revision):
            command.downgrade(config, revision)
        else:
            command.upgrade(config, revision)


def revision(connection: Connection) -> str | None:
    """Return the revision of the catalog's tables; ``None`` when there are none."""
    if connection.execute(text("SELECT to_regclass('heliochrome_version')")).scalar() is None:
        return None
    return connection.execute(text("SELECT version_num FROM heliochrome_version")).scalar()


def _refuse_old_server(connection: Connection) -> None:
    number = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    if number < OLDEST_SERVER * 10_000:
        fault = f"PostgreSQL {number // 10_000} is too old"
        raise ServiceError("catalog server", fault, f"Use PostgreSQL {OLDEST_SERVER} or newer.")


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _is_down(config: Config, connection: Connection, target: str) -> bool:
    current = revision(connection) or "base"
    order = {"base": "", "head": "~"}
    return order.get(target, target) < order.get(current, current)


def _was_given_up(error: BaseException) -> bool:
    return isinstance(error, DBAPIError) and getattr(error.orig, "pgcode", None) in _GIVEN_UP
