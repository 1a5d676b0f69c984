"""What Heliochrome adds to Airflow's pages: the collection, and the photographs of a task.

Airflow's services and tasks all import this module, so it loads nothing: the pages are made when first asked
for, behind `operators.plugin.dag_access.DagAccessRequirement`.
"""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from operators import pool
from operators.plugin.dag_access import Application, DagAccessRequirement
from operators.settings import PAGES_PREFIX

# Relative to the base address that Airflow's pages declare, which may have a path.
HERE = PAGES_PREFIX.removeprefix("/")


def make_pages() -> Application:
    """Return the catalog's pages for staff."""
    from operators.plugin import staff_pages  # loads the catalog

    return staff_pages.make_pages()


class HeliochromePlugin(AirflowPlugin):
    """The plugin; registered by the entry point ``airflow.plugins``."""

    name = "heliochrome"
    listeners: list[Any] = [pool]  # noqa: RUF012 - Airflow's own annotation
    fastapi_apps: list[Any] = [  # noqa: RUF012
        {"app": DagAccessRequirement(make_pages), "url_prefix": PAGES_PREFIX, "name": "heliochrome"}
    ]
    external_views: list[Any] = [  # noqa: RUF012
        {
            "name": "Collection",
            "href": f"{HERE}/",
            "destination": "nav",
            "url_route": "collection",
            "category": "browse",
        },
        {
            "name": "Photograph",
            "href": f"{HERE}/task?run={{RUN_ID}}&task={{TASK_ID}}&batch={{MAP_INDEX}}",
            "destination": "task_instance",
            "url_route": "photograph",
        },
    ]
