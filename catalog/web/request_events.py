"""The progress of a request as server-sent events.

See https://html.spec.whatwg.org/multipage/server-sent-events.html. Each event `progress` carries the state as
JSON; the last one is called `end`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

import anyio
from starlette.concurrency import run_in_threadpool

from catalog import requests
from catalog.web.problems import Problem
from catalog.web.request_documents import RequestDocument

LOOK_SECONDS = 0.5
"""Between two looks at the request."""
ALIVE_SECONDS = 15.0
"""Between two signs of life, for proxies that end silent connections."""
MOST_SECONDS = 900.0
"""For so long one connection is served; a browser asks again by itself."""
MOST_STREAMS = 100
"""Of one process."""
_TOLD = {"id", "state", "stage", "progress", "ahead", "seconds_left", "preview", "reason", "remedy", "self"}


class EventStreams:
    """The streams of one process, which are counted."""

    def __init__(self) -> None:
        self._open = 0

    def start(self, look: Callable[[], RequestDocument | None]) -> AsyncIterator[str]:
        """Return the events of one request; `look` returns its state, `None` when it is gone."""
        if self._open >= MOST_STREAMS:
            remedy = "Ask for the state itself, or try again."
            raise Problem(429, "Too many clients watch progress.", remedy, {"Retry-After": "10"})
        return self._events(look)

    async def _events(self, look: Callable[[], RequestDocument | None]) -> AsyncIterator[str]:
        self._open += 1
        try:
            told, spoke, ends = "", time.monotonic(), time.monotonic() + MOST_SECONDS
            while time.monotonic() < ends:
                state = await run_in_threadpool(look)
                if state is None:
                    yield "event: end\ndata: {}\n\n"
                    return
                said = state.model_dump_json(include=_TOLD)
                over = state.state not in requests.UNFINISHED
                if said != told or over:
                    told, spoke = said, time.monotonic()
                    yield f"event: {'end' if over else 'progress'}\ndata: {said}\n\n"
                if over:
                    return
                if time.monotonic() - spoke > ALIVE_SECONDS:
                    spoke = time.monotonic()
                    yield ": still here\n\n"
                await anyio.sleep(LOOK_SECONDS)
        finally:
            self._open -= 1
