"""What a museum's Airflow makes of its own code and of Heliochrome: run in its environment, answers in JSON.

Everything happens in one process, which is stricter than Airflow: what the museum's code leaves in
``sys.modules`` and on ``sys.path`` is there when Heliochrome's is loaded.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from typing import Any

LATE = (
    "heliochrome.operators.work.ingestion",
    "heliochrome.operators.work.tagging",
    "heliochrome.catalog.web.app",
    "heliochrome.catalog.database",
)
"""What tasks and pages import at run time, after Airflow has loaded the museum's plugins."""
STAGES = ("heliochrome.operators.work.restoration", "heliochrome.operators.work.colorization")
"""The same, with torch."""


def main() -> None:
    """Load plugins, providers, each bundle's DAGs, then what runs late; print what came of it."""
    from airflow import plugins_manager
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.providers_manager import ProvidersManager

    answer: dict[str, Any] = {}
    plugins, errors = plugins_manager._get_plugins()
    answer["plugins"] = sorted(plugin.name for plugin in plugins if plugin.name)
    answer["plugin_errors"] = errors
    answer["provider"] = ProvidersManager().providers["heliochrome"].data["name"]
    answer["dags"], answer["dag_errors"] = {}, {}
    for bundle in DagBundlesManager().get_all_dag_bundles():
        bundle.initialize()
        bag = BundleDagBag(bundle_path=bundle.path, dag_folder=bundle.path, bundle_name=bundle.name)
        answer["dags"][bundle.name] = sorted(bag.dags)
        answer["dag_errors"].update(bag.import_errors)
    for name in (*LATE, *(STAGES if importlib.util.find_spec("torch") else ())):
        importlib.import_module(name)
    answer["own"] = {
        name: path
        for name in sys.argv[1:]
        if (path := getattr(importlib.import_module(name), "__file__", None))
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
