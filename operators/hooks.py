"""The catalog and the store as Airflow's tasks and pages reach them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from imaging.errors import CatalogError, ForbiddenScan, OptionsError
from imaging.files import resolve_inside
from operators import settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from catalog.store import Store


class CatalogHook(BaseHook):
    """Finds the catalog: the connection ``heliochrome_catalog``, else ``HELIOCHROME_CATALOG_DSN``.

    Parameters
    ----------
    conn_id
        The Airflow connection to look for.
    """

    conn_name_attr = "conn_id"
    default_conn_name = settings.CATALOG_CONNECTION
    hook_name = "Heliochrome catalog"

    def __init__(self, conn_id: str = settings.CATALOG_CONNECTION, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id

    @cached_property
    def dsn(self) -> str:
        """The catalog's address.

        Raises
        ------
        CatalogError
            Nothing names a catalog.
        """
        dsn = self._connection_dsn() or settings.configured_catalog_dsn()
        if dsn is None:
            raise CatalogError(
                "catalog",
                "no address is configured",
                f"Add the Airflow connection {self.conn_id}, set {settings.CATALOG_VARIABLE}, "
                "or let `heliochrome up` start the embedded server.",
            )
        return dsn

    @cached_property
    def engine(self) -> Engine:
        """An engine on the catalog."""
        from catalog.database import connect  # noqa: PLC0415 - alembic is of no use to Airflow's services

        return connect(self.dsn)

    @cached_property
    def store(self) -> Store:
        """The file store."""
        from catalog.store import Store  # noqa: PLC0415

        return Store(settings.store())

    def close(self) -> None:
        """Give back the connections of `engine`."""
        if "engine" in self.__dict__:
            self.engine.dispose()

    def get_conn(self) -> Any:
        """Return a new connection to the catalog."""
        return self.engine.connect()

    def inbox(self, name: str | Path = "") -> Path:
        """Return the inbox `name`, which must lie in the configured inbox or in the home folder.

        A relative name is looked for in the one, then in the other. The configured inbox is made when absent.

        Raises
        ------
        ForbiddenScan
            It lies elsewhere, for who may start a run may not read the whole machine; or it holds or is part
            of what Heliochrome keeps for itself.
        OptionsError
            There is no such folder.
        """
        inbox, home = settings.inbox(), settings.home()
        if not str(name):
            inbox.mkdir(parents=True, exist_ok=True)
            return inbox
        named = next((named for root in (inbox, home) if (named := root / name).is_dir()), inbox / name)
        folder = resolve_inside(named, inbox if named.is_relative_to(inbox) else home)
        for own in (settings.store(), home / "secrets"):
            if folder.is_relative_to(own) or own.is_relative_to(folder):
                raise ForbiddenScan(folder, f"{own} is no inbox", "Name a folder of scans.")
        if not folder.is_dir():
            fault = f"there is no folder {name} in {inbox} or {home}"
            raise OptionsError("inbox", fault, "Correct the name, or make the folder.")
        return folder

    def _connection_dsn(self) -> str | None:
        from airflow.sdk.exceptions import AirflowNotFoundException  # noqa: PLC0415

        try:
            connection = self.get_connection(self.conn_id)
        except AirflowNotFoundException:
            return None
        return str(connection.get_uri())
