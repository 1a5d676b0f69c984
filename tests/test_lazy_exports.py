"""What packages are cited for is importable from them, and importing them costs nothing."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FACES = {
    "imaging": {"open_scan", "inspect_scan", "write_pyramid", "HeliochromeError"},
    "restoration": {"restore", "RestorationOptions"},
    "colorization": {"colorize", "ColorizationOptions", "Hint"},
    "catalog": {"connect", "migrate", "Store", "create_app", "publish"},
    "operators": {"RestoreOperator", "ColorizeOperator", "CatalogHook"},
}
HEAVY = ("torch", "pyvips", "cv2", "numpy", "sqlalchemy", "fastapi", "airflow")


@pytest.mark.parametrize("package", FACES)
def test_importing_a_package_loads_nothing_heavy(package: str) -> None:
    program = f"import {package}, json, sys; print(json.dumps(sorted(sys.modules)))"
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(json.loads(finished.stdout)).isdisjoint(HEAVY)


@pytest.mark.parametrize("package", FACES)
def test_the_face_holds_what_checkers_see_and_no_more(package: str) -> None:
    module = import_module(package)
    typed = {
        alias.name: node.module
        for node in ast.walk(ast.parse((ROOT / package / "__init__.py").read_text()))
        if isinstance(node, ast.ImportFrom)
        and node.module
        and node.module.startswith(f"{package}.")
        and node.module != "imaging.lazy_exports"
        for alias in node.names
    }
    assert FACES[package] <= set(typed)
    assert sorted(typed) == sorted(module.__all__) == dir(module)
    for name, origin in typed.items():
        assert getattr(module, name) is getattr(import_module(str(origin)), name)
        assert find_spec(f"{package}.{name}") is None, "a submodule would take the name's place"
    with pytest.raises(AttributeError, match=f"'{package}' has no attribute 'nonsense'"):
        module.nonsense  # noqa: B018


def test_an_option_reaches_the_stage_through_the_faces(tmp_path: Path) -> None:
    from colorization import ColorizationOptions, Hint
    from imaging import HeliochromeError, OptionsError, inspect_scan
    from restoration import RestorationOptions

    with pytest.raises(HeliochromeError):
        inspect_scan(tmp_path / "absent.tif")
    with pytest.raises(OptionsError):
        RestorationOptions(denoise=2.0)
    hint = Hint(0.5, 0.5, 0.1, 20.0, -40.0, "letter")
    assert ColorizationOptions(hints=(hint,)).hints == (hint,)
