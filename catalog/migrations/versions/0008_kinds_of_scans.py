"""What scans were taken for and what people say they are; objects and collections that are not to be colored.

Of scans that came in before nobody knows: the next run looks at them.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KINDS = "'monochrome', 'toned', 'hand-tinted', 'color', 'document', 'negative'"


def upgrade() -> None:
    """Add the table, columns to objects and collections, and when people last stated what a scan is."""
    op.execute(
        f"""
        CREATE TABLE scan_kinds (
            scan_id bigint PRIMARY KEY REFERENCES scans,
            told text CONSTRAINT scan_kinds_told_check CHECK (told IN ({_KINDS})),
            reason text NOT NULL DEFAULT '',
            evidence jsonb NOT NULL DEFAULT '{{}}',
            method text NOT NULL DEFAULT '',
            told_at timestamptz,
            said text CONSTRAINT scan_kinds_said_check CHECK (said IN ({_KINDS})),
            said_by_id bigint REFERENCES agents,
            said_at timestamptz,
            CONSTRAINT scan_kinds_known_check CHECK (told IS NOT NULL OR said IS NOT NULL)
        )
        """
    )
    op.execute("ALTER TABLE scans ADD COLUMN treatment_changed_at timestamptz")
    for table in ("objects", "collections"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN do_not_color boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    """Drop them: what people said of scans and colors is lost."""
    for table in ("collections", "objects"):
        op.execute(f"ALTER TABLE {table} DROP COLUMN do_not_color")
    op.execute("ALTER TABLE scans DROP COLUMN treatment_changed_at")
    op.execute("DROP TABLE scan_kinds")
