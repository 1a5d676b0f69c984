"""The colors of hints as they were given: a* and b* alone do not say how light they were.

Of hints from before nobody knows; they are shown at a medium lightness as they were.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute(
        """
        ALTER TABLE hints ADD COLUMN color text NOT NULL DEFAULT ''
            CONSTRAINT hints_color_check CHECK (color ~ '^(#[0-9a-fA-F]{6})?$')
        """
    )


def downgrade() -> None:
    """Drop it: only a* and b* are left."""
    op.execute("ALTER TABLE hints DROP COLUMN color")
