"""A browser, and the staff's pages of a small archive served to it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from catalog.web.access import StaffAccess
from catalog.web.app import create_app
from tests.catalog.iiif.archive import Archive, make_archive
from tests.catalog.iiif.conftest import serving
from tests.catalog.web.conftest import archivist, is_archivist, reader

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium")
WAIT_MS = 30_000


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: install the package chromium")
    with sync_api.sync_playwright() as playwright:
        # Root has no sandbox to run it in.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass(frozen=True)
class Desk:
    """An archivist's: the archive, where its pages are, and how to open one as somebody."""

    archive: Archive
    home: str
    open: Callable[..., Any]


@pytest.fixture
def desk(engine: Engine, tmp_path: Path, browser: Any) -> Iterator[Desk]:
    archive = make_archive(engine, tmp_path)
    access = StaffAccess(reader, archivist, is_archivist)
    contexts: list[Any] = []
    faults: list[str] = []

    def open_page(path: str, who: str = "archivist", **options: Any) -> Any:
        headers = {"authorization": f"Bearer {who}"}
        context = browser.new_context(
            extra_http_headers=headers, **{"viewport": {"width": 1280, "height": 800}} | options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: faults.append(str(error)))
        # Thumbnails come when they come.
        page.goto(f"http://{address}{path}", wait_until="domcontentloaded")
        return page

    with serving(lambda base: create_app(engine, archive.store.root, base, staff=access)) as address:
        yield Desk(archive, f"http://{address}", open_page)
        for context in contexts:
            context.close()
    assert faults == []
