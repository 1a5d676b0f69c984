"""The catalog and the store for Airflow's tasks and pages."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from imaging.errors import CatalogError
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
        from catalog.database import connect  # alembic is of no use to Airflow's services

        return connect(self.dsn)

    @cached_property
    def store(self) -> Store:
        """The file store."""
        from catalog.store import Store

        return Store(settings.store())

    def close(self) -> None:
        """Close the connections of `engine`."""
        if "engine" in self.__dict__:
            self.engine.dispose()

    def get_conn(self) -> Any:
        """Return a new connection to the catalog."""
        return self.engine.connect()

    def _connection_dsn(self) -> str | None:
        from airflow.sdk.exceptions import AirflowNotFoundException

        try:
            connection = self.get_connection(self.conn_id)
        except AirflowNotFoundException:
            return None
        return str(connection.get_uri())
