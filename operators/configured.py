"""Settings as `operators.work` takes them: who publishes, who signs, how this machine colorizes.

`operators.work` gets these as arguments and reads no setting, so that it does not depend on Airflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imaging.errors import OptionsError
from operators import settings

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from catalog.iiif.records import Institution
    from catalog.provenance.identity import SigningIdentity
    from colorization.options import ColorizationOptions
    from operators.work.request_desk import RequestDesk
    from operators.work.request_stages import RequestStages


def publisher() -> Institution | None:
    """Return the publishing institution, where one is configured."""
    from catalog.iiif.records import Institution

    named = settings.institution()
    return Institution(*named) if named else None


def signer(home: Path | None = None) -> SigningIdentity:
    """Return who signs: the institution where it is configured, else a development identity, named as such.

    Parameters
    ----------
    home
        Where the development identity is kept; the configured state folder by default.

    Raises
    ------
    OptionsError
        Only one of certificates and key is configured.
    """
    from catalog.provenance.identity import development_identity, load_identity

    certificates, key = settings.signing_certificates(), settings.signing_key()
    if (certificates is None) != (key is None):
        raise OptionsError(
            "signing_key" if key is None else "signing_certificates",
            "is not configured, though the other half of the signing identity is",
            "Configure both, or neither to sign as a development identity.",
        )
    if certificates is not None and key is not None:
        return load_identity(certificates, key, timestamp_url=settings.timestamp_url())
    return development_identity((home or settings.home()) / "secrets" / "signing")


def chosen(model: str, alternatives: int, restraint: float | None = None) -> ColorizationOptions:
    """Return the options for this machine: on an accelerator where there is one, with the museum's models."""
    from colorization.models import DEFAULT
    from colorization.options import ColorizationOptions

    return ColorizationOptions(
        model=model or DEFAULT,
        model_folder=settings.models(),
        alternatives=alternatives,
        restraint=restraint,
        device="auto",
    )


def request_stages(engine: Engine, home: Path, threads: int | None = None) -> RequestStages:
    """Return what is done with requests, as this deployment signs and files it; loads the models."""
    from catalog.iiif.addresses import Addresses
    from catalog.request_files import RequestFiles
    from catalog.requests import RequestLimits
    from catalog.store import Store
    from operators.work.request_filing import Filing
    from operators.work.request_stages import RequestStages

    identity = signer(home)
    filing = Filing(engine, Store(settings.store(home)), Addresses(settings.address()), identity, publisher())
    return RequestStages(
        engine,
        RequestFiles(settings.requests(home)),
        RequestLimits(),
        identity=identity,
        model_folder=settings.models(home),
        threads=threads,
        filing=filing,
    )


def request_desk(engine: Engine, home: Path, folder: Path | None = None) -> RequestDesk:
    """Return where photographs are handed over without HTTP; clients may name files of `folder`."""
    from catalog.request_files import RequestFiles
    from catalog.requests import RequestLimits
    from catalog.store import Store
    from operators.work.request_desk import RequestDesk

    files = RequestFiles(settings.requests(home))
    return RequestDesk(engine, Store(settings.store(home)), files, RequestLimits(), folder)
