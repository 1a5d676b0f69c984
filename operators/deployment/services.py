"""Everything that `heliochrome up` runs, as one context manager.

Starts what is not there, migrates both databases, and stops on leaving all that it started. A catalog of
the institution's own, named by ``HELIOCHROME_CATALOG_DSN`` or ``AIRFLOW_CONN_HELIOCHROME_CATALOG``, takes the
place of the embedded one; ``AIRFLOW__DATABASE__SQL_ALCHEMY_CONN`` does the same for Airflow's own database.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

from imaging.errors import ServiceError
from operators import settings
from operators.deployment import airflow
from operators.deployment.accounts import ADMINISTRATOR, Account, write_accounts
from operators.deployment.client import AirflowClient
from operators.deployment.home import Home
from operators.deployment.postgres import EmbeddedPostgres, PostgresAddress, ensure_database

log = logging.getLogger(__name__)

CATALOG_DATABASE = "heliochrome"
AIRFLOW_DATABASE = "airflow"
METADATA_SETTING = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
DEFAULT_PORT = 8080
HEALTH_SECONDS = 120
"""How long the components may take to come up, on a slow machine with a cold disk."""

Report = Callable[[str], None]
"""Called with one line whenever something noteworthy happened."""


@dataclass(frozen=True)
class Services:
    """What runs, and how to reach it.

    Parameters
    ----------
    home
        The state folder.
    address
        Of Airflow's pages and of the plugin's, ``http://127.0.0.1:PORT``.
    accounts
        Who may log in, the administrator first.
    catalog_dsn, metadata_dsn
        SQLAlchemy addresses of the catalog and of Airflow's own database.
    airflow
        A client that is logged in as the administrator.
    """

    home: Home
    address: str
    accounts: tuple[Account, ...]
    catalog_dsn: str = field(repr=False)
    metadata_dsn: str = field(repr=False)
    airflow: AirflowClient


@contextmanager
def running(home: Path, *, port: int | None = None, report: Report = log.info) -> Iterator[Services]:
    """Run all services for the length of the block.

    SIGINT raises `KeyboardInterrupt` in the block and SIGTERM `SystemExit`; either way everything is stopped.

    Parameters
    ----------
    home
        The state folder; made when absent.
    port
        Of Airflow's pages; a free one, 8080 if possible, when not given.
    report
        Called with each event, as a line of text.

    Raises
    ------
    ServiceError
        Services run in this home already, or one of them does not come up.
    """
    place = Home.at(home)
    with ExitStack() as stack:
        stack.enter_context(_alone(place))
        stack.enter_context(_signals_leave_the_block())
        airflow.end_leftovers(_recorded(place))
        metadata_dsn, catalog_dsn = _databases(place, stack, report)
        accounts, account_settings = write_accounts(place)
        port = port or _free_port()
        environment = airflow.environment(
            place, port=port, metadata_dsn=metadata_dsn, accounts=account_settings
        )
        environment[settings.CATALOG_VARIABLE] = catalog_dsn
        _migrate(place, environment, metadata_dsn, catalog_dsn, report)
        report("starting Airflow")
        started = datetime.now(UTC)
        processes = stack.enter_context(airflow.components(place, environment))
        administrator = next(a for a in accounts if a.name == ADMINISTRATOR)
        client = stack.enter_context(
            closing(AirflowClient(f"http://127.0.0.1:{port}", administrator.name, administrator.password))
        )
        services = Services(
            place, client.address, (administrator, *(a for a in accounts if a is not administrator)),
            catalog_dsn, metadata_dsn, client,
        )  # fmt: skip
        _record(services, processes)
        stack.callback(place.addresses.unlink, missing_ok=True)
        _wait_until_healthy(services, processes, started)
        yield services


@contextmanager
def catalog(home: Path) -> Iterator[str]:
    """Yield the configured catalog's address, or, where none is, that of the `embedded_catalog`."""
    if (dsn := configured_catalog_dsn()) is not None:
        yield dsn
        return
    with embedded_catalog(home) as dsn:
        yield dsn


def configured_catalog_dsn() -> str | None:
    """Return the catalog that the environment names, else the one that Airflow's connection names."""
    return settings.configured_catalog_dsn() or settings.airflow_catalog_dsn()


