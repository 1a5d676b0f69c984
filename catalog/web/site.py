"""What every route needs to know: catalog, store, addresses and whom it talks to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Engine

from catalog.database import connect
from catalog.iiif.addresses import Addresses
from catalog.iiif.image_service import ServedFile
from catalog.iiif.presentation import Audience, shown_file
from catalog.iiif.records import Institution
from catalog.iiif.service_copies import ServiceCopies
from imaging.errors import ScanError, StoreError
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
    """

    catalog: Engine | str | Callable[[], Engine]
    store_root: Path | Callable[[], Path]
    addresses: Addresses
    audience: Audience
    institution: Institution | None = None

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
    def prefix(self) -> str:
        """The path below which the application lives, without a trailing slash."""
        return urlsplit(self.addresses.base_url).path

    @cached_property
    def _copies(self) -> ServiceCopies:
        return ServiceCopies(self.root)

    def resolve(self, image: str) -> ServedFile | None:
        """Return the file that the image service calls `image`, if the audience may see it.

        Raises
        ------
        StoreError
            When the scan can not be read.
        """
        with self.engine.connect() as connection:
            found = shown_file(connection, image, self.audience)
        if found is None:
            return None
        shown, file = found
        path, pyramid = self.root / file.path, True
        if file.role is Role.ORIGINAL:
            try:
                path, pyramid = self._copies.prepare(
                    path, image, page=file.page, pixels=file.width * file.height
                )
            except (ScanError, OSError) as error:
                raise StoreError(image, f"can not be read ({error})", "Check its fixity.") from error
        return ServedFile(
            path,
            file.sha256,
            pyramid=pyramid,
            labels=file.role is Role.DAMAGE_MASK,
            modified=shown.updated_at,
            rights=shown.rights or None,
        )
