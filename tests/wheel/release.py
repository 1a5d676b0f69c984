"""Build the release and try it as somebody who has nothing but it: ``make release``.

Wheel and source distribution land in ``dist/``. Each is installed with its dependencies, from the package
index, into a new environment of each Python. There the command line answers, Airflow loads plugin, provider
and DAGs, and a photograph is restored and colorized. Where ``PIP_FIND_LINKS`` has no CPU build of torch for a
Python, torch is left out rather than installed with its CUDA libraries, and nothing is restored or colorized.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.wheel.installation import OUR_DAGS, PROBE, ROOT, airflow_of, run

PYTHONS = ("3.11", "3.12")
DIST = ROOT / "dist"
PHOTOGRAPH = ROOT / ".github" / "photograph.jpg"
UV = (sys.executable, "-m", "uv")


def main() -> None:
    """Build, compare with the repository, install, try."""
    shutil.rmtree(DIST, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "build", "--outdir", DIST, ROOT], check=True, stdout=sys.stderr)
    source, wheel = next(DIST.glob("*.tar.gz")), next(DIST.glob("*.whl"))
    compare(source)
    for python in PYTHONS:
        for artifact in (wheel, source):
            with tempfile.TemporaryDirectory(prefix="heliochrome-release-") as folder:
                print(
                    f"{artifact.name} on Python {python}: {attempt(artifact, python, Path(folder))}",
                    flush=True,
                )


def compare(source: Path) -> None:
    """Raise where the source distribution lacks a file of the repository, or has one of its own."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    with tarfile.open(source) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    differing = held ^ {*listed.splitlines(), "PKG-INFO"}
    if differing:
        raise SystemExit(f"{source.name} and the repository differ in {', '.join(sorted(differing))}")


def attempt(artifact: Path, python: str, folder: Path) -> str:
    """Install and try an artifact in a new environment; return what was tried."""
    environment = folder / "environment"
    subprocess.run([*UV, "venv", "--quiet", "--python", python, environment], check=True)
    binaries = environment / "bin"
    torch = has_cpu_torch(python)
    # A marker that never holds takes a distribution out.
    overrides = folder / "overrides.txt"
    overrides.write_text("torch==2.13.0" if torch else "torch; python_version < '3'")
    install = [*UV, "pip", "install", "--quiet", "--no-config", "--python", binaries / "python"]
    subprocess.run([*install, "--override", overrides, artifact], check=True)

    variables = airflow_of(folder)
    found = json.loads(run([binaries / "python", PROBE], folder, variables).splitlines()[-1])
    if found["plugin_errors"] or found["dag_errors"] or found["dags"]["heliochrome"] != OUR_DAGS:
        raise SystemExit(f"{artifact.name} on Python {python}: {found}")
    run([binaries / "heliochrome", "inspect", PHOTOGRAPH, "--json"], folder, variables)
    if not torch:
        return (
            "command line, plugin, provider and DAGs; no CPU build of torch, so nothing restored or colorized"
        )
    into = ("--into", folder / "out", "--json")
    run([binaries / "heliochrome", "restore", PHOTOGRAPH, *into], folder, variables)
    run([binaries / "heliochrome", "colorize", folder / "out" / "restored.tif", *into], folder, variables)
    return "command line, plugin, provider and DAGs; a photograph restored and colorized"


def has_cpu_torch(python: str) -> bool:
    """Return whether the folder of wheels holds a torch for this Python."""
    links = os.environ.get("PIP_FIND_LINKS", "")
    return bool(links) and any(Path(links).glob(f"torch-2.13.0+cpu-cp{python.replace('.', '')}-*.whl"))


if __name__ == "__main__":
    main()
