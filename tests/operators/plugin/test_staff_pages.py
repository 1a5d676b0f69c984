"""The catalog's pages inside Airflow."""

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.types import Receive, Scope, Send

from operators.plugin import staff_pages
from operators.plugin.dag_access import Application
from operators.plugin.plugin import HeliochromePlugin
from tests.catalog.iiif.archive import make_archive

HOST = "https://airflow.museum.example"
LINK = re.compile(r'(?:href|src)="([^"#]+)"|"(?:info|still)": ?"([^"]+)"')


@pytest.mark.parametrize("base", ["", "/airflow"])
def test_all_links_work_behind_a_base_path_whatever_address_manifests_have(
    base: str, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_archive(engine, tmp_path)
    archive.add("1987.12", title="Harbor")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", HOST + base)
    monkeypatch.setenv("AIRFLOW__HELIOCHROME__ADDRESS", "https://iiif.museum.example/photographs")
    monkeypatch.setenv("AIRFLOW__HELIOCHROME__STORE", str(archive.store.root))
    monkeypatch.setenv("HELIOCHROME_CATALOG_DSN", engine.url.render_as_string(hide_password=False))
    airflow = FastAPI(root_path=base)
    airflow.mount("/heliochrome", as_archivist(staff_pages.make_pages()))

    seen: dict[str, int] = {}
    waiting = [f"{HOST}{base}/heliochrome/", f"{HOST}{base}/heliochrome/all/"]
    while waiting:
        if (address := waiting.pop()) in seen:
            continue
        answer = asyncio.run(get(airflow, address))
        seen[address] = answer.status_code
        links = [a or b for a, b in LINK.findall(html.unescape(answer.text))]
        if answer.is_redirect:
            links.append(answer.headers["location"])
        if answer.is_redirect or answer.headers["content-type"].startswith("text/html"):
            waiting += [to for link in links if (to := urljoin(address, link)).startswith(HOST)]
    assert {address: status for address, status in seen.items() if status >= 400} == {}
    for part in ("/static/heliochrome.css", "/photographs/1987.12/", "/iiif/3/", "/info.json"):
        assert any(address.startswith(f"{HOST}{base}/heliochrome/") and part in address for address in seen)


def as_archivist(app: Application) -> Application:
    """Let everybody in, in place of the access requirement."""

    async def enter(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["heliochrome_user"] = "A. Rchivist"
        await app(scope, receive, send)

    return enter


async def get(app: FastAPI, address: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), timeout=60) as client:
        return await client.get(address, headers={"Accept": "text/html"})


def test_airflow_s_menu_links_relative_to_where_airflow_is() -> None:
    for view in HeliochromePlugin.external_views:
        found = urljoin("https://museum.example/airflow/", view["href"])
        assert found.startswith("https://museum.example/airflow/heliochrome/")
