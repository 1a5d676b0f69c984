"""The worker of requests: takes one after the other from the queue, with models warm.

Reads and writes through `catalog.request_queue`: claims a request, gives signs of life while it works,
records what became of it. Sets of hints are tried in a thread of their own, so that nobody who is placing a
hint waits for a photograph. A repeat finds finished stages in the store; a killed worker's request goes to
the next one when its lease is over. A database that restarts is waited for.

The stages load libvips, OpenCV and PyTorch: `operators.work.request_stages`, only in the worker itself.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from imaging.errors import CatalogError, HeliochromeError, ScanError, Scope, ServiceError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from catalog.recolorings import HeldRecoloring
    from catalog.request_files import RequestFiles
    from catalog.request_queue import Claim
    from catalog.requests import Request, RequestLimits

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.1
"""Between two looks into an empty queue."""
SIGN_SECONDS = 1.0
"""Between two signs of life."""
SWEEP_SECONDS = 60.0
"""Between two looks for requests whose time is over."""
RETRY_SECONDS = 2.0
"""Between two tries to reach a database that does not answer."""
TROUBLE_SECONDS = 10.0
"""After trouble that is nobody's fault, such as a full disk."""
UNFINISHED_SECONDS = 60.0
"""For so long a worker tries to record an outcome before it leaves that to the next one."""

T = TypeVar("T")


class Outcome(Protocol):
    """What became of a request."""

    @property
    def entries(self) -> dict[str, str]: ...  # noqa: D102
    @property
    def figures(self) -> dict[str, Any]: ...  # noqa: D102


class Stages(Protocol):
    """What is done with a request: `operators.work.request_stages.RequestStages`."""

    @property
    def method(self) -> str: ...  # noqa: D102
    def run(  # noqa: D102
        self,
        request: Request,
        report: Callable[[str, float], None],
        kept: Callable[[str, str], None],
    ) -> Outcome: ...
    def file(self, request: Request, outcome: Any) -> str: ...  # noqa: D102
    def recolor(self, held: HeldRecoloring) -> tuple[str, list[dict[str, Any]]]: ...  # noqa: D102


class RequestTimeout(HeliochromeError):
    """A request that took longer than it may."""


class _Lost(Exception):
    """The request was withdrawn, or another worker has it."""


class _Stopped(Exception):
    """The worker is to end."""


@dataclass
class _Sign:
    """What the working thread says of a request and the thread that gives signs of life passes on."""

    stage: str = ""
    progress: float = 0.0
    lost: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


