"""Who publishes is named where it is configured, whole."""

from __future__ import annotations

import pytest

from catalog.iiif.records import Institution
from operators.work.description import publisher

NAME, PAGE = "AIRFLOW__HELIOCHROME__INSTITUTION", "AIRFLOW__HELIOCHROME__INSTITUTION_HOMEPAGE"


def test_the_configured_institution_publishes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "Harbor Museum")
    monkeypatch.setenv(PAGE, "https://harbor.example.org/")
    assert publisher() == Institution("Harbor Museum", "https://harbor.example.org/")


@pytest.mark.parametrize("named", [NAME, PAGE])
def test_half_an_institution_is_none(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (NAME, PAGE):
        monkeypatch.delenv(variable, raising=False)
    assert publisher() is None
    monkeypatch.setenv(named, "https://harbor.example.org/")
    assert publisher() is None
