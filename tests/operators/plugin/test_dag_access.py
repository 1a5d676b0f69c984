"""Whom the door lets in, and what the others are told."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request

from operators.plugin import dag_access
from operators.plugin.dag_access import DagAccessRequirement

HOST = "https://airflow.museum.example"


class User:
    def get_name(self) -> str:
        return "R. Eader"


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Ask as somebody with these rights (``GET``, ``POST``), or as nobody (``None``)."""
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", f"{HOST}/air")
    inner = FastAPI()

    @inner.api_route("/{rest:path}", methods=["GET", "POST"])
    def state(request: Request) -> dict[str, Any]:
        return dict(request.scope["state"])

    outer = FastAPI()
    outer.mount("/air/heliochrome", DagAccessRequirement(lambda: inner))

    def asked(
        rights: set[str] | None, method: str = "GET", path: str = "/", **headers: str
    ) -> httpx.Response:
        async def user(request: Any) -> User:
            if rights is None:
                raise HTTPException(401, "Not authenticated")
            return User()

        monkeypatch.setattr(dag_access, "_user", user)
        monkeypatch.setattr(dag_access, "_is_allowed", lambda what, user: what in (rights or ()))

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(outer)
            async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
                return await client.request(method, f"/air/heliochrome{path}", headers=headers)

        return asyncio.run(send())

    return asked


@pytest.mark.parametrize("rights", [{"GET"}, {"GET", "POST"}])
def test_pages_know_who_asks_and_whether_they_may_decide(ask: Any, rights: set[str]) -> None:
    state = ask(rights).json()
    assert state["heliochrome_user"] == "R. Eader"
    assert state["heliochrome_decides"] is ("POST" in rights)


@pytest.mark.parametrize(
    ("rights", "method", "status"),
    [(None, "GET", 401), (None, "POST", 401), (set(), "GET", 403), ({"GET"}, "POST", 403)],
)
def test_the_refused_get_a_page_in_a_browser_and_json_in_a_program(
    ask: Any, rights: set[str] | None, method: str, status: int
) -> None:
    told = ask(rights, method)
    assert told.status_code == status
    assert told.json()["detail"]
    page = ask(rights, method, accept="text/html,*/*")
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src" not in page.headers["content-security-policy"]
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_who_is_not_logged_in_is_led_to_the_login_and_back(ask: Any) -> None:
    path = "/photographs/1987.1/?order=damage&review=2"
    page = ask(None, path=path, accept="text/html", host="evil.example").text
    back = quote(f"{HOST}/air/heliochrome{path}", safe="")
    assert f'href="{HOST}/air/api/v2/auth/login?next={back}" target="_top"' in page
    assert "evil" not in page
    assert "<script>" not in ask(None, path="/?q=<script>", accept="text/html").text


def test_who_may_not_decide_is_told_what_is_needed(ask: Any) -> None:
    assert "start runs of the DAG digitize" in ask({"GET"}, "POST").json()["detail"]
