"""What people read is what the catalog says, brackets and all."""

from __future__ import annotations

import pytest

from operators.cli.console import print_facts, print_rows

TITLE = "[unidentified man with dog] a[/].tif :dog:"


def test_brackets_in_tables_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(("title",), [(TITLE,)])
    assert TITLE in capsys.readouterr().out


def test_brackets_in_facts_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts(TITLE, {"confidence": 0.123456, "title": TITLE})
    told = capsys.readouterr().out
    assert told.count(TITLE) == 2
    assert "0.1235" in told
