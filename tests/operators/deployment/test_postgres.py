"""The embedded server starts, is shared, survives its own death and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

from imaging.errors import ServiceError
from operators.deployment.postgres import EmbeddedPostgres, PostgresAddress, ensure_database


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="heliochrome-") as folder:
        Path(folder).chmod(0o711)
        yield EmbeddedPostgres(Path(folder) / "postgres", "a password with 'quotes'")


def postmaster(server: EmbeddedPostgres) -> int:
    return int((server.folder / "data" / "postmaster.pid").read_text().splitlines()[0])


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def value(address: PostgresAddress, statement: str) -> str:
    connection = address.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return str(cursor.fetchone()[0])
    finally:
        connection.close()


def test_server_is_private_and_keeps_checksums_and_nothing_is_left_behind(server: EmbeddedPostgres) -> None:
    with server.running() as address:
        pid = postmaster(server)
        assert psutil.Process(pid).uids().real != 0
        assert value(address, "SHOW listen_addresses") == "127.0.0.1"
        assert value(address, "SHOW data_checksums") == "on"
        assert value(address, "SHOW password_encryption") == "scram-sha-256"
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            PostgresAddress(address.host, address.port, address.user, "guess").connect()
    assert not runs(pid)


def test_second_start_attaches_and_last_user_stops(server: EmbeddedPostgres) -> None:
    with server.running() as first:
        pid = postmaster(server)
        with EmbeddedPostgres(server.folder, server.password).running() as second:
            assert second == first
        assert runs(pid)
    assert not runs(pid)


def test_data_survives_a_killed_server(server: EmbeddedPostgres) -> None:
    with server.running() as address:
        ensure_database(address, "kept")
        os.kill(postmaster(server), signal.SIGKILL)
        # What a killed launcher leaves too: nobody shut the server down, its lock file still names a process.
        with EmbeddedPostgres(server.folder, server.password).running() as recovered:
            assert value(recovered, "SELECT count(*) FROM pg_database WHERE datname = 'kept'") == "1"


def test_interrupted_first_start_holds_nothing_back(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: EmbeddedPostgres, program: str, *arguments: object) -> None:
        # What initdb writes first.
        folder = Path(str(arguments[arguments.index("-D") + 1]))
        folder.mkdir()
        (folder / "PG_VERSION").write_text("18")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(EmbeddedPostgres, "_run", interrupt)
        with server.running():
            pass
    with server.running() as address:
        assert value(address, "SELECT 1") == "1"


def test_first_start_that_takes_too_long_is_told(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(self: EmbeddedPostgres, program: str, *arguments: object) -> None:
        raise subprocess.TimeoutExpired(program, 65)

    monkeypatch.setattr(EmbeddedPostgres, "_run", hang)
    with pytest.raises(ServiceError, match="could not create"), server.running():
        pass


def test_strange_data_is_left_alone(server: EmbeddedPostgres) -> None:
    damaged = server.folder / "data" / "base"
    damaged.mkdir(parents=True)
    with pytest.raises(ServiceError, match="could not create"), server.running():
        pass
    assert damaged.exists()


def test_databases_of_a_home_with_another_password_are_told_and_kept(server: EmbeddedPostgres) -> None:
    with server.running() as address:
        ensure_database(address, "kept")
    with (
        pytest.raises(ServiceError, match="postgres/data are of a home folder with another password"),
        EmbeddedPostgres(server.folder, "new").running(),
    ):
        pass
    assert not (server.folder / "data" / "postmaster.pid").exists(), "a server nobody can use does not stay"
    with server.running() as address:
        assert value(address, "SELECT count(*) FROM pg_database WHERE datname = 'kept'") == "1"


def test_unreachable_home_is_served_from_out_of_sight(
    server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives the server to another user")
    monkeypatch.setattr("operators.deployment.postgres.OUT_OF_SIGHT", server.folder.parent / "var")
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    with EmbeddedPostgres(private / "postgres", "secret").running() as address:
        assert value(address, "SHOW data_directory").startswith(str(server.folder.parent / "var"))
    assert (private / "postgres" / "kept-in").resolve().is_relative_to(server.folder.parent / "var")


def test_no_command_line_shows_the_password(server: EmbeddedPostgres) -> None:
    with server.running():
        listing = subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout
        assert server.password not in listing
