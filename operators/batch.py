"""The base of every operator that works through a batch of photographs.

One photograph's fault never stops its neighbors. What an error does depends on whose fault it is, see
`operators.scope`:

- the scan's own: the photograph is refused, with the reason in the catalog; it does not go on;
- the item's: the rest of the batch is done first, then the task is tried again; at the last try the
  photograph is recorded as failed, which makes it due in the next run, and the rest goes on. An
  `UnfinishedScan` only waits for the next run;
- everyone's: the task fails and is tried again, unless `RETRY_POLICY` knows that this cannot help; nothing
  is recorded for any photograph.

A photograph over which the process crashed (out of memory, killed) `CRASHES_ALLOWED` times is recorded as
failed too; faults that concern everyone do not count against it. A repeat finds what was finished before and
does only the rest. Where the store's disk has no room for the next photograph, the task waits for it. Work
that takes many times longer than it should is broken off, as the item's fault.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from airflow.sdk import BaseOperator, ExceptionRetryPolicy, RetryAction, RetryRule

from imaging.errors import HeliochromeError, ModelError, OptionsError, ScanError, Scope, UnfinishedScan
from operators.hooks import CatalogHook
from operators.outcome import BatchOutcome, Failure, ItemResult, ScanReference
from operators.progress import CrashCounter, Progress
from operators.scope import scope_of
from operators.space import store_space
from operators.time_limit import time_limit

if TYPE_CHECKING:
    from airflow.sdk import Context

    from operators.work.estimates import Estimate

log = logging.getLogger(__name__)

CRASHES_ALLOWED = 2
"""How often a process may crash over the same photograph before that is recorded as failed."""

RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[ScanError, OptionsError, ModelError],
            action=RetryAction.FAIL,
            reason="trying again does not help",
        )
    ]
)
RETRIES: Mapping[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": RETRY_POLICY,
}
"""Default arguments for the tasks of a DAG: what may resolve itself is tried three times."""


class BatchUnfinished(Exception):
    """Photographs of a batch failed, perhaps only for now; the batch is tried again."""


class Worker(Protocol):
    """Processes one photograph after the other; `operators.work` has one for each operator."""

    def name(self, item: Any) -> str:
        """Return what people call this photograph."""

    def estimate(self, item: Any) -> Estimate:
        """Return what the stage needs for this photograph, at most."""

    def process(self, item: Any, progress: Progress) -> ItemResult:
        """Run the stage; raise `ScanError` when the photograph cannot be used."""

    def refuse(self, item: Any, error: ScanError) -> bool:
        """Record that the photograph cannot be used; return whether that was known."""

    def fail(self, item: Any, error: HeliochromeError, attempt: str) -> None:
        """Record that work on the photograph was lost in this `attempt`."""


@dataclass
class _Tally:
    scans: list[ScanReference] = field(default_factory=list)
    lost: list[Failure] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    fresh: int = 0
    remarks: list[str] = field(default_factory=list)

    def add(self, result: ItemResult) -> None:
        self.scans += (scan for scan in result.scans if scan not in self.scans)
        self.lost += result.lost
        self.fresh += result.fresh
        self.remarks += result.remarks


class BatchOperator(BaseOperator):
    """Works through a batch; subclasses name the stage and provide the worker.

    Parameters
    ----------
    batch
        What an earlier task handed on.
    catalog_conn_id
        The Airflow connection that names the catalog.
    """

    template_fields: Sequence[str] = ("batch",)
    stage: str
    """What losses, events and log lines call this step."""

    def __init__(
        self, *, batch: Any, catalog_conn_id: str = CatalogHook.default_conn_name, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.batch = batch
        self.catalog_conn_id = catalog_conn_id

    @abstractmethod
    def worker(self, hook: CatalogHook, context: Context) -> Worker:
        """Return the worker; heavy imports belong in here."""

    def items(self) -> Sequence[Any]:
        """Return the photographs of the batch, as the worker takes them."""
        return self.before().scans

    def before(self) -> BatchOutcome:
        """Return what the batch had come to before this stage."""
        return BatchOutcome.from_xcom(self.batch)

    def execute(self, context: Context) -> dict[str, Any]:
        """Work through the batch; return its `BatchOutcome`.

        Raises
        ------
        BatchUnfinished
            Some photographs failed and may succeed at another try.
        """
        # libvips logs every thread that it ends.
        logging.getLogger("pyvips").setLevel(logging.WARNING)
        with closing(CatalogHook(self.catalog_conn_id)) as hook:
            tally = self._work_through(self.items(), self.worker(hook, context), context)
        outcome = self.before().after(
            tuple(tally.scans), tuple(tally.lost), tuple(tally.waiting), tally.fresh, tuple(tally.remarks)
        )
        log.info(
            "%s: %d scans go on, %d photographs lost, %d waiting; %d results made, the others were there",
            *(self.stage, len(tally.scans), len(tally.lost), len(tally.waiting), tally.fresh),
        )
        return outcome.to_xcom()

    def _work_through(self, items: Sequence[Any], worker: Worker, context: Context) -> _Tally:
        tally = _Tally()
        failed = list(self._attempts(items, worker, tally, context.get("task_state_store")))
        instance = context["ti"]
        if failed and instance.try_number <= instance.max_tries:
            first = failed[0][1]
            raise BatchUnfinished(f"{len(failed)} of {len(items)} photographs: {first!r}") from first
        attempt = f"{context['run_id']}, try {instance.try_number}"
        for item, error in failed:
            name = _name(worker, item)
            cause = error if isinstance(error, HeliochromeError) else _as_heliochrome_error(name, error)
            log.error("lost: %s", cause)
            tally.lost.append(Failure.of(cause, self.stage, name))
            try:
                worker.fail(item, cause, attempt)
            except Exception as unrecorded:
                if scope_of(unrecorded) is Scope.EVERYONE:
                    raise
                log.exception("that %s failed cannot be recorded", name)
        return tally

    def _attempts(
        self, items: Sequence[Any], worker: Worker, tally: _Tally, state: Any
    ) -> Iterator[tuple[Any, Exception]]:
        progress, crash_counter = Progress(len(items), state), CrashCounter(state)
        for item in items:
            # Pages of one file share its name; crashes are counted for each page.
            name, subject = _name(worker, item), str(item)
            if crash_counter.crashes(subject) >= CRASHES_ALLOWED:
                yield item, _crashed(name, crash_counter.crashes(subject))
                progress.finish()
                continue
            estimate = _estimate(worker, item)
            self._wait_for_space(name, estimate.bytes, progress)
            crash_counter.start(subject)
            progress.begin(name)
            try:
                with time_limit(estimate.seconds, name):
                    self._attempt(item, name, worker, tally, progress)
            except MemoryError:
                # Most likely the photograph's own fault: it counts as a crash.
                raise
            except Exception as error:
                if scope_of(error) is Scope.EVERYONE:
                    crash_counter.forget_at_once(subject)
                    raise
                log.exception("%s: %s failed", name, self.stage)
                yield item, error
            crash_counter.forget(subject)
            progress.finish()
        crash_counter.close()

    @staticmethod
    def _wait_for_space(name: str, needed: int, progress: Progress) -> None:
        for shortage in store_space().wait_for(needed, name):
            progress.wait(name, shortage)

    def _attempt(self, item: Any, name: str, worker: Worker, tally: _Tally, progress: Progress) -> None:
        try:
            tally.add(worker.process(item, progress))
        except UnfinishedScan as error:
            log.info("%s", error)
            tally.waiting.append(name)
        except ScanError as error:
            log.warning("refused: %s", error)
            tally.lost.append(Failure.of(error, self.stage, name, known=worker.refuse(item, error)))


def _name(worker: Worker, item: Any) -> str:
    try:
        return worker.name(item)
    except HeliochromeError as error:
        # Work on it fails for the same reason, with this error.
        if error.scope is Scope.EVERYONE:
            raise
        return str(item)


def _estimate(worker: Worker, item: Any) -> Estimate:
    from operators.work.estimates import Estimate  # loads the catalog

    try:
        return worker.estimate(item)
    except Exception as error:
        # Work on it fails for the same reason, with this error.
        if scope_of(error) is Scope.EVERYONE:
            raise
        return Estimate()


def _as_heliochrome_error(name: str, error: Exception) -> HeliochromeError:
    fault = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return HeliochromeError(name, fault[:500], "The task's log shows where; a new run tries again.")


def _crashed(name: str, crashes: int) -> HeliochromeError:
    fault = f"the process crashed {crashes} times while it worked on this photograph, perhaps out of memory"
    return HeliochromeError(name, fault, "Give it more memory; a new run tries again.")
