"""Signing identities: made on demand, private, honest about themselves; wrong ones refused."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, rsa

from catalog.provenance import identity as identities
from catalog.provenance.identity import DEVELOPMENT_NAME, development_identity, load_identity
from imaging.errors import OptionsError


def test_a_development_identity_says_what_it_is(tmp_path: Path) -> None:
    made = development_identity(tmp_path / "identity")
    for certificate in x509.load_pem_x509_certificates(made.certificates):
        assert DEVELOPMENT_NAME in certificate.subject.rfc4514_string().replace("\\", "")
    assert made.is_development
    assert b"PRIVATE" not in repr(made).encode()


def test_its_key_is_private_and_its_roots_key_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "identity"
    development_identity(folder)
    assert stat.S_IMODE((folder / "development-key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sum(b"PRIVATE KEY-----" in p.read_bytes() for p in folder.iterdir()) == 1


def test_it_is_made_once_even_by_many_at_a_time(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: development_identity(tmp_path / "identity"), range(8)))
    assert len({m.certificates for m in made}) == len({m.key for m in made}) == 1


def test_a_half_made_identity_is_made_again(tmp_path: Path) -> None:
    first = development_identity(tmp_path)
    (tmp_path / "development-certificates.pem").unlink()
    assert development_identity(tmp_path).key != first.key


def test_key_and_certificate_must_belong_together(tmp_path: Path) -> None:
    development_identity(tmp_path / "a")
    development_identity(tmp_path / "b")
    certificates, key = tmp_path / "a/development-certificates.pem", tmp_path / "b/development-key.pem"
    with pytest.raises(OptionsError, match="does not belong"):
        load_identity(certificates, key)


def test_missing_and_unreadable_files_are_named(tmp_path: Path) -> None:
    development_identity(tmp_path)
    certificates, key = tmp_path / "development-certificates.pem", tmp_path / "development-key.pem"
    junk = tmp_path / "junk.pem"
    junk.write_text("hello")
    with pytest.raises(OptionsError, match=r"absent\.pem: the signing certificates cannot be read"):
        load_identity(tmp_path / "absent.pem", key)
    with pytest.raises(OptionsError, match="no PEM certificate"):
        load_identity(junk, key)
    with pytest.raises(OptionsError, match="not a readable private key"):
        load_identity(certificates, junk)


def test_an_encrypted_key_is_refused(tmp_path: Path) -> None:
    development_identity(tmp_path)
    key = serialization.load_pem_private_key((tmp_path / "development-key.pem").read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(OptionsError, match="not a readable private key"):
        load_identity(tmp_path / "development-certificates.pem", locked)


def test_an_expired_identity_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    development_identity(tmp_path)

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime(2099, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(identities, "datetime", Later)
    with pytest.raises(OptionsError, match="not now"):
        development_identity(tmp_path)


def test_kinds_of_keys() -> None:
    path = Path("key.pem")
    assert identities._algorithm(path, rsa.generate_private_key(65537, 2048)) == "ps256"
    with pytest.raises(OptionsError, match="not signed with"):
        identities._algorithm(path, dsa.generate_private_key(2048))
