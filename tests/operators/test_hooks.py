"""The catalog is found where the deployment says; runs reach into the inbox and the home folder only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imaging.errors import CatalogError, ForbiddenScan, OptionsError
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


def test_runs_reach_into_the_inbox_and_the_home_only(home: Path) -> None:
    hook = CatalogHook()
    (home / "demo").mkdir()
    assert hook.inbox() == home / "inbox"
    assert hook.inbox(str(home / "demo")) == home / "demo"
    for elsewhere in ("/etc", "..", "../demo", str(home / ".." / "other")):
        with pytest.raises(ForbiddenScan):
            hook.inbox(elsewhere)


def test_relative_inbox_is_looked_for_in_the_inbox_first(home: Path) -> None:
    for folder in ("inbox/box1", "box1", "box2"):
        (home / folder).mkdir(parents=True)
    assert CatalogHook().inbox("box1") == home / "inbox" / "box1"
    assert CatalogHook().inbox("box2") == home / "box2"


def test_mistyped_inbox_is_told_and_not_made(home: Path) -> None:
    assert CatalogHook().inbox().is_dir(), "the configured one is made"
    for mistyped in ("box1", str(home / "box1")):
        with pytest.raises(OptionsError, match="there is no folder"):
            CatalogHook().inbox(mistyped)
    assert [path.name for path in home.rglob("*")] == ["inbox"]


def test_what_heliochrome_keeps_is_no_inbox(home: Path) -> None:
    for folder in ("store/originals", "secrets", "inbox"):
        (home / folder).mkdir(parents=True)
    for kept in ("store", "store/originals", "secrets", str(home)):
        with pytest.raises(ForbiddenScan, match="no inbox"):
            CatalogHook().inbox(kept)
