"""Whoever configured who signs is not signed for by somebody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from imaging.errors import OptionsError
from operators.work.tagging import signer

CERTIFICATES, KEY = "AIRFLOW__HELIOCHROME__SIGNING_CERTIFICATES", "AIRFLOW__HELIOCHROME__SIGNING_KEY"


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
