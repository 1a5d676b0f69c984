"""Handing photographs over and asking for them without HTTP, for programs on the server's side.

The same quotas, limits and door for untrusted files as over HTTP. Reads and writes the catalog's queue and
the folders of requests; a worker does the work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Engine

from catalog import derivatives, objects, request_queue, requests, reviews, scans, tokens
from catalog.database import in_transaction
from catalog.derivatives import Version
from catalog.request_files import RequestFiles, ResultFile
from catalog.request_options import Keep, RequestOptions
from catalog.requests import Request, RequestConflict, RequestLimits, Upload
from catalog.schema import TokenAct, TokenScope
from catalog.search import ObjectSearch, search
from catalog.store import Store
from catalog.tokens import ApiToken
from catalog.vocabulary import Stage
from imaging.errors import CatalogError, HeliochromeError, ScanTooLarge, UnsupportedScan
from imaging.files import resolve_inside
from imaging.fixity import sha256_file
from imaging.scan import inspect_scan
from imaging.stage import Role

T = TypeVar("T")

LOOK_SECONDS = 0.2
"""Between two looks at a request that is waited for."""


class Refused(HeliochromeError):
    """A client that may not do what it asks."""


@dataclass(frozen=True)
class Published:
    """How far publication of an object has come: its title, since when it is public, reviews by state."""

    accession_number: str
    title: str
    published_at: str | None
    reviews: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RequestDesk:
    """Takes photographs in for clients that are known by their token.

    Parameters
    ----------
    engine, store
        The catalog and the museum's store.
    files, limits
        Where requests' photographs go, and which.
    folder
        The folder whose files a client on this machine may name; `None` where none may be named.
    """

    engine: Engine
    store: Store
    files: RequestFiles
    limits: RequestLimits
    folder: Path | None = None

    def client(self, secret: str) -> ApiToken:
        """Return whose token a secret is; raise `Refused` when it is nobody's."""
        found = self._do(lambda connection: tokens.find(connection, secret))
        if found is None:
            raise Refused("token", "is not good", "Make one with `heliochrome token create`.")
        return found

    def require(self, client: ApiToken, *scopes: TokenScope) -> None:
        """Raise `Refused` unless the client has one of these scopes, and write that down."""
        if not any(client.allows(scope) for scope in scopes):
            wanted = " or ".join(scopes)
            self._do(lambda c: tokens.note(c, client.id, TokenAct.REFUSED, detail=wanted))
            raise Refused("token", f"lacks the scope {wanted}", "Ask for a token that has it.")

    def hand_over_file(self, client: ApiToken, name: str, options: RequestOptions) -> Request:
        """Take in a file of the folder that is open to clients on this machine.

        Raises
        ------
        Refused
            No folder is open, or the client lacks a scope.
        ScanError
            The file is outside the folder or cannot be used.
        """
        if self.folder is None:
            remedy = "Hand the photograph over by HTTP or as data, and name it by its id."
            raise Refused(name, "files of this machine cannot be named", remedy)
        return self._admit(client, resolve_inside(Path(name), self.folder), Path(name).name, options)

    def hand_over_bytes(self, client: ApiToken, content: bytes, options: RequestOptions) -> Request:
        """Take in a photograph that came with the question."""
        with self._written(content) as path:
            return self._admit(client, path, "photograph", options)

    def get(self, client: ApiToken, number: str) -> Request:
        """Return a client's request; raise `CatalogError` when there is none."""
        with self.engine.connect() as connection:
            found = requests.get(connection, _uuid(number), client)
        if found is None:
            remedy = "It may have expired: hand the photograph over again."
            raise CatalogError(number, "is no photograph of this client", remedy)
        return found

    def color_anew(self, client: ApiToken, request: Request, options: RequestOptions) -> Request:
        """Queue a finished request with other options; the same options change nothing."""
        self._check_scopes(client, options)
        if options.as_json() == dict(request.options):
            return request
        if request.state in requests.UNFINISHED:
            raise RequestConflict(str(request.uuid), "is still being worked on", "Wait until it is finished.")
        return self._do(
            lambda connection: requests.color_anew(connection, request, client, options, self.limits)
        )

    def wait(self, request: Request, seconds: float, tell: Callable[[Request, int], None]) -> Request:
        """Return a request once it is finished, or after so long; `tell` is told of its progress."""
        ends = time.monotonic() + seconds
        while True:
            with self.engine.connect() as connection:
                now = requests.by_id(connection, request.id)
                ahead = request_queue.standing(connection, now).ahead
            tell(now, ahead)
            if now.state not in requests.UNFINISHED or time.monotonic() > ends:
                return now
            time.sleep(LOOK_SECONDS)

    def results(self, request: Request) -> dict[str, ResultFile]:
        """Return what can be fetched of a request, by name."""
        return self.files.results(request.sha256, request.entries)

    def search(self, client: ApiToken, words: str, limit: int) -> list[dict[str, Any]]:
        """Return objects by words: what is published, to reviewers everything."""
        which = ObjectSearch(words=words, published=not client.allows(TokenScope.REVIEW))
        with self.engine.connect() as connection:
            found = [hit.object for hit in search(connection, which, limit=limit)]
        return [
            {
                "accession_number": one.accession_number,
                "title": one.title,
                "maker": one.maker,
                "date": one.date_text,
                "published": one.published_at is not None,
            }
            for one in found
        ]

    def provenance(self, client: ApiToken, name: str) -> str:
        """Return the provenance record, JSON-LD, of a client's request or of an object of the catalog.

        Raises
        ------
        CatalogError
            There is none that the client may see.
        """
        if _uuid(name).int:
            found = self.results(self.get(client, name)).get("provenance.json")
            path = None if found is None else found.path
        else:
            path = self._cataloged_provenance(client, name)
        if path is None or not path.is_file():
            raise CatalogError(name, "has no provenance record", "Wait until it is finished.")
        return path.read_text(encoding="utf-8")

    def published(self, client: ApiToken, accession_number: str) -> Published:
        """Return how far publication of an object has come; for clients that review or publish."""
        self.require(client, TokenScope.REVIEW, TokenScope.PUBLISH)
        with self.engine.connect() as connection:
            shown = objects.get(connection, accession_number)
            states = [
                (scan.original_name, str(review.state))
                for scan in scans.of_object(connection, shown.id)
                for review in reviews.of_scan(connection, scan.id)
            ]
        moment = shown.published_at.isoformat() if shown.published_at else None
        return Published(shown.accession_number, shown.title, moment, tuple(states))

    def _cataloged_provenance(self, client: ApiToken, accession_number: str) -> Path | None:
        with self.engine.connect() as connection:
            shown = objects.find(connection, accession_number)
            seen = shown is not None and (shown.published_at or client.allows(TokenScope.REVIEW))
            if shown is None or not seen:
                raise CatalogError(accession_number, "is not in the catalog", "Search the catalog for it.")
            for scan in scans.of_object(connection, shown.id):
                # What only reviewers see may be newer than what the public does.
                if client.allows(TokenScope.REVIEW):
                    version = _newest(connection, scan.id)
                else:
                    version = reviews.approved_version(connection, scan.id)
                for file in version.derivatives if version else ():
                    if file.role is Role.PROVENANCE:
                        return self.store.resolve(file.path)
        return None

    def _admit(self, client: ApiToken, path: Path, name: str, options: RequestOptions) -> Request:
        self._check_scopes(client, options)
        properties = inspect_scan(path, limits=self.limits.scan)
        if properties.pages > 1:
            raise UnsupportedScan(name, f"it has {properties.pages} pages", "Hand over one page at a time.")
        upload = Upload(path, sha256_file(path), name, properties.width, properties.height)
        return self._do(
            lambda connection: requests.admit(
                connection, self.files, client, upload, options, limits=self.limits
            )
        ).request

    def _check_scopes(self, client: ApiToken, options: RequestOptions) -> None:
        self.require(client, TokenScope.REQUEST)
        if options.keep is Keep.CATALOG:
            self.require(client, TokenScope.REVIEW)

    @contextmanager
    def _written(self, content: bytes) -> Iterator[Path]:
        if len(content) > self.limits.max_bytes:
            raise ScanTooLarge("photograph", f"{len(content)} bytes", "Hand it over by HTTP.")
        self.files.root.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self.files.root, prefix=".upload-") as file:
            file.write(content)
            file.flush()
            yield Path(file.name)

    def _do(self, work: Callable[[Connection], T]) -> T:
        return in_transaction(self.engine, work)


def _newest(connection: Connection, scan_id: int) -> Version | None:
    made = [one for one in derivatives.of_scan(connection, scan_id) if one.stage == Stage.PROVENANCE]
    return made[-1] if made else None


def _uuid(number: str) -> UUID:
    try:
        return UUID(number)
    except ValueError:
        return UUID(int=0)
