"""Whether Heliochrome can be installed beside what museums install, by its metadata alone: ``make resolve``.

Asks the package index, so that it belongs to no test run. The repository's own overrides and constraints do
not count, for nobody else has them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12")
BESIDE = (
    "apache-airflow-providers-amazon",
    "apache-airflow-providers-google",
    "apache-airflow-providers-cncf-kubernetes",
    "apache-airflow-providers-celery",
    "astronomer-cosmos",
    "dbt-core",
    "pandas>=2,<3",
    "pandas>=3,<4",
    "apache-airflow-providers-amazon apache-airflow-providers-cncf-kubernetes "
    "apache-airflow-providers-celery astronomer-cosmos",
)
SHOWN = ("apache-airflow-core", "fastapi", "numpy", "opencv-python-headless", "pillow", "sqlalchemy", "torch")


def main() -> int:
    """Print what each combination resolves to; return how many do not."""
    failed = 0
    for python in PYTHONS:
        for beside in ("", *BESIDE):
            found = resolve(beside.split(), python)
            failed += found.returncode != 0
            pins = dict(line.split("==") for line in found.stdout.splitlines() if "==" in line)
            told = " ".join(f"{name} {pins[name]}" for name in SHOWN if name in pins)
            print(f"{python}  {beside or 'alone'}: {told or found.stderr}", flush=True)
    return failed


def resolve(beside: list[str], python: str) -> subprocess.CompletedProcess[str]:
    """Resolve Heliochrome with other distributions for a Python."""
    options = ["--no-config", "--quiet", "--no-header", "--no-annotate", "--python-version", python]
    command = [sys.executable, "-m", "uv", "pip", "compile", *options, "pyproject.toml", "-"]
    named = "\n".join(beside)
    return subprocess.run(command, cwd=ROOT, input=named, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
