"""The signing identity: the key and certificates behind content credentials.

An institution configures its own (`load_identity`). Where none is configured, `development_identity` makes
one on demand in a folder of its own. It proves that files have not changed since they were signed and nothing
about who signed them, and its certificates state that. C2PA does not accept a certificate that signs itself,
so it is a root and a signer issued by it; the root's key is thrown away once it has signed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from catalog.durability import exclusive
from imaging.errors import OptionsError
from imaging.fixity import atomic_path

DEVELOPMENT_NAME = "Heliochrome development identity, vouched for by nobody"
"""The organization in the development certificates' subject."""
VALIDITY = timedelta(days=3650)
_CERTIFICATES = "development-certificates.pem"
_KEY = "development-key.pem"
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class SigningIdentity:
    """A private key and what vouches for it.

    Parameters
    ----------
    certificates
        PEM chain, the signer's certificate first.
    key
        PEM private key (PKCS #8, not encrypted). Never shown by ``repr``.
    algorithm
        C2PA's name of the signature algorithm: ``es256``, ``es384``, ``es512``, ``ps256`` or ``ed25519``.
    timestamp_url
        RFC 3161 time-stamping service to ask at each signature; ``None`` to sign offline.
    """

    certificates: bytes
    key: bytes
    algorithm: str
    timestamp_url: str | None = None

    def __repr__(self) -> str:
        return f"SigningIdentity({self.subject!r}, {self.algorithm})"

    @property
    def subject(self) -> str:
        """The signer's name as its certificate gives it (RFC 4514)."""
        return x509.load_pem_x509_certificate(self.certificates).subject.rfc4514_string()

    @property
    def is_development(self) -> bool:
        """Whether this is a development identity, for which nobody vouches."""
        return DEVELOPMENT_NAME in self.subject.replace("\\,", ",")

    @property
    def root(self) -> bytes:
        """PEM of the chain's last certificate: what a verifier of these signatures has to trust."""
        last = x509.load_pem_x509_certificates(self.certificates)[-1]
        return last.public_bytes(serialization.Encoding.PEM)


def load_identity(certificates: Path, key: Path, *, timestamp_url: str | None = None) -> SigningIdentity:
    """Return the identity that an institution keeps in two PEM files.

    Raises
    ------
    OptionsError
        A file is missing or unreadable, the key is encrypted or of a kind C2PA does not sign with, the two do
        not belong together, or the certificate is expired or not valid yet.
    """
    pem = _read(certificates, "the signing certificates")
    secret = _read(key, "the signing key")
    try:
        signer = x509.load_pem_x509_certificates(pem)[0]
    except (ValueError, IndexError) as error:
        fault = f"holds no PEM certificate ({error})"
        raise OptionsError(
            certificates, fault, "Give the chain as PEM, the signer's certificate first."
        ) from error
    try:
        private = serialization.load_pem_private_key(secret, password=None)
    except (ValueError, TypeError) as error:
        fault = f"is not a readable private key ({error})"
        raise OptionsError(key, fault, "Give an unencrypted PEM key and protect the file.") from error
    encoding = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*encoding) != signer.public_key().public_bytes(*encoding):
        fault = f"does not belong to the first certificate in {certificates.name}"
        raise OptionsError(key, fault, "Give the signer's own certificate first.")
    now = datetime.now(UTC)
    if not signer.not_valid_before_utc <= now <= signer.not_valid_after_utc:
        period = f"{signer.not_valid_before_utc:%Y-%m-%d} to {signer.not_valid_after_utc:%Y-%m-%d}"
        raise OptionsError(certificates, f"is valid from {period}, not now", "Renew the signing certificate.")
    return SigningIdentity(pem, secret, _algorithm(key, private), timestamp_url)


def development_identity(folder: Path) -> SigningIdentity:
    """Return the development identity kept in `folder`, made there the first time; its key is 0600.

    Raises
    ------
    OptionsError
        The identity in the folder is damaged or expired.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    certificates, key = folder / _CERTIFICATES, folder / _KEY
    with exclusive(folder / "identity.lock"):
        if not (certificates.exists() and key.exists()):
            _make_development_identity(certificates, key)
    return load_identity(certificates, key)


def _make_development_identity(certificates: Path, key: Path) -> None:
    root_key, signer_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, signer_name = _name("Heliochrome development root"), _name("Heliochrome development signer")
    root = (
        _certificate(root_name, root_name, root_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    signer = (
        _certificate(signer_name, root_name, signer_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
        )
        .sign(root_key, hashes.SHA256())
    )
    private = signer_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with atomic_path(key) as partial:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(private)
    with atomic_path(certificates) as partial:
        pem = serialization.Encoding.PEM
        partial.write_bytes(signer.public_bytes(pem) + root.public_bytes(pem))


def _certificate(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    # An hour's tolerance, for the clocks of the machines that verify.
    start = datetime.now(UTC) - timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + VALIDITY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEVELOPMENT_NAME),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _algorithm(path: Path, private: object) -> str:
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in _CURVES:
        return _CURVES[private.curve.name]
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= 2048:
        return "ps256"
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519"
    fault = "is of a kind that content credentials are not signed with"
    raise OptionsError(
        path, fault, "Use an EC key (P-256, P-384, P-521), RSA of 2048 bits or more, or Ed25519."
    )


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fault = f"{what} cannot be read ({error.strerror})"
        raise OptionsError(path, fault, "Correct the path or the file's permissions.") from error
