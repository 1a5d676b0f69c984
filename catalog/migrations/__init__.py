"""Alembic's migrations of the catalog, run by `catalog.database.migrate`; there is no alembic.ini."""
