"""What alembic runs for each command: on the connection that `catalog.database` hands over."""

from alembic import context

from catalog.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # A name of its own, so that the catalog may share a database with Airflow's tables.
    version_table="heliochrome_version",
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
