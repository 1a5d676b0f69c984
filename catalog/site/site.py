"""What every route and page needs to know: catalog, store, addresses and whom it talks to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Engine

from catalog.database import connect
from catalog.iiif.addresses import Addresses
from catalog.iiif.copy_maker import CopyMaker
from catalog.iiif.image_service import ServedFile
from catalog.iiif.presentation import Audience, ShownFile, shown_file
from catalog.iiif.records import Capabilities, Institution
from catalog.iiif.service_copies import ServiceCopies
from imaging.stage import Role


@dataclass(frozen=True)
class Site:
    """One deployment of the web application.

    Parameters
    ----------
    catalog
        The catalog's engine or address, or what returns the engine when it is first needed.
    store_root
        The file store's folder, or what returns it.
    addresses
        Where clients see the application.
    audience
        Whom it talks to.
    institution
        Who publishes.
    masters
        Whether the master files can be had, originals included.
    """

    catalog: Engine | str | Callable[[], Engine]
    store_root: Path | Callable[[], Path]
    addresses: Addresses
    audience: Audience
    institution: Institution | None = None
    masters: bool = False

    @cached_property
    def engine(self) -> Engine:
        """The catalog's engine."""
        if isinstance(self.catalog, Engine):
            return self.catalog
        return connect(self.catalog) if isinstance(self.catalog, str) else self.catalog()

    @cached_property
    def root(self) -> Path:
        """The file store's folder."""
        return self.store_root if isinstance(self.store_root, Path) else self.store_root()

    @property
    def capabilities(self) -> Capabilities:
        """What the server at the site's addresses can deliver."""
        return Capabilities(masters=self.masters)

    @property
    def prefix(self) -> str:
        """The path below which the application lives, without a trailing slash."""
        return urlsplit(self.addresses.base_url).path

    @cached_property
    def _copies(self) -> ServiceCopies:
        return ServiceCopies(self.root)

    @cached_property
    def _maker(self) -> CopyMaker:
        return CopyMaker(self._copies)

    def prepare(self, file: ShownFile) -> None:
        """Make what `resolve` serves a file from; that can take minutes."""
        if file.role is Role.ORIGINAL:
            self._copies.make(file.served(self.root))

    def resolve(self, image: str) -> ServedFile | None:
        """Return the file that the image service calls `image`, if the audience may see it.

        Makes nothing: where a copy lacks, it is asked for, and the file is not ready.

        Raises
        ------
        StoreError
            When the scan cannot be served.
        """
        with self.engine.connect() as connection:
            found = shown_file(connection, image, self.audience)
        if found is None:
            return None
        shown, file = found
        path, pyramid, ready = self.root / file.path, True, True
        if file.role is Role.ORIGINAL:
            scan = file.served(self.root)
            if (serves := self._copies.find(scan)) is None:
                ready = False
                self._maker.ask(scan)
            else:
                path, pyramid = serves
        return ServedFile(
            path,
            file.sha256,
            pyramid=pyramid,
            ready=ready,
            labels=file.role is Role.DAMAGE_MASK,
            modified=shown.updated_at,
            rights=shown.rights or None,
        )
