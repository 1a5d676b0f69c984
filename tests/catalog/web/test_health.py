"""Load balancers learn whether a process can serve."""

from __future__ import annotations

import shutil

from sqlalchemy import create_engine

from catalog.web.app import create_app
from tests.catalog.iiif.archive import Archive
from tests.catalog.web.conftest import BASE, Client


def test_a_server_with_catalog_and_store_is_well(archive: Archive, public: Client) -> None:
    archive.add("1987.1")
    answer = public.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["cache-control"] == "no-store"
    assert public.head("/health").status_code == 200


def test_a_server_without_its_store_says_so(archive: Archive, public: Client) -> None:
    archive.add("1987.1")
    shutil.rmtree(archive.store.root)
    answer = public.get("/health")
    assert (answer.status_code, answer.json()["lacking"]) == (503, ["store"])


def test_a_server_without_its_catalog_says_so(archive: Archive) -> None:
    archive.add("1987.1")
    nowhere = create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    answer = Client(create_app(nowhere, archive.store.root, BASE)).get("/health")
    assert (answer.status_code, answer.json()["lacking"]) == (503, ["catalog"])
