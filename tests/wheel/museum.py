"""Museums whose own code bears the names of our folders, each a way in which Airflow finds code."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

OPERATOR = """
from airflow.sdk import BaseOperator

class CatalogOperator(BaseOperator):
    def execute(self, context):
        return "the museum's own"
"""
PLUGIN = """
from airflow.plugins_manager import AirflowPlugin

class MuseumPlugin(AirflowPlugin):
    name = "museum"
"""
DAG = """
from airflow.sdk import DAG, BaseOperator
{imports}

with DAG("museum", schedule=None):
    {operator}(task_id="own")
"""


def dag(*imports: str) -> str:
    """Return a DAG file of the museum's that uses what it imports."""
    operator = "CatalogOperator" if any("CatalogOperator" in line for line in imports) else "BaseOperator"
    return DAG.format(imports="\n".join(imports), operator=operator)


@dataclass(frozen=True)
class Museum:
    """A museum's own code.

    Parameters
    ----------
    files
        Path in the museum's folder, in which Airflow looks into ``dags`` and ``plugins``, to content.
    path
        What of it ``PYTHONPATH`` names.
    wheel
        Files of a wheel of the museum's, installed beside Heliochrome's.
    modules
        Modules of the museum's own; the folder they must come from.
    """

    files: Mapping[str, str]
    path: Sequence[str] = ()
    wheel: Mapping[str, str] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)


OPERATORS = {"operators/__init__.py": "", "operators/accessions.py": OPERATOR}
USES_OPERATORS = dag("from operators.accessions import CatalogOperator")

MUSEUMS: Mapping[str, Museum] = {
    "operators on PYTHONPATH": Museum(
        {
            "lib/operators/__init__.py": "",
            "lib/operators/accessions.py": OPERATOR,
            "dags/own.py": USES_OPERATORS,
        },
        path=["lib"],
        modules={"operators": "lib"},
    ),
    "plugins/operators/": Museum(
        {f"plugins/{name}": text for name, text in OPERATORS.items()} | {"dags/own.py": USES_OPERATORS},
        modules={"operators": "plugins"},
    ),
    "dags/operators/": Museum(
        {f"dags/{name}": text for name, text in OPERATORS.items()} | {"dags/own.py": USES_OPERATORS},
        modules={"operators": "dags"},
    ),
    "plugins/catalog/": Museum(
        {
            "plugins/catalog/__init__.py": "",
            "plugins/catalog/store.py": "SHELVES = 3",
            "dags/own.py": dag("from catalog.store import SHELVES"),
        },
        modules={"catalog.store": "plugins"},
    ),
    "plugins/operators.py": Museum(
        {
            "plugins/operators.py": PLUGIN + OPERATOR,
            "dags/own.py": dag("from operators import CatalogOperator"),
        },
        modules={"operators": "plugins"},
    ),
    "plugins/catalog.py": Museum(
        {"plugins/catalog.py": PLUGIN + "\nSHELVES = 3\n", "dags/own.py": dag("from catalog import SHELVES")},
        modules={"catalog": "plugins"},
    ),
    "dags/__init__.py on the path": Museum(
        {"dags/__init__.py": "", "dags/own.py": dag("import dags")}, path=["."], modules={"dags": "dags"}
    ),
    "a wheel of the same names": Museum(
        {
            "dags/own.py": dag(
                "from operators.accessions import CatalogOperator", "from catalog.store import SHELVES"
            )
        },
        wheel=OPERATORS
        | {"catalog/__init__.py": "", "catalog/store.py": "SHELVES = 3"}
        | {f"{name}/__init__.py": "" for name in ("imaging", "restoration", "colorization", "dags")},
        modules={"operators": "site-packages", "catalog.store": "site-packages", "dags": "site-packages"},
    ),
    "plugins and modules beside DAGs, of the lower floors": Museum(
        {
            "plugins/imaging.py": PLUGIN,
            "plugins/restoration/__init__.py": "BATHS = 2",
            "dags/colorization.py": "PIGMENTS = 7",
            "dags/own.py": dag("from restoration import BATHS", "from colorization import PIGMENTS"),
        },
        modules={"imaging": "plugins", "restoration": "plugins", "colorization": "dags"},
    ),
    "DAG files and plugins of our files' names": Museum(
        {
            "dags/digitize.py": dag("import settings"),
            "dags/settings.py": "",
            "dags/audit_fixity.py": "from airflow.sdk import DAG\n\nDAG('museum_fixity', schedule=None)\n",
            "plugins/plugin.py": PLUGIN,
            "plugins/hooks.py": "",
        },
        modules={"settings": "dags", "hooks": "plugins"},
    ),
}


def build_wheel(files: Mapping[str, str], folder: Path) -> Path:
    """Write a wheel of the museum's."""
    path = folder / "museum_own-1.0-py3-none-any.whl"
    info = "museum_own-1.0.dist-info"
    content = {
        **files,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: museum-own\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: museum\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{info}/RECORD"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in content.items():
            archive.writestr(name, text)
        archive.writestr(record, "".join(f"{name},,\n" for name in (*content, record)))
    return path
