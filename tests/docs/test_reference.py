"""The reference says what the code says."""

from __future__ import annotations

import re

import pytest
import yaml
from starlette.routing import BaseRoute

from catalog.web.app import create_app
from tests.docs.guide import ROOT
from tests.docs.reference import pages

REFERENCE = ROOT / "docs" / "reference"


@pytest.mark.parametrize("name", pages())
def test_generated_pages_are_up_to_date(name: str) -> None:
    written = (REFERENCE / name).read_text(encoding="utf-8")
    assert written == pages()[name], "run `make reference`"


def test_the_public_server_s_routes_are_those_documented() -> None:
    app = create_app("postgresql://localhost/none", ROOT, "https://photographs.example", masters=True)
    served = {_path(route) for route in app.routes}
    page = (REFERENCE / "public-server.md").read_text(encoding="utf-8")
    documented = {path.replace("…", "") for path in re.findall(r"^\| `GET (/[^`]*)`", page, re.MULTILINE)}
    assert {_plain(path) for path in documented} == {_plain(path) for path in served}


def test_the_citation_names_the_version_and_the_license() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]


def test_the_forge_runs_what_must_pass() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    runs = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    assert ".ci/run" in runs


def _path(route: BaseRoute) -> str:
    return str(getattr(route, "path", ""))


def _plain(path: str) -> str:
    return re.sub(r"{[^}]*}", "{}", path).rstrip("/")
