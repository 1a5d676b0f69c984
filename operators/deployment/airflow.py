"""Airflow's four components as child processes: configured by environment, started together, all stopped.

Each component leads a process group of its own and writes one log file. Whatever a component started is
stopped with it, tasks included; a task stopped so resumes from its partial work when it is tried again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import psutil

from imaging.errors import ServiceError
from operators.deployment.home import Home

log = logging.getLogger(__name__)

COMPONENTS: Mapping[str, Sequence[str]] = {
    "api-server": ("api-server",),
    # Logs are files that the api-server reads itself; servers of their own would listen on every interface.
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
STOPPING_ORDER = (("scheduler",), ("dag-processor", "triggerer"), ("api-server",))
"""The scheduler first, so that nothing new starts; the api-server last, because tasks report to it."""
STOP_SECONDS = 10
"""How long running tasks may take to finish before they are ended."""
KILL_SECONDS = 5
"""How long an ended process may take to clean up before it is killed."""
BUNDLE = "operators.deployment.bundle.PackagedDagBundle"


@dataclass(frozen=True)
class Process:
    """A process, distinguished by its start time from a later one with the same number."""

    pid: int
    started: float

    def find(self) -> psutil.Process | None:
        """Return the running process; ``None`` when it has ended."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


def environment(home: Home, *, port: int, metadata_dsn: str, accounts: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that makes Airflow ours.

    What the caller's environment sets wins where it is a matter of choice, such as how many tasks run at
    once, or of what is stored already, as the key of encrypted connections. Where Airflow listens, keeps its
    files and finds its database, its executor, its accounts and its other secrets are ours.

    Parameters
    ----------
    home
        Where Airflow keeps its files.
    port
        Of the api-server on 127.0.0.1.
    metadata_dsn
        SQLAlchemy address of Airflow's own database.
    accounts
        The auth manager's settings, see `operators.deployment.accounts`.
    """
    address = f"http://127.0.0.1:{port}"
    cores = os.cpu_count() or 2
    must = {
        "HELIOCHROME_HOME": str(home.root),
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata_dsn,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__SECRET_KEY": home.secret("api"),
        "AIRFLOW__API_AUTH__JWT_SECRET": home.secret("jwt"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # All DAGs are ours, and whoever started them wants them to run.
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
            [{"name": "heliochrome", "classpath": BUNDLE, "kwargs": {}}]
        ),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home.logs / "tasks"),
        **accounts,
    }
    may = {
        # Connections that were encrypted with the caller's own key can be read with no other.
        "AIRFLOW__CORE__FERNET_KEY": _fernet_key(home.secret("fernet")),
        # An idle slot costs memory only; more running tasks than cores fight for them.
        "AIRFLOW__CORE__PARALLELISM": str(min(max(4, cores), 12)),
        # The default of 5 s keeps a quarter of all tasks idle after they finished.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        # Packaged DAGs do not change while they run; looking every 30 s costs a tenth of a core.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        # The default of 5 s is too short for a machine whose cores are all at work on pictures.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
    }
    return {**may, **os.environ, **must}


@contextmanager
def components(home: Home, settings: Mapping[str, str]) -> Iterator[tuple[Process, ...]]:
    """Run the four components for the length of the block; leave no process behind."""
    with ExitStack() as stack:
        children: dict[str, subprocess.Popen[bytes]] = {}
        stack.callback(lambda: _stop(children))
        for name, arguments in COMPONENTS.items():
            output = stack.enter_context((home.logs / f"{name}.log").open("ab"))
            children[name] = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "airflow", *arguments],
                env=dict(settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=home.root,
                start_new_session=True,
            )
        yield tuple(
            Process(child.pid, psutil.Process(child.pid).create_time()) for child in children.values()
        )


def run_airflow(home: Home, settings: Mapping[str, str], *arguments: str) -> None:
    """Run one command of the ``airflow`` command line to its end, its output in ``logs/airflow.log``."""
    path = home.logs / "airflow.log"
    with path.open("ab") as output:
        status = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "airflow", *arguments],
            env=dict(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home.root,
            check=False,
        ).returncode
    if status != 0:
        raise ServiceError(f"airflow {' '.join(arguments)}", f"ended with status {status}", f"Read {path}.")


def raise_if_ended(home: Home, processes: Iterable[Process]) -> None:
    """Raise `ServiceError` when one of the components has ended."""
    for name, process in zip(COMPONENTS, processes, strict=True):
        if process.find() is None:
            path = home.logs / f"{name}.log"
            tail = " | ".join(path.read_text(errors="replace").splitlines()[-3:])
            raise ServiceError(f"Airflow's {name}", f"ended: {tail}", f"Read {path} in full.")


def end_leftovers(processes: Iterable[Process]) -> None:
    """End the components that a killed `heliochrome up` left running, with all that they started."""
    found = [process for leftover in processes if (process := leftover.find()) is not None]
    for process in found:
        log.warning("ending process %d, left over from an earlier start", process.pid)
    _end({p for process in found for p in _family(process)})


def _stop(children: Mapping[str, subprocess.Popen[bytes]]) -> None:
    families = {name: _family(child.pid) for name, child in children.items()}
    for names in STOPPING_ORDER:
        stopping = [children[name] for name in names if name in children]
        for child in stopping:
            child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in stopping:
            # Tasks lead groups of their own: whom the component started since is found by descent.
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))
        _end(
            {p for name in names for p in families.get(name, ())}
            | {p for c in stopping for p in _family(c.pid)}
        )
        for child in stopping:
            child.wait()


def _family(process: psutil.Process | int) -> set[psutil.Process]:
    try:
        process = psutil.Process(process) if isinstance(process, int) else process
        return {process, *process.children(recursive=True)}
    except psutil.NoSuchProcess:
        return set()


def _end(processes: set[psutil.Process]) -> None:
    alive = [p for p in processes if _runs(p)]
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(alive, timeout=KILL_SECONDS)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=KILL_SECONDS)


def _runs(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _fernet_key(secret: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()).decode()
