"""Airflow's environment is ours, but for what is the caller's to choose or to keep."""

from __future__ import annotations

from pathlib import Path

import pytest

from operators.deployment.airflow import environment
from operators.deployment.home import Home

FERNET = "AIRFLOW__CORE__FERNET_KEY"


def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **variables: str) -> dict[str, str]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return environment(Home.at(tmp_path), port=8080, metadata_dsn="postgresql://", accounts={})


def test_callers_key_still_opens_stored_connections(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert configure(monkeypatch, tmp_path, **{FERNET: "the caller's own"})[FERNET] == "the caller's own"


def test_home_keeps_a_key_where_the_caller_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(FERNET, raising=False)
    first, second = (configure(monkeypatch, tmp_path)[FERNET] for _ in range(2))
    assert first == second and len(first) == 44


def test_callers_executor_is_not_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = configure(monkeypatch, tmp_path, AIRFLOW__CORE__EXECUTOR="CeleryExecutor")
    assert made["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
