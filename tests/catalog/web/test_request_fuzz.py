"""Whatever is sent, the server answers as it says it does: schemathesis reads the description and tries."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from sqlalchemy import Engine

from catalog import tokens
from catalog.request_files import RequestFiles
from catalog.requests import RequestLimits
from catalog.schema import TokenScope
from catalog.tokens import TokenLimits
from catalog.web.app import create_app
from catalog.web.problems import MEDIA_TYPE
from catalog.web.request_access import RequestService

BROKEN = 500
TRIES = settings(
    max_examples=max(5, int(os.environ.get("HELIOCHROME_FUZZ", "0")) // 20),
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def api(engine: Engine, tmp_path: Path) -> Any:
    (tmp_path / "store").mkdir()
    (tmp_path / "secret").write_bytes(b"s" * 32)
    with engine.begin() as connection:
        limits = TokenLimits(most_waiting=50)
        secret = tokens.create(connection, "fuzz", list(TokenScope), by="test", limits=limits)
    service = RequestService(
        RequestFiles(tmp_path / "requests"), tmp_path / "secret", RequestLimits(max_bytes=2**20)
    )
    app = create_app(engine, tmp_path / "store", "http://testserver", requests=service)
    headers = {"Authorization": f"Bearer {secret}"}
    schema = schemathesis.openapi.from_asgi("/requests/openapi.json", app, headers=headers)
    schema.config.update(headers=headers)
    return schema


def test_no_request_breaks_the_server(api: Any) -> None:
    tried = 0
    for result in api.get_all_operations():
        operation = result.ok()

        @TRIES
        @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        def answers_well_formed(case: Any) -> None:
            check(case.call())

        @TRIES
        @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        def answers_malformed(case: Any) -> None:
            check(case.call())

        answers_well_formed()
        with suppress(Unsatisfiable):  # a path with nothing in it that could be malformed
            answers_malformed()
        tried += 1
    assert tried == 8


def check(response: Any) -> None:
    assert response.status_code < BROKEN, response.text
    if response.status_code >= 400:
        assert response.headers["content-type"][0] == MEDIA_TYPE
        assert response.json()["detail"]
