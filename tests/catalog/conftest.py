"""A catalog per test, copied from a template that is migrated once per session."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from catalog.database import connect, migrate


@pytest.fixture(scope="session")
def template(postgres) -> str:
    from operators.deployment.postgres import ensure_database

    name = f"template_{uuid.uuid4().hex}"
    ensure_database(postgres, name)
    engine = connect(postgres.dsn(name))
    migrate(engine)
    engine.dispose()
    return name


@pytest.fixture
def engine(postgres, template: str) -> Iterator[Engine]:
    """An engine on a migrated, empty catalog of the test's own."""
    name = f"test_{uuid.uuid4().hex}"
    administration = connect(postgres.dsn("postgres")).execution_options(isolation_level="AUTOCOMMIT")
    with administration.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    engine = connect(postgres.dsn(name))
    yield engine
    engine.dispose()
    with administration.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    administration.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A connection in one transaction, rolled back in the end."""
    with engine.connect() as connection:
        yield connection
