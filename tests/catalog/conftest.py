"""A connection to an empty catalog."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine


@pytest.fixture
def connection(migrated: Engine) -> Iterator[Connection]:
    """A connection in one transaction on an empty catalog, rolled back in the end."""
    with migrated.connect() as connection:
        yield connection