@contextmanager
def embedded_catalog(home: Path) -> Iterator[str]:
    """Yield the address of the embedded catalog, migrated, running its server for the length of the block."""
    with _embedded(Home.at(home)).running() as server:
        ensure_database(server, CATALOG_DATABASE)
        dsn = server.dsn(CATALOG_DATABASE)
        migrate_catalog(dsn)
        yield dsn


def migrate_catalog(dsn: str) -> None:
    """Bring the catalog's schema up to date."""
    from catalog.database import connect, migrate  # alembic is of no use to most commands

    engine = connect(dsn)
    try:
        migrate(engine)
    finally:
        engine.dispose()


def raise_if_ended(services: Services) -> None:
    """Raise `ServiceError` when a component has ended by itself."""
    airflow.raise_if_ended(services.home, _recorded(services.home))


def _embedded(home: Home) -> EmbeddedPostgres:
    return EmbeddedPostgres(home.postgres, home.secret("postgres"))


def _databases(home: Home, stack: ExitStack, report: Report) -> tuple[str, str]:
    metadata_dsn = os.environ.get(METADATA_SETTING)
    catalog_dsn = settings.configured_catalog_dsn()
    if metadata_dsn is None or catalog_dsn is None:
        report("starting PostgreSQL")
        server: PostgresAddress = stack.enter_context(_embedded(home).running())
        for wanted, database in ((metadata_dsn, AIRFLOW_DATABASE), (catalog_dsn, CATALOG_DATABASE)):
            if wanted is None:
                ensure_database(server, database)
        metadata_dsn = metadata_dsn or server.dsn(AIRFLOW_DATABASE)
        catalog_dsn = catalog_dsn or server.dsn(CATALOG_DATABASE)
    return metadata_dsn, catalog_dsn


def _migrate(
    home: Home, environment: Mapping[str, str], metadata_dsn: str, catalog_dsn: str, report: Report
) -> None:
    migrate_catalog(catalog_dsn)
    # Looking whether there is anything to migrate takes Airflow five seconds: remembered per version.
    mark = home.airflow / "migrated-to"
    done = f"{version('apache-airflow-core')} {metadata_dsn.rpartition('/')[2]}"
    if not mark.exists() or mark.read_text() != done:
        report("setting up Airflow's database")
        airflow.run_airflow(home, environment, "db", "migrate")
        mark.write_text(done)


def _wait_until_healthy(services: Services, processes: tuple[airflow.Process, ...], since: datetime) -> None:
    deadline = time.monotonic() + HEALTH_SECONDS
    while not services.airflow.healthy(since):
        airflow.raise_if_ended(services.home, processes)
        if time.monotonic() > deadline:
            raise ServiceError(
                "Airflow",
                f"is not healthy after {HEALTH_SECONDS} s",
                f"Read the logs in {services.home.logs}.",
            )
        time.sleep(0.2)


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    with (home.root / ".up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            address = _read(home).get("address", "an address it is about to print")
            raise ServiceError(
                home.root,
                f"services run here already, at {address}",
                "Use them, or stop them with Ctrl-C there.",
            ) from None
        yield


@contextmanager
def _signals_leave_the_block() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        # Once is enough: stopping is bounded in time and must not be cut short.
        signal.signal(signal.SIGINT, _ignore)
        signal.signal(signal.SIGTERM, _ignore)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    # Handlers, not SIG_IGN: what a shell in the background ignores, children would inherit and never hear.
    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(number: int, frame: FrameType | None) -> None:
    log.info("signal %d: stopping already", number)


def _record(services: Services, processes: tuple[airflow.Process, ...]) -> None:
    document = {"address": services.address, "processes": [[p.pid, p.started] for p in processes]}
    services.home.addresses.write_text(json.dumps(document) + "\n")


def _recorded(home: Home) -> tuple[airflow.Process, ...]:
    return tuple(airflow.Process(pid, started) for pid, started in _read(home).get("processes", ()))


def _read(home: Home) -> dict[str, Any]:
    with suppress(FileNotFoundError, ValueError):
        return dict(json.loads(home.addresses.read_text()))
    return {}


def _free_port() -> int:
    for wanted in (DEFAULT_PORT, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", wanted))
            return int(probe.getsockname()[1])
    raise ServiceError("127.0.0.1", "has no free port", "End what listens there.")
