from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Engine, inspect, text

from catalog.database import connect, in_transaction, migrate, revision
from catalog.due import Reason, due
from catalog.schema import metadata
from imaging.errors import CatalogError

NEWEST = "0006"


def test_migrations_make_what_the_schema_says(engine: Engine):
    with engine.connect() as connection:
        options = {"version_table": "heliochrome_version", "compare_server_default": False}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_constraints_have_the_names_the_schema_gives_them(engine: Engine):
    inspector = inspect(engine)
    for table in metadata.sorted_tables:
        made = {check["name"]: check["sqltext"] for check in inspector.get_check_constraints(table.name)}
        said_of = [*table.constraints, *(c for column in table.columns for c in column.constraints)]
        said = {str(c.name) for c in said_of if isinstance(c, CheckConstraint)}
        assert made.keys() == said, table.name


def test_migrations_go_down_and_up_with_data_in_place(catalog_dsn: str):
    engine = connect(catalog_dsn)
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO objects (accession_number, title) VALUES ('1', 'Žižkov')"))
    for target in ("0002", "0001", "0003", "0004", "0001", "0005", "0004", "0006", "0005", "head"):
        migrate(engine, target)
        with engine.connect() as connection:
            assert revision(connection) == (NEWEST if target == "head" else target)
            assert connection.execute(text("SELECT title FROM objects")).scalar_one() == "Žižkov"
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT 1 FROM objects WHERE search @@ to_tsquery('simple', 'zizkov')")
        )
        assert found.scalar_one() == 1
    migrate(engine, "base")
    assert set(inspect(engine).get_table_names()) == {"heliochrome_version"}
    engine.dispose()


QUARANTINED = """
INSERT INTO scans (sha256, path, original_name, state)
    VALUES (repeat('1', 64), 'a', 'a', 'processed'), (repeat('2', 64), 'b', 'b', 'processed');
INSERT INTO versions
    (scan_id, stage, number, store_key, input_sha256, stage_version, parameters, figures, regions)
    VALUES (1, 'restoration', 1, repeat('3', 64), repeat('1', 64), '1', '{}', '{}', '[]');
INSERT INTO events
    (uuid, occasion, type, outcome, scan_id, version_id, output_sha256, parameters, started_at, ended_at)
    VALUES (gen_random_uuid(), 'entry', 'quarantine', 'success', 1, 1, '{}', '{}', now(), now()),
        (gen_random_uuid(), 'original', 'quarantine', 'success', 2, NULL, '{}', '{}', now(), now());
"""
"""An entry of the first scan, and the original of the second."""


def test_what_was_quarantined_before_the_catalog_told_it_is_due(catalog_dsn: str):
    engine = connect(catalog_dsn)
    migrate(engine, "0005")
    with engine.begin() as connection:
        connection.exec_driver_sql(QUARANTINED)
    migrate(engine)
    with engine.connect() as connection:
        lost = connection.execute(text("SELECT id FROM scans WHERE lost_at IS NOT NULL")).scalars().all()
        assert lost == [2]
        assert [(one.scan, one.reason) for one in due(connection)] == [(1, Reason.LOST)]
    engine.dispose()


def test_processes_that_start_at_once_migrate_once(catalog_dsn: str):
    failures = []

    def start() -> None:
        engine = connect(catalog_dsn)
        try:
            migrate(engine)
        except Exception as error:
            failures.append(error)
        engine.dispose()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_session_is_in_utc_with_a_statement_timeout(engine: Engine):
    with engine.connect() as connection:
        shown = [
            connection.execute(text(f"SHOW {name}")).scalar() for name in ("timezone", "statement_timeout")
        ]
        assert shown == ["UTC", "30s"]


@pytest.mark.parametrize(
    "dsn", ["", "sqlite:///catalog.db", "mysql://host/catalog", "postgresql://host:54x/catalog"]
)
def test_other_addresses_are_refused_with_an_example(dsn: str):
    with pytest.raises(CatalogError, match=r"not a PostgreSQL address.*postgresql://user"):
        connect(dsn)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+asyncpg"])
def test_every_spelling_of_a_postgresql_address_is_read(scheme: str):
    url = connect(f"{scheme}://me:secret%40@host:5433/name").url
    assert (url.drivername, url.password, url.port) == ("postgresql+psycopg2", "secret@", 5433)


def test_deadlock_is_tried_again(engine: Engine):
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO objects (accession_number) VALUES ('a'), ('b')"))
    met = threading.Barrier(2, timeout=10)
    tries = []

    def touch(first: str, second: str) -> None:
        def work(connection) -> None:
            tries.append(first)
            update = text("UPDATE objects SET title = title || :word WHERE accession_number = :number")
            connection.execute(update, {"word": first, "number": first})
            if len(tries) <= 2:
                met.wait()
            connection.execute(update, {"word": first, "number": second})

        in_transaction(engine, work)

    threads = [threading.Thread(target=touch, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        titles = connection.execute(text("SELECT title FROM objects")).scalars().all()
    assert len(tries) == 3
    assert sorted("".join(sorted(title)) for title in titles) == ["ab", "ab"]


def test_failed_transaction_leaves_nothing(engine: Engine):
    def work(connection) -> None:
        connection.execute(text("INSERT INTO objects (accession_number) VALUES ('a')"))
        raise ValueError("on second thought")

    with pytest.raises(ValueError, match="second thought"):
        in_transaction(engine, work)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM objects")).scalar_one() == 0
