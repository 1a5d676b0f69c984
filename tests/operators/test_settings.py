"""Settings are what Airflow's configuration says, else what fits the machine."""

from __future__ import annotations

import os

import pytest

from operators import settings


def test_restorations_at_once_are_configured_or_fit_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert settings.restoration_slots() == 2
    monkeypatch.setenv("AIRFLOW__HELIOCHROME__RESTORATION_SLOTS", "7")
    assert settings.restoration_slots() == 7
