"""What the tests of the work share."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from catalog.store import Store
from operators.work.ingestion import Ingestion


@pytest.fixture
def ingestion(engine: Engine, store: Store, inbox: Path) -> Ingestion:
    return Ingestion(engine, store, inbox, collection="demo")