class RequestWorker:
    """Works on requests until it is stopped.

    Parameters
    ----------
    engine
        The catalog.
    files
        The folders of requests.
    stages
        What is done, models loaded.
    limits
        Leases and times.
    """

    def __init__(self, engine: Engine, files: RequestFiles, stages: Stages, limits: RequestLimits) -> None:
        self.engine, self.files, self.stages, self.limits = engine, files, stages, limits
        self.stopping = threading.Event()

    def run(self) -> None:
        """Work until `stop` is called; a request in hand is put back then."""
        hints = threading.Thread(target=self._loop, args=(self.try_hints,), name="hints", daemon=True)
        sweep = threading.Thread(target=self._sweep, name="sweep", daemon=True)
        hints.start()
        sweep.start()
        self._loop(self.work_once)
        hints.join(RETRY_SECONDS)
        sweep.join(RETRY_SECONDS)

    def stop(self) -> None:
        """Let `run` return soon."""
        self.stopping.set()

    def work_once(self) -> bool:
        """Work on the next request; return whether there was one."""
        from catalog import request_queue

        held = self._transaction(lambda connection: request_queue.claim(connection, self.limits))
        if held is None:
            return False
        log.info("request %s: begun, attempt %d", held.request.uuid, held.request.attempts)
        sign = _Sign()
        signs = threading.Thread(target=self._give_signs, args=(held, sign), name="signs", daemon=True)
        signs.start()
        try:
            self._work(held, sign)
        finally:
            sign.over.set()
            signs.join()
        return True

    def try_hints(self) -> bool:
        """Try the next set of hints; return whether there was one."""
        from catalog import recolorings

        held = self._transaction(lambda connection: recolorings.claim(connection, self.limits))
        if held is None:
            return False
        try:
            entry, outcome = self.stages.recolor(held)
        except (HeliochromeError, OSError, KeyError) as failure:
            error = _explained(failure, "hints")
            log.warning("hints %s: %s", held.recoloring.uuid, error)
            self._transaction(lambda connection: recolorings.give_up(connection, held, error))
        else:
            self._transaction(lambda connection: recolorings.finish(connection, held, entry, outcome))
        return True

    def _work(self, held: Claim, sign: _Sign) -> None:
        from catalog import request_queue

        try:
            self._finish(held, self._outcome(held, sign))
        except _Lost:
            log.info("request %s: no longer wanted from this worker", held.request.uuid)
            self._transaction(lambda c: self.files.remove_unused(c, held.request.sha256))
        except _Stopped:
            self._transaction(lambda connection: request_queue.release(connection, held))
        except (HeliochromeError, OSError) as failure:
            self._give_up(held, failure)

    def _give_up(self, held: Claim, failure: HeliochromeError | OSError) -> None:
        from catalog import request_queue
        from catalog.schema import RequestState

        log.warning("request %s: %s", held.request.uuid, failure)
        if isinstance(failure, HeliochromeError) and failure.scope is Scope.EVERYONE:
            # Disk, models, certificates: no request is to blame, all of them wait.
            self._transaction(lambda connection: request_queue.release(connection, held))
            self.stopping.wait(TROUBLE_SECONDS)
            return
        error = _explained(failure, held.request.original_name)
        state = RequestState.REFUSED if error.scope is Scope.SCAN else RequestState.FAILED
        told = self._transaction(lambda c: request_queue.give_up(c, held, state, error, self.limits))
        if not told:  # withdrawn: its files were taken away under the worker's hands
            self._transaction(lambda c: self.files.remove_unused(c, held.request.sha256))

    def _outcome(self, held: Claim, sign: _Sign) -> tuple[Outcome, str]:
        """Do the work; return the outcome and the accession number that it was filed under, if any."""
        from catalog import request_queue
        from catalog.request_options import Keep

        ends = time.monotonic() + self.limits.most_seconds

        def report(stage: str, share: float) -> None:
            sign.stage, sign.progress = stage, share
            if sign.lost.is_set():
                raise _Lost
            if self.stopping.is_set():
                raise _Stopped
            if time.monotonic() > ends:
                fault = f"takes longer than {self.limits.most_seconds:g} s"
                raise RequestTimeout(held.request.original_name, fault, "Use the batch workflow for it.")

        def kept(name: str, key: str) -> None:
            if not self._transaction(lambda c: request_queue.add_entry(c, held, name, key)):
                raise _Lost

        outcome = self.stages.run(held.request, report, kept)
        number = ""
        if held.request.chosen.keep is Keep.CATALOG:
            report("filing", 0.99)
            number = self.stages.file(held.request, outcome)
        return outcome, number

    def _finish(self, held: Claim, made: tuple[Outcome, str]) -> None:
        from catalog import request_queue

        outcome, number = made
        finished = self._transaction(
            lambda connection: request_queue.finish(
                connection,
                held,
                outcome.entries,
                outcome.figures,
                self.limits,
                method=self.stages.method,
                accession_number=number,
            )
        )
        if not finished:
            raise _Lost
        log.info("request %s: finished", held.request.uuid)

    def _give_signs(self, held: Claim, sign: _Sign) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        from catalog import request_queue
        from catalog.database import in_transaction

        # Work that hears nothing, not even that its time is over, is left to the next worker.
        latest = time.monotonic() + 1.5 * self.limits.most_seconds
        while not sign.over.wait(SIGN_SECONDS) and time.monotonic() < latest:
            try:
                if not in_transaction(
                    self.engine,
                    lambda c: request_queue.extend(c, held, sign.stage, sign.progress, self.limits),
                ):
                    sign.lost.set()
                    return
            except (SQLAlchemyError, ServiceError) as error:
                # The lease may run out meanwhile; the outcome is in the store all the same.
                log.warning("request %s: no sign of life given: %s", held.request.uuid, type(error).__name__)

    def _loop(self, step: Callable[[], bool]) -> None:
        while not self.stopping.is_set():
            try:
                if not step():
                    self.stopping.wait(IDLE_SECONDS)
            except Exception:
                # Of one request: it is tried again when its lease is over, and given up after some times.
                log.exception("a request was left unfinished")
                self.stopping.wait(RETRY_SECONDS)

    def _sweep(self) -> None:
        from catalog import requests

        while not self.stopping.is_set():
            with suppress(Exception):
                expired = self._transaction(lambda connection: requests.expire(connection, self.files))
                if expired:
                    log.info("%d requests expired", expired)
            self.stopping.wait(SWEEP_SECONDS)

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        """Do `work`, waiting for a database that restarts."""
        from sqlalchemy.exc import DBAPIError

        from catalog.database import in_transaction

        ends = time.monotonic() + UNFINISHED_SECONDS
        while True:
            try:
                return in_transaction(self.engine, work)
            except DBAPIError as error:
                if not error.connection_invalidated and not _is_out_of_reach(error):
                    raise
                if self.stopping.is_set() or time.monotonic() > ends:
                    raise
                log.warning("the catalog's database does not answer; trying again")
                time.sleep(RETRY_SECONDS)


def _is_out_of_reach(error: Exception) -> bool:
    from sqlalchemy.exc import InterfaceError, OperationalError

    return isinstance(error, OperationalError | InterfaceError)


def _explained(failure: BaseException, subject: str) -> HeliochromeError:
    """Return an error as its client is told of it: nothing of this machine, its paths or services."""
    if isinstance(failure, ScanError | CatalogError | RequestTimeout):
        return type(failure)(subject, failure.fault, failure.remedy)
    return HeliochromeError(
        subject, "could not be worked on", "Hand it over again; the server's log says why."
    )
