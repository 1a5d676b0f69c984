"""The plan of the house, kept by tests: floors, light imports, one door for files."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("imaging", "restoration", "colorization", "catalog", "operators", "dags")
HEAVY = ("torch", "cv2", "pyvips")

# Airflow's services import these: DAG files, plugin, and everything at the top of the operators' floor.
LIGHT = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for folder in ("dags", "operators", "operators/plugin")
    for path in (ROOT / folder).glob("*.py")
)


def test_floors_import_only_downward():
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    checked = subprocess.run(
        [sys.executable, "-c", command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_nothing_that_airflow_s_services_import_loads_a_heavy_library(tmp_path: Path):
    program = (
        "import importlib, sys\n"
        f"for name in {LIGHT!r}:\n"
        "    importlib.import_module(name)\n"
        f"    loaded = [heavy for heavy in {HEAVY!r} if heavy in sys.modules]\n"
        "    assert not loaded, f'{name} loads {loaded}'\n"
    )
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "HELIOCHROME_HOME": str(tmp_path)}
    imported = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert imported.returncode == 0, imported.stderr[-3000:]


@pytest.mark.parametrize("package", PACKAGES)
def test_untrusted_files_have_one_door(package: str):
    doors = {ROOT / "imaging" / "scan.py"}
    calls = [
        f"{path.relative_to(ROOT)}:{call.lineno} calls {call.func.attr}"
        for path in sorted((ROOT / package).rglob("*.py"))
        if path not in doors and "training" not in path.parts
        for call in _calls(path)
        if call.func.attr in {"new_from_file", "new_from_buffer", "new_from_source", "imread"}
    ]
    assert calls == []


@pytest.mark.parametrize("package", PACKAGES)
def test_weights_are_never_unpickled(package: str):
    calls = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for call in _calls(path)
        if call.func.attr == "load"
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in {"torch", "pickle"}
        and not _says_weights_only(call)
    ]
    assert calls == []


def _calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node


def _says_weights_only(call: ast.Call) -> bool:
    return any(
        keyword.arg == "weights_only"
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is True
        for keyword in call.keywords
    )
