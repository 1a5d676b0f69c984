"""Which references the build rewrites, which it leaves alone, and which it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from hatch_build import ReferenceFault, index_readme, rewrite

ROOT = Path(__file__).parents[2]
MODULE = Path("catalog/example.py")


@pytest.mark.parametrize(
    ("written", "installed"),
    [
        ("from catalog import store", "from heliochrome.catalog import store"),
        ("from catalog.store import Store", "from heliochrome.catalog.store import Store"),
        ("if x: from imaging import lab", "if x: from heliochrome.imaging import lab"),
        ("é = 1; from imaging import lab", "é = 1; from heliochrome.imaging import lab"),
        ("import catalog.store as s, json", "import heliochrome.catalog.store as s, json"),
        ("from . import store", "from . import store"),
        ("from catalogs import x", "from catalogs import x"),
        ("raise e from catalog", "raise e from catalog"),
        ("B = 'operators.cli:main'", "B = 'heliochrome.operators.cli:main'"),
        ("B = f'python -m operators.cli {x}'", "B = f'python -m heliochrome.operators.cli {x}'"),
        ("L = PackageLoader('catalog.web')", "L = PackageLoader('heliochrome.catalog.web')"),
        ("P = importlib.util.find_spec('dags')", "P = importlib.util.find_spec('heliochrome.dags')"),
        ("# see `imaging.lab`", "# see `heliochrome.imaging.lab`"),
        ('"""See\n`imaging.lab`."""', '"""See\n`heliochrome.imaging.lab`."""'),
    ],
)
def test_references_follow(written: str, installed: str) -> None:
    assert rewrite(written + "\n", MODULE, ROOT) == installed + "\n"


@pytest.mark.parametrize(
    "data",
    [
        "STAGE = 'restoration'",
        "app.add_typer(catalog.app, name='catalog')",
        "RECORD = 'restoration.json'",
        "PATH = 'site/catalog.store'",
        "AGENT = 'heliochrome.restoration'",
    ],
)
def test_names_that_are_data_keep_their_value(data: str) -> None:
    assert rewrite(data, MODULE, ROOT) == data


@pytest.mark.parametrize(
    "unclear",
    ["import catalog", "import catalog.store", "X = 'catalog.nowhere'", "from \\\n  catalog import x"],
)
def test_what_cannot_follow_fails_the_build_and_names_the_line(unclear: str) -> None:
    with pytest.raises(ReferenceFault, match=r"catalog/example\.py:1: "):
        rewrite(unclear, MODULE, ROOT)


def test_the_readme_of_an_index_links_to_nothing_that_is_not_there() -> None:
    readme = (
        "A\n\n![Alt](.github/a.jpg)\n\n*Caption.*\n\n[card](w/README.md), [web](https://e.org), [up](#a)\n"
    )
    assert index_readme(readme, "") == "A\n\ncard (`w/README.md`), [web](https://e.org), [up](#a)\n"
    linked = index_readme(readme, "https://forge.example/blob/main")
    assert "![Alt](https://forge.example/blob/main/.github/a.jpg)" in linked
    assert "[card](https://forge.example/blob/main/w/README.md), [web](https://e.org), [up](#a)" in linked
