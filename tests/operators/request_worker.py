"""A worker with stand-in stages as a process of its own, to be killed: ``python -m``, database and folder."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from catalog.database import connect
from catalog.request_files import RequestFiles
from catalog.requests import Request, RequestLimits
from operators import on_request
from operators.on_request import RequestWorker
from tests.operators.test_on_request import StandIn

LIMITS = RequestLimits(lease_seconds=1.5, most_attempts=50)
STEPS, STEP_SECONDS = 6, 0.05


def main() -> None:
    dsn, folder, journal = sys.argv[1:]
    on_request.SIGN_SECONDS, on_request.RETRY_SECONDS = 0.3, 0.2

    def note(line: str) -> None:
        with Path(journal).open("a") as file:
            file.write(f"{line}\n")

    def trouble(request: Request, report: Callable[[str, float], None]) -> None:
        note(f"begun {request.id}")
        for step in range(STEPS):
            time.sleep(STEP_SECONDS)
            report("restoration", step / STEPS)

    files = RequestFiles(Path(folder))
    stages = StandIn(files, trouble, made=lambda request: note(f"made {request.id}"))
    RequestWorker(connect(dsn), files, stages, LIMITS).run()


if __name__ == "__main__":
    main()
