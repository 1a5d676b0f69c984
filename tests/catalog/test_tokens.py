from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from catalog import tokens
from catalog.schema import TokenAct, TokenScope
from imaging.errors import CatalogError, OptionsError


def test_the_catalog_keeps_no_secret(engine: Engine) -> None:
    with engine.begin() as connection:
        secret = tokens.create(connection, "bot", [TokenScope.REQUEST], by="test")
        kept = connection.execute(text("SELECT * FROM api_tokens")).mappings().one()
    assert len(secret) >= 43
    assert secret not in str(dict(kept))
    assert kept["sha256"] == hashlib.sha256(secret.encode()).hexdigest()


def test_a_token_is_found_by_its_secret_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        secret = tokens.create(connection, "bot", [TokenScope.REQUEST, TokenScope.REVIEW], by="test")
        other = tokens.create(connection, "other", [TokenScope.PUBLISH], by="test")
        found = tokens.find(connection, secret)
        assert found is not None and found.name == "bot"
        assert found.allows(TokenScope.REVIEW) and not found.allows(TokenScope.PUBLISH)
        assert secret != other
        assert tokens.find(connection, found.name) is None
        assert tokens.find(connection, secret[:-1]) is None
        assert tokens.find(connection, tokens.PREFIX) is None
        used = {token.name: token.used_at for token in tokens.listed(connection)}
    assert used["bot"] is not None and used["other"] is None


def test_without_tokens_nobody_is_let_in(engine: Engine) -> None:
    with engine.connect() as connection:
        assert tokens.listed(connection) == ()
        assert tokens.find(connection, tokens.PREFIX + "x" * 43) is None


def test_a_revoked_token_is_useless_and_stays_on_record(engine: Engine) -> None:
    with engine.begin() as connection:
        secret = tokens.create(connection, "bot", [TokenScope.REQUEST], by="A. Dmin")
    with engine.begin() as connection:
        tokens.revoke(connection, "bot", by="B. Dmin")
    with engine.begin() as connection:
        tokens.revoke(connection, "bot", by="C. Dmin")
    with engine.begin() as connection:
        assert tokens.find(connection, secret) is None
        acts = [(one.act, one.by) for one in tokens.history(connection, "bot")]
        assert acts == [(TokenAct.CREATED, "A. Dmin"), (TokenAct.REVOKED, "B. Dmin")]
        with pytest.raises(CatalogError, match="another name"):
            tokens.create(connection, "bot", [TokenScope.REQUEST], by="test")


def test_a_token_is_good_for_as_long_as_was_said(engine: Engine) -> None:
    with engine.begin() as connection:
        lasting = tokens.create(connection, "a", [TokenScope.REQUEST], by="t", lasts=timedelta(hours=1))
        over = tokens.create(connection, "b", [TokenScope.REQUEST], by="t", lasts=timedelta(seconds=-1))
    with engine.begin() as connection:
        assert tokens.find(connection, lasting) is not None
        assert tokens.find(connection, over) is None


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 101])
def test_a_client_needs_a_name(engine: Engine, name: str) -> None:
    with engine.begin() as connection, pytest.raises(CatalogError):
        tokens.create(connection, name, [TokenScope.REQUEST], by="test")


def test_a_token_without_scope_is_none(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises(CatalogError, match="request, review, publish"):
        tokens.create(connection, "bot", [], by="test")
    with engine.connect() as connection, pytest.raises(CatalogError, match="token list"):
        tokens.history(connection, "bot")


@pytest.mark.parametrize("limit", [{"most_waiting": 0}, {"per_hour": 0}, {"priority": 101}])
def test_limits_have_limits(limit: dict[str, int]) -> None:
    with pytest.raises(OptionsError):
        tokens.TokenLimits(**limit)
