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


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "http://127.0.0.1:8080/heliochrome"),
        ({"API__PORT": "8793"}, "http://127.0.0.1:8793/heliochrome"),
        ({"API__BASE_URL": "https://museum.example/airflow/"}, "https://museum.example/airflow/heliochrome"),
        (
            {"API__BASE_URL": "https://airflow.internal", "HELIOCHROME__ADDRESS": "https://iiif.example/"},
            "https://iiif.example",
        ),
    ],
)
def test_manifests_carry_airflow_s_address_unless_another_is_set(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"AIRFLOW__{name}", value)
    assert settings.address() == expected


@pytest.mark.parametrize(
    ("address", "warns"),
    [
        ("http://127.0.0.1:8080/heliochrome", True),
        ("http://localhost/x", True),
        ("http://[::1]:8080", True),
        ("http://0.0.0.0:8182", True),
        ("https://iiif.museum.example", False),
        ("http://10.1.2.3", False),
    ],
)
def test_an_address_that_nobody_else_can_reach_is_warned_of(
    caplog: pytest.LogCaptureFixture, address: str, warns: bool
) -> None:
    settings.warn_of_loopback(address, "set another.")
    assert (f"{address}, which only this machine can reach; set another." in caplog.text) == warns
