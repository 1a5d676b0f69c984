"""Makes the pool of colorizations when Airflow's components start: without it, tasks would wait forever.

A listener of the plugin. Airflow's services and tasks all import it, so it loads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from operators import settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

DESCRIPTION = "Colorization: as many at once as fit in memory"


@hookimpl
def on_starting(component: Any) -> None:
    """Make the pool where a component with access to Airflow's database starts; Airflow logs what fails."""
    from airflow.sdk.execution_time.task_runner import TaskRunnerMarker
    from airflow.utils.session import create_session

    if not isinstance(component, TaskRunnerMarker):
        with create_session() as session:
            make_pool(session)


def make_pool(session: Session) -> None:
    """Make the pool with as many slots as suit this machine; an existing one keeps its slots."""
    from airflow.models.pool import Pool
    from sqlalchemy import select
    from sqlalchemy.exc import IntegrityError

    if session.scalar(select(Pool.id).where(Pool.pool == settings.TILE_POOL)) is not None:
        return
    try:
        with session.begin_nested():
            session.add(
                Pool(
                    pool=settings.TILE_POOL,
                    slots=settings.tile_slots(),
                    description=DESCRIPTION,
                    include_deferred=False,
                )
            )
    except IntegrityError:
        pass  # another component, which started at the same time, was faster
