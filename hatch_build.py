"""How the wheel is built: the six folders of the repository are installed below one name, ``heliochrome``.

An Airflow often has an ``operators``, ``catalog`` or ``dags`` of its own: in its plugins and DAGs folders, on
its path, in its own wheels. So ``catalog/store.py`` is installed as ``heliochrome/catalog/store.py``; the
mapping is ``[tool.hatch.build.targets.wheel.sources]``. Every reference follows: import statements, entry
points, and modules that strings, docstrings and comments name. A reference that nothing explains fails the
build. An editable installation is the repository itself, with its own names.
"""

from __future__ import annotations

import ast
import io
import re
import shutil
import tempfile
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

NAME = "heliochrome"
FOLDERS = ("imaging", "restoration", "colorization", "catalog", "operators", "dags")
LOADERS = {"PackageLoader", "files", "find_spec", "getLogger", "import_module"}
"""Functions whose first argument is the name of a module, of a package without a dot, too."""
FILE_SUFFIXES = {"csv", "html", "json", "py", "xml"}
"""``restoration.json`` is a file, not a module."""
REFERENCE = re.compile(rf"(?<![\w./-])({'|'.join(FOLDERS)})\.([A-Za-z_]\w*)")


class ReferenceFault(Exception):
    """A reference to one of the folders can not be rewritten; the message names file, line and remedy."""


class OneName(BuildHookInterface[Any]):
    """Replaces each module of the wheel by a copy whose references begin with ``heliochrome``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the copies, and the package that holds them."""
        if version == "editable":
            return
        self.copies = Path(tempfile.mkdtemp(prefix="heliochrome-wheel-"))
        package = self.copies / NAME
        package.mkdir()
        (package / "__init__.py").write_text(
            f'"""{self.metadata.core.description}."""\n\n__version__ = "{self.metadata.version}"\n'
        )
        (package / "py.typed").touch()
        root = Path(self.root)
        for file in list(self.build_config.builder.recurse_selected_project_files()):
            source, target = Path(file.path), self.copies / file.distribution_path
            if source.suffix not in {".py", ".md"}:
                continue
            text = source.read_text(encoding="utf-8")
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.suffix == ".py":
                text = rewrite(text, source.relative_to(root), root)
            else:
                text = mentions(text, root)
            target.write_text(text, encoding="utf-8")
        for copy in sorted(self.copies.rglob("*")):
            if copy.is_file():
                build_data["force_include"][str(copy)] = str(copy.relative_to(self.copies))
        core = self.metadata.core
        for group in (core.scripts, *core.entry_points.values()):
            group.update({key: f"{NAME}.{target}" for key, target in group.items() if _is_ours(target)})

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Take the copies away."""
        if version != "editable":
            shutil.rmtree(self.copies)


class IndexReadme(MetadataHookInterface):
    """The README as a package index shows it: what it links to within the repository is not there.

    With ``files-address``, where the repository's files can be read, links lead there. Without it, they are
    names of files, and pictures with the captions below them are left out.
    """

    def update(self, metadata: dict[str, Any]) -> None:
        """Set ``readme``."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        address = self.config.get("files-address", "").rstrip("/")
        metadata["readme"] = {"content-type": "text/markdown", "text": index_readme(text, address)}


def index_readme(text: str, address: str) -> str:
    """Return a README whose links are absolute; see `IndexReadme`."""
    relative = r"\((?![a-z+]+:|#)([^)\s]+)\)"
    if address:
        return re.sub(r"\]" + relative, rf"]({address}/\1)", text)
    text = re.sub(r"!\[[^\]]*\]" + relative + r"\n+(?:\*[^*]+\*\n+)?", "", text)
    return re.sub(r"\[([^\]]+)\]" + relative, r"\1 (`\2`)", text)


def rewrite(text: str, file: Path, root: Path) -> str:
    """Return a module with all its references below ``heliochrome``.

    Parameters
    ----------
    text
        The module's source.
    file
        Its path within `root`, for messages.
    root
        The repository, which knows what modules there are.

    Raises
    ------
    ReferenceFault
        A module is imported in a way that binds the folder's own name, or something in a string looks like a
        reference and names neither a module, nor a name in a package, nor a file.
    """
    lines = text.splitlines(keepends=True)
    places = {*_imports(text, file), *_names(text), *_mentions(text, file, root)}
    for line, column in sorted(places, reverse=True):
        before, after = lines[line - 1][:column], lines[line - 1][column:]
        if not after.startswith(FOLDERS):
            raise ReferenceFault(
                f"{file}:{line}: {after.strip()} is no reference; write the line more simply"
            )
        lines[line - 1] = f"{before}{NAME}.{after}"
    return "".join(lines)


def mentions(text: str, root: Path) -> str:
    """Return a text with the modules that it mentions below ``heliochrome``."""
    return REFERENCE.sub(lambda found: f"{NAME}.{found[0]}" if _exists(found, root) else found[0], text)


def _imports(text: str, file: Path) -> Iterator[tuple[int, int]]:
    """Yield line and column of each folder's name in an import statement."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and not node.level and _is_ours(node.module):
            start = _column(text, node)
            found = re.compile(r"from\s+").match(text.splitlines()[node.lineno - 1], start)
            if found is None:
                raise ReferenceFault(
                    f"{file}:{node.lineno}: the import is broken into lines; write it in one"
                )
            yield node.lineno, found.end()
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _is_ours(alias.name):
                    if alias.asname is None:
                        fault = (
                            f"import {alias.name} binds a name that is not installed; write from … import …"
                        )
                        raise ReferenceFault(f"{file}:{alias.lineno}: {fault}")
                    yield alias.lineno, _column(text, alias)


def _names(text: str) -> Iterator[tuple[int, int]]:
    """Yield line and column of each bare folder's name that is handed to something that loads modules."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = getattr(node.func, "attr", getattr(node.func, "id", None))
        first = node.args[0]
        if called in LOADERS and isinstance(first, ast.Constant) and first.value in FOLDERS:
            yield first.lineno, _column(text, first) + 1


def _mentions(text: str, file: Path, root: Path) -> Iterator[tuple[int, int]]:
    """Yield line and column of each module that a string or a comment names."""
    kinds = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in kinds:
            continue
        for offset, line in enumerate(token.string.splitlines()):
            for found in REFERENCE.finditer(line):
                if _exists(found, root):
                    yield token.start[0] + offset, found.start() + (0 if offset else token.start[1])
                elif found[2] not in FILE_SUFFIXES:
                    fault = f"{found[0]} is no module, no name in {found[1]} and no file"
                    raise ReferenceFault(
                        f"{file}:{token.start[0] + offset}: {fault}; correct it, or add to FILE_SUFFIXES"
                    )


def _exists(reference: re.Match[str], root: Path) -> bool:
    package, name = root / reference[1], reference[2]
    if (package / f"{name}.py").is_file() or (package / name / "__init__.py").is_file():
        return True
    return re.search(rf"\b{name}\b", (package / "__init__.py").read_text(encoding="utf-8")) is not None


def _is_ours(module: str | None) -> bool:
    return module is not None and module.partition(".")[0] in FOLDERS


def _column(text: str, node: ast.expr | ast.stmt | ast.alias) -> int:
    """Return where a node begins, in characters; `ast` counts bytes."""
    return len(text.splitlines()[node.lineno - 1].encode()[: node.col_offset].decode())
