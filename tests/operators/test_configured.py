"""What is configured is named whole; whoever configured who signs is not signed for by somebody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.iiif.records import Institution
from imaging.errors import OptionsError
from operators import settings
from operators.configured import chosen, publisher, signer

NAME, PAGE = "AIRFLOW__HELIOCHROME__INSTITUTION", "AIRFLOW__HELIOCHROME__INSTITUTION_HOMEPAGE"
CERTIFICATES, KEY = "AIRFLOW__HELIOCHROME__SIGNING_CERTIFICATES", "AIRFLOW__HELIOCHROME__SIGNING_KEY"


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


@pytest.mark.parametrize(("configured", "missing"), [(CERTIFICATES, "signing_key"), (KEY, "signing_cert")])
def test_half_a_signing_identity_is_refused(
    configured: str, missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HELIOCHROME_HOME", str(tmp_path))
    for variable in (CERTIFICATES, KEY):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(configured, str(tmp_path / "half.pem"))
    with pytest.raises(OptionsError, match=missing):
        signer()


def test_models_of_the_museum_are_looked_for_where_the_command_line_adds_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HELIOCHROME_HOME", str(tmp_path))
    assert chosen("tiny", 0).model_folder == settings.models() == tmp_path / "models"


def test_a_run_restrains_color_as_its_form_says_and_else_as_the_model_advises() -> None:
    assert chosen("", 0, 0.25).restraint == 0.25
    assert chosen("", 0).restraint is None
