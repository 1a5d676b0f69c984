"""The public's application as a server of its own, in one process or several.

Each process makes its own application from the settings that `run` leaves in the environment; they share the
port (`catalog.web.listening`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from pydantic import TypeAdapter

from catalog.iiif.image_request import SizeLimits
from catalog.iiif.image_service import ServicePolicy
from catalog.iiif.info import TILE
from catalog.iiif.memory import forget_operations
from catalog.iiif.records import Institution
from catalog.request_files import RequestFiles
from catalog.web import listening
from catalog.web.app import create_app
from catalog.web.request_access import RequestService

MOST_CONNECTIONS = 512
"""Of one process, idle ones included; further ones get the response 503."""
_HANDOVER = "HELIOCHROME_PUBLIC_SERVER"
"""The environment variable in which `run` passes the settings to its processes."""


@dataclass(frozen=True)
class RequestServer:
    """Where photographs go that clients have colored on request.

    Parameters
    ----------
    folder
        The folder of requests.
    secret
        A file with the secret that addresses are signed with.
    origins
        As in `catalog.web.request_access.RequestService`.
    """

    folder: str
    secret: str
    origins: tuple[str, ...] = ()

    def service(self) -> RequestService:
        """Return it as the application takes it."""
        return RequestService(RequestFiles(Path(self.folder)), Path(self.secret), origins=self.origins)


@dataclass(frozen=True)
class PublicServer:
    """What is served and where.

    Parameters
    ----------
    catalog
        The catalog's address.
    store
        The file store's folder.
    address
        Where clients see the application.
    institution
        Who publishes; ``None`` to name no institution.
    masters
        Whether the master files can be downloaded, originals included.
    refuse_small_confined
        As in `catalog.iiif.image_request.SizeLimits`.
    requests
        Where photographs go that are colored on request; ``None`` to take none.
    """

    catalog: str
    store: str
    address: str
    institution: Institution | None = None
    masters: bool = False
    refuse_small_confined: bool = False
    requests: RequestServer | None = None


_SERVER = TypeAdapter(PublicServer)


def run(server: PublicServer, *, host: str, port: int, workers: int = 1, behind_proxy: bool = False) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    server
        What is served.
    host, port
        Where to listen.
    workers
        Processes; one for each core serves tiles fastest.
    behind_proxy
        Whether to trust a proxy's headers about the client.

    Raises
    ------
    ServiceError
        If the port is taken, or is none that this process may listen on.
    """
    os.environ[_HANDOVER] = _SERVER.dump_json(server).decode()
    serve(f"{__name__}:application", host=host, port=port, workers=workers, behind_proxy=behind_proxy)


def serve(factory: str, *, host: str, port: int, workers: int = 1, behind_proxy: bool = False) -> None:
    """Serve the application that `factory`, an import string, makes in each process; else as `run`."""
    config = uvicorn.Config(
        factory,
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level="warning",
        proxy_headers=behind_proxy,
        limit_concurrency=MOST_CONNECTIONS,
    )
    listening.serve(config)


def application() -> FastAPI:
    """Return the application that one of `run`'s processes serves (a factory for uvicorn)."""
    forget_operations()
    server = _SERVER.validate_json(os.environ[_HANDOVER])
    # A process that does nothing else may render a tile where it takes the request.
    policy = ServicePolicy(
        sizes=SizeLimits(refuse_small_confined=server.refuse_small_confined),
        concurrency=2,
        inline_pixels=TILE * TILE,
    )
    return create_app(
        server.catalog,
        Path(server.store),
        server.address,
        institution=server.institution,
        policy=policy,
        masters=server.masters,
        requests=server.requests.service() if server.requests else None,
    )
