"""The face of a package: what is cited of it, importable from the package, loaded when first asked for.

See PEP 562. A package of ours costs nothing to import: Airflow's services import some at every start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def face(
    package: str, contents: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package
        Its ``__name__``.
    contents
        The names that each of its modules gives to the face; none may be a submodule's own name, which would
        take its place.
    """
    modules = {name: module for module, names in contents.items() for name in names}

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    return get, lambda: sorted(modules)
