"""An installation of the wheel, and the Airflow that it is part of."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROBE = Path(__file__).with_name("probe.py")
OUR_DAGS = sorted(path.stem for path in (ROOT / "dags").glob("[a-z]*.py"))
BUNDLES = [
    {"name": "museum", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {}},
    {
        "name": "heliochrome",
        "classpath": "heliochrome.operators.deployment.bundle.PackagedDagBundle",
        "kwargs": {},
    },
]


def airflow_of(folder: Path, path: Sequence[str] = ()) -> dict[str, str]:
    """Return the environment of an Airflow whose DAGs and plugins lie in a folder."""
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "HELIOCHROME", "PYTHON"))
    }
    return {
        **inherited,
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(folder / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(BUNDLES),
        "HELIOCHROME_HOME": str(folder / "home"),
        "PYTHONPATH": os.pathsep.join(str(folder / part) for part in path),
    }


def run(command: Sequence[str | Path], folder: Path, variables: dict[str, str]) -> str:
    """Run a program; return what it printed."""
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
