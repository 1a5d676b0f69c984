"""Fixtures for every test: a PostgreSQL server per session, an empty database per test."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from operators.deployment.postgres import PostgresAddress

# Airflow writes its configuration there as soon as it is imported.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="heliochrome-airflow-")
atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresAddress]:
    from operators.deployment.postgres import EmbeddedPostgres

    # Not pytest's tmp_path: as root, the server's unprivileged user could not reach into it.
    with tempfile.TemporaryDirectory(prefix="heliochrome-") as folder:
        Path(folder).chmod(0o711)
        quick = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        with EmbeddedPostgres(Path(folder) / "postgres", "test", quick).running() as address:
            yield address


@pytest.fixture
def catalog_dsn(postgres: PostgresAddress) -> Iterator[str]:
    """The address of an empty database that is dropped after the test."""
    from operators.deployment.postgres import ensure_database

    name = f"test_{uuid.uuid4().hex}"
    ensure_database(postgres, name)
    yield postgres.dsn(name)
    connection = postgres.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    connection.close()


@pytest.fixture(scope="session")
def migrated(postgres: PostgresAddress) -> Iterator[Engine]:
    """A catalog for the whole session, which every test leaves empty; see `engine`."""
    from catalog.database import connect, migrate
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
    from catalog.schema import metadata

    yield migrated
    with migrated.begin() as connection:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY")
