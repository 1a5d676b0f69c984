from __future__ import annotations

import json

import pytest
from sqlalchemy import Engine

from catalog import tokens
from catalog.schema import TokenScope
from operators.cli.app import run
from operators.cli.console import Status


@pytest.fixture(autouse=True)
def own_catalog(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOCHROME_CATALOG_DSN", engine.url.render_as_string(hide_password=False))


def test_a_token_is_made_shown_once_used_and_revoked(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    made = run(["token", "create", "bot", "--scope", "request", "--scope", "review", "--per-hour", "7"])
    assert made == Status.WELL
    secret = capsys.readouterr().out.strip()
    with engine.begin() as connection:
        found = tokens.find(connection, secret)
    assert found is not None and found.allows(TokenScope.REVIEW) and found.per_hour == 7
    assert run(["token", "list", "--json"]) == Status.WELL
    listed = capsys.readouterr().out
    assert [token["name"] for token in json.loads(listed)] == ["bot"]
    assert secret not in listed
    assert run(["token", "revoke", "bot", "--by", "A. Dmin"]) == Status.WELL
    with engine.begin() as connection:
        assert tokens.find(connection, secret) is None
    capsys.readouterr()
    assert run(["token", "history", "bot", "--json"]) == Status.WELL
    assert [one["act"] for one in json.loads(capsys.readouterr().out)] == ["created", "revoked"]


def test_wrong_names_and_scopes_are_told() -> None:
    assert run(["token", "create", "bot"]) == Status.USAGE
    assert run(["token", "create", "bot", "--scope", "everything"]) == Status.USAGE
    assert run(["token", "revoke", "nobody"]) == Status.FAILED
