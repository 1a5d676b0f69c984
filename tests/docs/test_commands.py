"""Commands of the guide are right: those that need no server run, all others exist with these options."""

from __future__ import annotations

import json
import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from colorization.models import DEFAULT, SHIPPED
from operators.cli.app import app, run
from operators.cli.console import Status
from tests.docs.guide import PAGES, ROOT, Block, blocks, commands

BLOCKS = [block for page in PAGES for block in blocks(page)]
RUN = sorted({block.page for block in BLOCKS if block.runs})
OURS = re.compile(r"(\S*/)?(make|heliochrome|python)\b")
TARGETS = set(re.findall(r"^([\w%-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder as the guide's reader has it: a scan, a folder of scans, and weights from elsewhere."""
    sheet = Image.open(ROOT / ".github" / "photograph.jpg").convert("L")
    scan = sheet.crop((0, 0, sheet.width // 4, sheet.height))
    scan.save(tmp_path / "scan.tif", dpi=(300, 300))
    box = tmp_path / "box"
    box.mkdir()
    for name in ("1987.12_p03_v.tif", "1987.12_p03_r.tif", "1987.13.tif"):
        scan.save(box / name)
    _foreign_weights(tmp_path / "weights")
    return tmp_path


def _foreign_weights(folder: Path) -> None:
    folder.mkdir()
    described = next(
        found
        for path in SHIPPED.glob("*.json")
        if (found := json.loads(path.read_text(encoding="utf-8"))).get("name") == DEFAULT
    )
    (folder / "our-color.safetensors").write_bytes((SHIPPED / described["weights"]).read_bytes())
    described |= {"name": "our-color", "version": "1", "weights": "our-color.safetensors"}
    (folder / "our-color.json").write_text(json.dumps(described), encoding="utf-8")


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_need_no_server_run(page: Path, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    monkeypatch.setenv("HELIOCHROME_HOME", str(desk / "home"))
    for command in (command for block in blocks(page) if block.runs for command in commands(block)):
        name, *words = shlex.split(command)
        assert name == "heliochrome", f"{command}: only its own commands are run"
        assert run(words) == Status.WELL, command


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(block.page.relative_to(ROOT)))
def test_commands_and_their_options_exist(block: Block) -> None:
    for command in commands(block):
        if not OURS.match(command):
            continue
        words = shlex.split(command)
        name = Path(words[0]).name
        if name == "make":
            assert {word for word in words[1:] if "=" not in word} <= TARGETS, command
        elif name == "heliochrome":
            _check(words[1:], command)
        elif name == "python" and words[1] == "-m":
            assert find_spec(words[2]) or words[2] == "venv", command


def test_remarks_are_no_commands() -> None:
    block = Block(ROOT, "make demo    # sets itself up\n# a remark\nheliochrome models \\\n  list\n", False)
    assert list(commands(block)) == ["make demo", "heliochrome models    list"]


def _check(words: list[str], shown: str) -> None:
    command: Any = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert not getattr(command, "commands", {}) or words == ["--help"], f"{shown}: no such command"
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.partition("=")[0] for word in words if re.fullmatch(r"--[a-z].*", word)}
    assert used <= known | {"--help"}, f"{shown}: no such option"
