"""An api-server that dies or lets nobody in is told as a service that failed."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from imaging.errors import ServiceError
from operators.deployment.client import AirflowClient

CLIENT = ("http://127.0.0.1:1", "admin", "a secret")


def refuse(*arguments: object, **options: object) -> httpx.Response:
    return httpx.Response(401, request=httpx.Request("POST", f"{CLIENT[0]}/auth/token"))


def die(*arguments: object, **options: object) -> httpx.Response:
    raise httpx.ConnectError("Connection refused")


@pytest.mark.parametrize(("server", "fault"), [(refuse, "401 Unauthorized"), (die, "Connection refused")])
def test_server_that_does_not_answer_is_a_failed_service(
    server: Callable[..., httpx.Response], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("httpx.Client.post", server)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(ServiceError, match=fault) as failure:
        AirflowClient(*CLIENT).status("digitize", "run")
    assert CLIENT[0] in str(failure.value) and CLIENT[2] not in str(failure.value)
