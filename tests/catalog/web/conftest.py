from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request
from sqlalchemy import Engine
from starlette.types import ASGIApp

from catalog.agents import Agent, person
from catalog.iiif.image_service import ServicePolicy
from catalog.iiif.records import Institution
from catalog.web.access import StaffAccess
from catalog.web.app import create_app
from tests.catalog.iiif.archive import Archive, make_archive

BASE = "http://testserver"
MUSEUM = Institution("Harbor Museum", "https://museum.example/")
NO_MEMORY = ServicePolicy(remembered_seconds=0)


class Client:
    """Asks an application without a server; redirects are not followed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.headers: dict[str, str] = {}

    def get(self, path: str, **request: Any) -> httpx.Response:
        return self._ask("GET", path, **request)

    def head(self, path: str) -> httpx.Response:
        return self._ask("HEAD", path)

    def post(self, path: str, **request: Any) -> httpx.Response:
        return self._ask("POST", path, **request)

    def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=self.headers) as client:
                return await client.request(method, path, **request)

        return asyncio.run(ask())


@pytest.fixture
def archive(engine: Engine, tmp_path: Path) -> Archive:
    return make_archive(engine, tmp_path)


@pytest.fixture
def public(archive: Archive) -> Client:
    return Client(create_app(archive.engine, archive.store.root, BASE, institution=MUSEUM, policy=NO_MEMORY))


def reader(request: Request) -> Agent:
    if request.headers.get("authorization") not in {"Bearer reader", "Bearer archivist"}:
        raise HTTPException(401, "Log in.")
    return person("R. Eader")


def archivist(request: Request) -> Agent:
    if request.headers.get("authorization") != "Bearer archivist":
        raise HTTPException(403, "You may not decide.")
    return person("A. Rchivist", "a@museum.example")


def is_archivist(request: Request) -> bool:
    return request.headers.get("authorization") == "Bearer archivist"


@pytest.fixture
def staff(archive: Archive) -> Client:
    """The staff's application as Airflow mounts it, asked by an archivist."""
    app = create_app(
        archive.engine,
        archive.store.root,
        f"{BASE}/heliochrome",
        staff=StaffAccess(reader, archivist, is_archivist),
        policy=NO_MEMORY,
    )
    outer = FastAPI()
    outer.mount("/heliochrome", app)
    client = Client(outer)
    client.headers["authorization"] = "Bearer archivist"
    return client
