"""Every setting of the deployment, read in one place.

``HELIOCHROME_HOME`` and ``HELIOCHROME_CATALOG_DSN`` come from the environment; everything else is Airflow's
configuration, section ``[heliochrome]`` (so ``AIRFLOW__HELIOCHROME__INBOX`` and so on), described in
`operators.provider`. The floors below take arguments and read nothing.
"""

from __future__ import annotations

import logging
import os
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

CATALOG_VARIABLE = "HELIOCHROME_CATALOG_DSN"
CATALOG_CONNECTION = "heliochrome_catalog"
"""The Airflow connection that names the catalog; it wins over the environment variable."""
TILE_POOL = "heliochrome_tiles"
"""The pool of colorization tasks."""
CORES_PER_COLORIZATION = 4
"""With more threads the network gains little; with fewer, two tasks side by side are slower."""
ALTERNATIVES = 2
"""Further colorizations per photograph, where a run asks for alternatives."""
PAGES_PREFIX = "/heliochrome"
"""The path of the plugin's pages below Airflow's own."""
MAX_BATCHES = 1000
"""Mapped tasks per run; Airflow's ``max_map_length`` of 1024 less some room for a smaller setting of it."""


def home() -> Path:
    """Return the state folder."""
    return Path(os.environ.get("HELIOCHROME_HOME") or _conf("home", ".heliochrome")).expanduser().resolve()


def inbox(root: Path | None = None) -> Path:
    """Return the folder where new scans are dropped; where none is configured, as for `store`."""
    return _folder("inbox", root)


def store(root: Path | None = None) -> Path:
    """Return the file store's folder; where none is configured, that in `root`, or in the home folder."""
    return _folder("store", root)


def requests(root: Path | None = None) -> Path:
    """Return the folder of photographs colored on request; where none is configured, as for `store`."""
    return _folder("requests", root)


def site() -> Path:
    """Return the folder that published sites are written to."""
    return _folder("site")


def models(root: Path | None = None) -> Path:
    """Return the folder of the color models that the museum added; unless configured, as for `store`."""
    return _folder("models", root)


def pages_address() -> str:
    """Return the address of the plugin's pages, below Airflow's ``[api] base_url``; no trailing slash."""
    base = _conf("base_url", "", "api") or f"http://127.0.0.1:{_conf('port', '8080', 'api')}"
    return base.rstrip("/") + PAGES_PREFIX


def address() -> str:
    """Return the address that readers of published manifests use; unset, that of the plugin's pages."""
    return _conf("address", "").rstrip("/") or pages_address()


def site_address() -> str:
    """Return the address that published static sites will have, without a trailing slash."""
    return _conf("site_address", "http://127.0.0.1:8000").rstrip("/")


def warn_of_loopback(address: str, remedy: str) -> None:
    """Log a warning when only this machine can reach the address that manifests are about to carry."""
    host = urlsplit(address).hostname or ""
    try:
        number = ip_address(host)
        unreachable = number.is_loopback or number.is_unspecified
    except ValueError:
        unreachable = host == "localhost" or host.endswith(".localhost")
    if unreachable:
        log.warning("manifests will carry %s, which only this machine can reach; %s", address, remedy)


def institution() -> tuple[str, str] | None:
    """Return the name and homepage of the publishing institution; ``None`` when none is configured."""
    name, homepage = _conf("institution", ""), _conf("institution_homepage", "")
    return (name, homepage) if name and homepage else None


def name_pattern() -> str:
    """Return the regular expression by which file names are read; empty when they are accession numbers."""
    return _conf("name_pattern", "")


def refuse_small_confined() -> bool:
    """Return whether ``serve`` refuses ``!w,h`` larger than the region, as the IIIF validator wants."""
    return _conf("refuse_small_confined", "False").strip().lower() in {"1", "t", "true"}


def quiet_seconds() -> float:
    """Return how long a file must lie unchanged before it is read, s."""
    return float(_conf("quiet_seconds", "3"))


def batch_size() -> int:
    """Return how many photographs one mapped task takes.

    Loading the libraries of all stages costs a batch 12 s of processor time, however small it is.
    """
    return int(_conf("batch_size", "16"))


def spare_bytes() -> int:
    """Return how much of the store's disk runs leave free, bytes."""
    return int(float(_conf("spare_gib", "1")) * (1 << 30))


def longest_run_hours() -> float:
    """Return after how many hours Airflow ends a run that has not ended."""
    return float(_conf("longest_run_hours", "168"))


def audit_weeks() -> int:
    """Return in how many weekly audits every stored file is read once."""
    return int(_conf("audit_weeks", "4"))


def signing_certificates() -> Path | None:
    """Return the PEM chain that content credentials are signed with; ``None`` for a development identity."""
    return _file("signing_certificates")


def signing_key() -> Path | None:
    """Return the PEM private key that belongs to `signing_certificates`."""
    return _file("signing_key")


def timestamp_url() -> str | None:
    """Return the RFC 3161 time-stamping service to ask at each signature; ``None`` to sign offline."""
    return _conf("timestamp_url", "") or None


def tile_slots() -> int:
    """Return how many colorizations this machine runs at once."""
    return max(1, (os.cpu_count() or 1) // CORES_PER_COLORIZATION)


def restoration_slots() -> int:
    """Return how many restorations run at once; unset, one for every four cores of this machine."""
    return int(_conf("restoration_slots", "") or max(1, (os.cpu_count() or 1) // 4))


def configured_catalog_dsn() -> str | None:
    """Return the catalog that the environment names; ``None`` when it names none."""
    connection = os.environ.get(f"AIRFLOW_CONN_{CATALOG_CONNECTION.upper()}")
    if connection is not None and connection.lstrip().startswith("{"):
        from airflow.sdk import Connection

        return str(Connection.from_json(connection, CATALOG_CONNECTION).get_uri())
    return connection or os.environ.get(CATALOG_VARIABLE)


def airflow_catalog_dsn() -> str | None:
    """Return the catalog that Airflow's connection names, wherever Airflow keeps it; ``None`` for none.

    For the command line, to which Airflow does not pass its connections. Airflow is not asked where it has no
    database yet, because asking would create one.
    """
    from airflow.configuration import conf
    from airflow.models import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException
    from sqlalchemy import make_url

    kept_in = make_url(conf.get_mandatory_value("database", "sql_alchemy_conn"))
    is_made = not kept_in.drivername.startswith("sqlite") or Path(kept_in.database or "").is_file()
    if not is_made and not conf.get("secrets", "backend", fallback=""):
        return None
    try:
        return str(Connection.get_connection_from_secrets(CATALOG_CONNECTION).get_uri())
    except AirflowNotFoundException:
        return None


def _file(name: str) -> Path | None:
    configured = _conf(name, "")
    return Path(configured).expanduser().resolve() if configured else None


def _folder(name: str, root: Path | None = None) -> Path:
    return _file(name) or (root.expanduser().resolve() if root else home()) / name


def _conf(key: str, fallback: str, section: str = "heliochrome") -> str:
    # Importing Airflow takes a second that commands on single files need not spend.
    from airflow.sdk import conf

    return str(conf.get(section, key, fallback=fallback) or fallback)
