from __future__ import annotations

import io
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Engine, inspect, text

from catalog import objects
from catalog.database import connect, in_transaction, migrate, name_of, revision
from catalog.due import Reason, due
from catalog.interchange.spreadsheet import import_objects
from catalog.schema import metadata
from catalog.search import ObjectSearch, search
from imaging.errors import CatalogError, ServiceError
from operators.deployment.postgres import PostgresAddress

NEWEST = "0012"


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
    for target in (
        "0002",
        "0001",
        "0003",
        "0004",
        "0001",
        "0005",
        "0004",
        "0006",
        "0005",
        "0009",
        "0008",
        "head",
    ):
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


def test_accession_numbers_are_composed_and_none_is_lost(catalog_dsn: str):
    engine = connect(catalog_dsn)
    migrate(engine, "0005")
    decomposed = [unicodedata.normalize("NFD", number) for number in ("Žďár 3", "Šechtl")]
    rows = text("INSERT INTO objects (accession_number, title) VALUES (:number, :title)")
    with engine.begin() as connection:
        for number, title in ((decomposed[0], "a"), (decomposed[1], "b"), ("Šechtl", "c"), ("1", "d")):
            connection.execute(rows, {"number": number, "title": title})
    migrate(engine)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT accession_number, title FROM objects ORDER BY title")).all()
        assert [tuple(row) for row in found] == [
            ("Žďár 3", "a"),
            ("Šechtl (2)", "b"),
            ("Šechtl", "c"),
            ("1", "d"),
        ]
        assert objects.get(connection, decomposed[0]).title == "a"
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


@pytest.fixture
def role(postgres: PostgresAddress, catalog_dsn: str) -> Iterator[str]:
    """The address of the empty database for a role of its own, which may do nothing but connect."""
    administration = connect(catalog_dsn)
    with administration.begin() as connection:
        connection.execute(text("CREATE ROLE archive LOGIN PASSWORD 'secret'"))
    yield replace(postgres, user="archive", password="secret").dsn(  # noqa: S106
        administration.url.database or ""
    )
    with administration.begin() as connection:
        connection.execute(text("REASSIGN OWNED BY archive TO CURRENT_USER"))
        connection.execute(text("DROP OWNED BY archive"))
        connection.execute(text("DROP ROLE archive"))
    administration.dispose()


def grant(administration: Engine, *rights: str) -> None:
    with administration.begin() as connection:
        for right in rights:
            connection.execute(text(right.format(database=administration.url.database)))
    administration.dispose()


def imported(dsn: str) -> int:
    engine = connect(dsn)
    rows = io.StringIO("accession_number,date,collections\n1987.12,1900?,ships\n")
    inserted = in_transaction(engine, lambda connection: import_objects(connection, rows)).inserted
    engine.dispose()
    return inserted


@pytest.mark.parametrize(
    "rights",
    [
        ['ALTER DATABASE "{database}" OWNER TO archive'],
        ['GRANT CREATE ON DATABASE "{database}" TO archive', "GRANT CREATE ON SCHEMA public TO archive"],
    ],
)
def test_role_with_the_rights_of_the_readme_migrates(catalog_dsn: str, role: str, rights: list[str]):
    grant(connect(catalog_dsn), *rights)
    engine = connect(role)
    migrate(engine)
    engine.dispose()
    assert imported(role) == 1


def test_role_that_only_works_needs_the_rights_of_the_readme(catalog_dsn: str, role: str):
    administration = connect(catalog_dsn)
    migrate(administration)
    grant(
        administration,
        'GRANT CONNECT, TEMPORARY ON DATABASE "{database}" TO archive',
        "GRANT USAGE ON SCHEMA public TO archive",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO archive",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO archive",
    )
    assert imported(role) == 1


def test_role_without_rights_is_told_where_they_are_listed(role: str):
    engine = connect(role)
    with pytest.raises(ServiceError, match=r"refuses its role a right \(permission denied.*guide"):
        migrate(engine)
    engine.dispose()


def test_database_without_tables_is_told_how_to_make_them(catalog_dsn: str):
    engine = connect(catalog_dsn)
    with engine.connect() as connection, pytest.raises(ServiceError, match="heliochrome catalog migrate"):
        objects.listed(connection)
    migrate(engine, "0002")
    with engine.connect() as connection, pytest.raises(ServiceError, match="heliochrome catalog migrate"):
        search(connection, ObjectSearch(words="harbor"))
    engine.dispose()


def test_old_server_is_refused(catalog_dsn: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("catalog.database.OLDEST_SERVER", 99)
    engine = connect(catalog_dsn)
    with pytest.raises(ServiceError, match=r"PostgreSQL \d+ is too old\. Use PostgreSQL 99 or newer"):
        migrate(engine)
    engine.dispose()


def test_database_is_named_without_its_password():
    named = name_of("postgresql://museum:secret@db.example.org:5433/archive")
    assert named == "database archive on db.example.org:5433 as museum"


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
