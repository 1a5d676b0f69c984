"""The plugin makes the pool of colorizations, and leaves one alone that is there."""

from __future__ import annotations

from airflow.models.pool import Pool
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from operators import settings
from operators.plugin.plugin import HeliochromePlugin
from operators.pool import make_pool


def test_a_missing_pool_is_made_and_one_that_is_there_keeps_its_slots() -> None:
    engine = create_engine("sqlite://")
    Pool.__table__.create(engine)
    with Session(engine) as session:
        make_pool(session)
        session.commit()
        made = session.query(Pool).one()
        assert (made.pool, made.slots) == (settings.TILE_POOL, settings.tile_slots())
        made.slots = 40
        session.commit()
        make_pool(session)
        session.commit()
        assert [pool.slots for pool in session.query(Pool)] == [40]
    engine.dispose()


def test_the_plugin_listens_for_components_that_start() -> None:
    assert any(hasattr(listener, "on_starting") for listener in HeliochromePlugin.listeners)
