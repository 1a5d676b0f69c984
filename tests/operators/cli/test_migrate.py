"""`catalog migrate` brings the configured catalog up to date, names it, and starts no server unasked."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from catalog.database import connect, name_of, revision
from operators import settings
from operators.cli.app import run
from operators.cli.console import Status

KEPT_IN_AIRFLOW = """
import sys
from airflow.models import Connection
from airflow.models.base import Base
from airflow.models.team import Team
from airflow.settings import Session, engine
from operators.cli.app import run
Base.metadata.create_all(engine, tables=[Team.__table__, Connection.__table__])
Session.add(Connection("heliochrome_catalog", uri=sys.argv[1]))
Session.commit()
sys.exit(run(["catalog", "migrate"]))
"""


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HELIOCHROME_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(settings.CATALOG_VARIABLE, raising=False)
    monkeypatch.delenv("AIRFLOW_CONN_HELIOCHROME_CATALOG", raising=False)
    return tmp_path / "home"


def is_migrated(dsn: str) -> bool:
    engine = connect(dsn)
    with engine.connect() as connection:
        found = revision(connection)
    engine.dispose()
    return found is not None


def test_without_an_address_nothing_is_started_and_the_cure_is_told(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["catalog", "migrate"]) == Status.FAILED
    said = " ".join(capfd.readouterr().err.split())
    assert "no database is configured" in said
    assert all(way in said for way in (settings.CATALOG_VARIABLE, "heliochrome_catalog", "--embedded"))
    assert not (home / "postgres").exists()


def test_the_database_is_named_without_its_password(
    catalog_dsn: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(settings.CATALOG_VARIABLE, catalog_dsn)
    assert run(["catalog", "migrate"]) == Status.WELL
    said = " ".join(capfd.readouterr().err.split())
    database = catalog_dsn.rpartition("/")[2]
    assert f"the tables of database {database} on 127.0.0.1:" in said and ":test@" not in said
    assert is_migrated(catalog_dsn)


def test_the_embedded_database_is_migrated_on_request(capfd: pytest.CaptureFixture[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="heliochrome-") as folder:
        Path(folder).chmod(0o711)
        assert run(["catalog", "migrate", "--embedded", "--home", f"{folder}/home"]) == Status.WELL
    assert "the embedded database heliochrome on 127.0.0.1:" in " ".join(capfd.readouterr().err.split())


def test_the_connection_that_airflow_keeps_in_its_database_counts(catalog_dsn: str, tmp_path: Path) -> None:
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path)}
    command = [sys.executable, "-c", KEPT_IN_AIRFLOW, catalog_dsn.replace("postgresql+psycopg2", "postgres")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == Status.WELL, done.stderr
    assert f"the tables of {name_of(catalog_dsn)}" in " ".join(done.stderr.split())
    assert is_migrated(catalog_dsn)


def test_commands_on_a_catalog_without_tables_say_how_to_make_them(
    catalog_dsn: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(settings.CATALOG_VARIABLE, catalog_dsn)
    assert run(["catalog", "list"]) == Status.FAILED
    said = " ".join(capfd.readouterr().err.split())
    assert "does not have the catalog's tables" in said and "Run `heliochrome catalog migrate`" in said
