"""The DAGs that the installed package carries, as a bundle for Airflow's DAG processor.

``[dag_processor] dag_bundle_config_list`` names the class; nothing is copied into a DAGs folder::

    [{"name": "heliochrome", "classpath": "operators.deployment.bundle.PackagedDagBundle", "kwargs": {}}]
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from airflow.dag_processing.bundles.base import BaseDagBundle


class PackagedDagBundle(BaseDagBundle):
    """The ``dags`` package, wherever it is installed; its version is that of the package."""

    supports_versioning = False

    @property
    def path(self) -> Path:
        """Return the folder of the DAG files."""
        package = importlib.util.find_spec("dags")
        if package is None or package.origin is None:
            raise ModuleNotFoundError("dags")
        return Path(package.origin).parent

    def get_current_version(self) -> None:
        """Return nothing: an installed package does not change under a running deployment."""

    def refresh(self) -> None:
        """Do nothing: an installed package does not change under a running deployment."""
