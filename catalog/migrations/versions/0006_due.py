"""What is due: which stored files are lost, when a scan was last finished, which software refused it."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, told as far as events tell it, and indexes on the few rows that are looked for."""
    op.execute(
        "ALTER TABLE scans ADD COLUMN lost_at timestamptz, ADD COLUMN processed_at timestamptz,"
        " ADD COLUMN refused_by text"
    )
    op.execute("ALTER TABLE versions ADD COLUMN lost_at timestamptz")
    op.execute("CREATE INDEX scans_due_idx ON scans (id) WHERE state <> 'processed'")
    op.execute("CREATE INDEX scans_lost_idx ON scans (id) WHERE lost_at IS NOT NULL")
    op.execute("CREATE INDEX versions_lost_idx ON versions (scan_id) WHERE lost_at IS NOT NULL")
    # Some of these may be back since: then the next run finds them and says so.
    op.execute(
        "UPDATE versions SET lost_at = now() FROM events"
        " WHERE events.version_id = versions.id AND events.type = 'quarantine'"
    )
    op.execute(
        "UPDATE scans SET lost_at = now() FROM events"
        " WHERE events.scan_id = scans.id AND events.type = 'quarantine' AND events.version_id IS NULL"
    )


def downgrade() -> None:
    """Drop them: only what lies in the inbox is due again."""
    op.execute("DROP INDEX versions_lost_idx")
    op.execute("DROP INDEX scans_lost_idx")
    op.execute("DROP INDEX scans_due_idx")
    op.execute("ALTER TABLE versions DROP COLUMN lost_at")
    op.execute("ALTER TABLE scans DROP COLUMN lost_at, DROP COLUMN processed_at, DROP COLUMN refused_by")
