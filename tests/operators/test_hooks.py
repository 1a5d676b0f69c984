"""The catalog is found where the deployment says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imaging.errors import CatalogError
from operators import settings
from operators.hooks import CatalogHook

CONNECTION = "AIRFLOW_CONN_HELIOCHROME_CATALOG"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HELIOCHROME_HOME", str(tmp_path))
    monkeypatch.delenv(settings.CATALOG_VARIABLE, raising=False)
    monkeypatch.delenv(CONNECTION, raising=False)
    return tmp_path


def test_environment_names_the_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.CATALOG_VARIABLE, "postgresql://museum@db/catalog")
    assert CatalogHook().dsn == "postgresql://museum@db/catalog"


@pytest.mark.parametrize(
    "connection",
    [
        "postgres://museum:secret@db:5433/catalog",
        json.dumps(
            {
                "conn_type": "postgres",
                "login": "museum",
                "password": "secret",
                "host": "db",
                "port": 5433,
                "schema": "catalog",
            }
        ),
    ],
)
def test_airflow_connection_wins_over_the_environment(
    connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.CATALOG_VARIABLE, "postgresql://other@db/catalog")
    monkeypatch.setenv(CONNECTION, connection)
    hook = CatalogHook()
    assert hook.engine.url.render_as_string(hide_password=False) == (
        "postgresql+psycopg2://museum:secret@db:5433/catalog"
    )
    hook.close()
    assert settings.configured_catalog_dsn() == hook.dsn


def test_nothing_configured_is_told_with_what_to_do() -> None:
    with pytest.raises(CatalogError, match="heliochrome up"):
        _ = CatalogHook().dsn
