"""Which file a scan was sighted as; of earlier sightings nobody knows, so that those files are read again."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and an index: each file of the inbox is looked up by its name in every run."""
    op.execute("ALTER TABLE sightings ADD COLUMN file text")
    op.execute("CREATE INDEX sightings_path_idx ON sightings (path)")


def downgrade() -> None:
    """Drop both: files are read again that have not changed."""
    op.execute("DROP INDEX sightings_path_idx")
    op.execute("ALTER TABLE sightings DROP COLUMN file")
