"""One migrated catalog per session, empty at the start of each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from catalog.database import connect, migrate
from catalog.schema import metadata


@pytest.fixture(scope="session")
def migrated(postgres) -> Iterator[Engine]:
    from operators.deployment.postgres import ensure_database

    name = f"catalog_{uuid.uuid4().hex}"
    ensure_database(postgres, name)
    engine = connect(postgres.dsn(name))
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(migrated: Engine) -> Iterator[Engine]:
    """An engine on an empty catalog; what the test commits is gone after it."""
    yield migrated
    with migrated.begin() as connection:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY")


@pytest.fixture
def connection(migrated: Engine) -> Iterator[Connection]:
    """A connection in one transaction on an empty catalog, rolled back in the end."""
    with migrated.connect() as connection:
        yield connection
