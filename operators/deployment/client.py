"""Airflow's REST API, as far as the demonstration and the command line need it: health, runs, progress."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import httpx
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from imaging.errors import ServiceError

log = logging.getLogger(__name__)

UNDER_WAY = frozenset({"queued", "running"})
PROGRESS = "progress"
"""The key under which a task keeps its `Progress` in the task state store."""
HEARTBEATS = ("scheduler", "triggerer", "dag_processor")
POLL_SECONDS = 1.0
PAGE = 100
"""Rows per request, the most that the API hands out by default."""


@dataclass(frozen=True)
class TaskStatus:
    """One task instance: where it stands and, while it runs, how far it is.

    Parameters
    ----------
    task_id, map_index
        Which one; `map_index` is −1 for tasks that are not mapped.
    state
        Airflow's name for the state; ``None`` before it is scheduled.
    progress
        What the task itself reports: ``done`` and ``total`` photographs, ``share`` (0–1) of the current one.
    """

    task_id: str
    map_index: int
    state: str | None
    progress: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunStatus:
    """One DAG run at one moment."""

    dag_id: str
    run_id: str
    state: str
    tasks: tuple[TaskStatus, ...]

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state not in UNDER_WAY

    def counts(self, task_id: str) -> Counter[str]:
        """Return how many instances of a task are in which state."""
        return Counter(task.state or "waiting" for task in self.tasks if task.task_id == task_id)


@dataclass
class AirflowClient:
    """A session with one api-server.

    Parameters
    ----------
    address
        ``http://host:port`` without a trailing slash.
    name, password
        An account of the simple auth manager; not needed for `healthy`.
    """

    address: str
    name: str
    password: str = field(repr=False)
    _token: str = field(default="", repr=False, init=False)

    @cached_property
    def _http(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=30)

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def healthy(self, since: datetime) -> bool:
        """Return whether every component has sent a heartbeat after `since`.

        Asks the tasks' interface too: it is built when first asked, and tasks would wait for that.
        """
        try:
            self._http.get("/execution/health").raise_for_status()
            health = self._http.get("/api/v2/monitor/health", timeout=5).raise_for_status().json()
        except (httpx.HTTPError, ValueError):
            return False
        beats = [health[name][f"latest_{name}_heartbeat"] for name in HEARTBEATS]
        fresh = all(beat is not None and datetime.fromisoformat(beat) >= since for beat in beats)
        return fresh and health["metadatabase"]["status"] == "healthy"

    def wait_for_dag(self, dag_id: str, seconds: float = 60) -> None:
        """Return as soon as the DAG can be triggered; raise `ServiceError` when that takes too long."""
        deadline = time.monotonic() + seconds
        while self._request("GET", f"/dags/{dag_id}").status_code != httpx.codes.OK:
            if time.monotonic() > deadline:
                errors = self._json("GET", "/importErrors")["import_errors"]
                fault = (
                    errors[0]["stack_trace"].splitlines()[-1] if errors else "it is not among Airflow's DAGs"
                )
                raise ServiceError(f"DAG {dag_id}", fault, "Read the dag-processor's log in the home folder.")
            time.sleep(POLL_SECONDS)

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run with these parameters and return its id."""
        self.wait_for_dag(dag_id)
        body = {"logical_date": None, "conf": dict(conf or {})}
        return str(self._json("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def watch(self, dag_id: str, run_id: str, every: float = POLL_SECONDS) -> Iterator[RunStatus]:
        """Yield the run's status again and again; the last one yielded has `ended`."""
        while True:
            status = self.status(dag_id, run_id)
            yield status
            if status.ended:
                return
            time.sleep(every)

    def status(self, dag_id: str, run_id: str) -> RunStatus:
        """Return where a run and each of its tasks stand now."""
        run = f"/dags/{dag_id}/dagRuns/{run_id}"
        # The run's state first: a run that has ended then shows the last states of its tasks.
        state = str(self._json("GET", run)["state"])
        tasks = tuple(
            TaskStatus(
                t["task_id"],
                t["map_index"],
                t["state"],
                self._progress(run, t["task_id"], t["map_index"]) if t["state"] == "running" else {},
            )
            for t in self._pages(f"{run}/taskInstances", "task_instances")
        )
        return RunStatus(dag_id, run_id, state, tasks)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """Return what a task that is not mapped handed on under `key`; ``None`` when there is nothing."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        response = self._request("GET", f"{path}?deserialize=false&stringify=false")
        return response.json()["value"] if response.status_code == httpx.codes.OK else None

    def _progress(self, run: str, task_id: str, map_index: int) -> Mapping[str, Any]:
        path = f"{run}/taskInstances/{task_id}/state-store/{PROGRESS}?map_index={map_index}"
        response = self._request("GET", path)
        value = response.json()["value"] if response.status_code == httpx.codes.OK else {}
        return value if isinstance(value, dict) else {}

    def _pages(self, path: str, key: str) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = self._json("GET", f"{path}?limit={PAGE}&offset={offset}")
            yield from page[key]
            offset += PAGE
            if offset >= page["total_entries"]:
                return

    def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        response = self._request(method, path, body)
        if response.is_error:
            raise ServiceError(
                f"Airflow's {method} {path.split('?', maxsplit=1)[0]}",
                f"answers {response.status_code}: {response.text[:300]}",
                "Look into the api-server's log in the home folder.",
            )
        return dict(response.json())

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        try:
            return self._ask(method, path, body)
        except httpx.HTTPError as error:
            raise ServiceError(
                f"Airflow at {self.address}",
                str(error) or type(error).__name__,
                "Look into the api-server's log in the home folder.",
            ) from error

    @retry(
        retry=retry_if_exception_type(httpx.TransportError),
        stop=stop_after_attempt(4),
        wait=wait_exponential(0.5),
        reraise=True,
    )
    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        if not self._token:
            self._log_in()
        for _ in range(2):
            headers = {"Authorization": f"Bearer {self._token}"}
            response = self._http.request(method, f"/api/v2{path}", json=body, headers=headers)
            # Tokens expire after a day; a run may take longer.
            if response.status_code != httpx.codes.UNAUTHORIZED:
                break
            self._log_in()
        return response

    def _log_in(self) -> None:
        credentials = {"username": self.name, "password": self.password}
        response = self._http.post("/auth/token", json=credentials).raise_for_status()
        self._token = response.json()["access_token"]
