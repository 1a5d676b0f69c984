"""The wheel beside a museum's own code: both load, whatever names the museum has given its own."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.wheel.installation import OUR_DAGS, PROBE, ROOT, airflow_of, run
from tests.wheel.museum import MUSEUMS, build_wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and this one's dependencies, without the repository."""
    return environment(tmp_path_factory.mktemp("museum") / "venv", wheel)


def environment(folder: Path, *wheels: Path) -> Path:
    """Make an environment of wheels that sees this one's libraries; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    packages = next(folder.glob("lib/python*/site-packages"))
    for library in Path(sysconfig.get_path("purelib")).iterdir():
        # All but the editable installation of the repository, and what else reaches out of the folder.
        if library.suffix != ".pth" and not library.name.startswith(
            ("heliochrome", "_virtualenv", "__pycache__")
        ):
            (packages / library.name).symlink_to(library)
    install = ["-m", "uv", "pip", "install", "-q", "--offline", "--no-deps", "--python", python, *wheels]
    subprocess.run([sys.executable, *install], check=True)
    return python


@pytest.mark.parametrize("name", MUSEUMS)
def test_museum_and_heliochrome_load_side_by_side(
    name: str, wheel: Path, installed: Path, tmp_path: Path
) -> None:
    museum = MUSEUMS[name]
    for file, text in museum.files.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    python = installed
    if museum.wheel:
        python = environment(tmp_path / "venv", wheel, build_wheel(museum.wheel, tmp_path))
    variables = airflow_of(tmp_path, museum.path)

    answered = run([python, PROBE, *museum.modules], tmp_path, variables)
    found = json.loads(answered.splitlines()[-1])
    assert found["plugin_errors"] == {} and found["dag_errors"] == {}
    assert found["provider"] == "Heliochrome" and "heliochrome" in found["plugins"]
    has_plugin = any("MuseumPlugin" in text for text in museum.files.values())
    assert ("museum" in found["plugins"]) == has_plugin
    assert found["dags"]["heliochrome"] == OUR_DAGS
    assert "museum" in found["dags"]["museum"]
    for module, folder in museum.modules.items():
        assert folder in Path(found["own"][module]).relative_to(tmp_path).parts

    command = [python.parent / "heliochrome", "models", "list", "--json"]
    assert json.loads(run(command, tmp_path, variables))


def test_the_wheel_installs_one_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        entry_points = ConfigParser()
        entry_points.read_string(
            archive.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
        )
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"heliochrome"}
    targets = [value for section in entry_points.sections() for value in entry_points[section].values()]
    assert targets and all(target.startswith("heliochrome.") for target in targets)


def test_every_module_of_the_product_imports(installed: Path, tmp_path: Path) -> None:
    program = (
        "import importlib, pkgutil, heliochrome\n"
        "from importlib.metadata import version\n"
        "assert heliochrome.__version__ == version('heliochrome')\n"
        "for module in pkgutil.walk_packages(heliochrome.__path__, 'heliochrome.'):\n"
        "    # Alembic runs its environment, and the trainings' libraries are an extra.\n"
        "    if '.training' not in module.name and '.migrations' not in module.name"
        " and '__main__' not in module.name:\n"
        "        importlib.import_module(module.name)\n"
        "import sys\n"
        "top = {'imaging', 'restoration', 'colorization', 'catalog', 'operators', 'dags'}\n"
        "assert not top & set(sys.modules), top & set(sys.modules)\n"
    )
    variables = airflow_of(tmp_path, [])
    run([installed, "-c", program], tmp_path, variables)
