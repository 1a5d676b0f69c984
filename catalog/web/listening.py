"""An application in one process or several that listen on one port.

Processes that share one listening socket share its connections badly: whichever wakes up first takes all that
wait, up to the length of the queue, and those of one viewer come at once. On Linux each process therefore
listens on a socket of its own with ``SO_REUSEPORT``, among which the kernel spreads connections (socket(7)).
Elsewhere the option does not exist or does not spread, and the processes share a socket.

``SO_REUSEPORT`` would as well let a second server of the same user take half of the connections without a
word; so a port is claimed first.
"""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from imaging.errors import ServiceError

SPREADS = sys.platform == "linux"
"""Whether the kernel spreads connections among sockets that listen on one port."""
BACKLOG = 2048
"""Connections that wait to be accepted, as uvicorn has it."""


class SpreadingSocket(socket.socket):
    """A bound socket that becomes, in each process it is sent to, another one on the same port."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the address, not the socket."""
        return _spreading, (self.family, self.getsockname())


def serve(config: uvicorn.Config) -> None:
    """Serve until interrupted, in ``config.workers`` processes.

    Parameters
    ----------
    config
        The application, where to listen, and in how many processes; more than one needs the application's
        import string.

    Raises
    ------
    ServiceError
        If the port is taken, or is none that this process may listen on.
    """
    with claimed(config.host, config.port, spreading=SPREADS and config.workers > 1) as listener:
        if config.workers > 1:
            Multiprocess(config, sockets=[listener]).run()
        else:
            with suppress(KeyboardInterrupt):
                uvicorn.Server(config).run([listener])


@contextmanager
def claimed(host: str, port: int, *, spreading: bool) -> Iterator[socket.socket]:
    """Yield a bound socket on a port that nobody else listens on, nor another server that claims it.

    Parameters
    ----------
    host, port
        Where to listen; port 0 is any free one.
    spreading
        Whether to yield a `SpreadingSocket`, which does not listen itself. Otherwise connections queue from
        now on.

    Raises
    ------
    ServiceError
        If somebody listens there, or nobody can.
    """
    with ExitStack() as stack:
        try:
            listener = _claim(host, port, stack, spreading=spreading)
        except OSError as error:
            raise _refusal(host, port, error) from error
        yield listener


def _claim(host: str, port: int, stack: ExitStack, *, spreading: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Bound without SO_REUSEPORT and listening: only one socket of a port can be that.
    alone = stack.enter_context(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP))
    alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    alone.bind((host, port))
    alone.listen(BACKLOG)
    address = alone.getsockname()
    if SPREADS:
        # Until a process listens, an abstract name (unix(7)) holds the claim: it goes when this process goes.
        name = stack.enter_context(socket.socket(socket.AF_UNIX))
        name.bind(f"\0heliochrome serve {host} {address[1]}")
    if not spreading:
        return alone
    alone.close()
    return stack.enter_context(_spreading(family, address))


def _spreading(family: socket.AddressFamily, address: tuple[Any, ...]) -> SpreadingSocket:
    # The protocol is named, for asyncio turns Nagle's algorithm off only where it is.
    listener = SpreadingSocket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(address)
    return listener


def _refusal(host: str, port: int, error: OSError) -> ServiceError:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        fault = "another server listens there, perhaps another 'heliochrome serve'"
        return ServiceError(place, fault, "Stop it, or name another port with --port.")
    fault = f"cannot be listened on: {error.strerror or error}"
    return ServiceError(
        place, fault, "Name an address of this machine and a free port with --host and --port."
    )
