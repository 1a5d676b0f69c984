"""Who withdrew a hint; of those withdrawn before, nobody knows."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE hints ADD COLUMN withdrawn_by_id bigint REFERENCES agents")


def downgrade() -> None:
    """Drop the column: who withdrew the hints is lost."""
    op.execute("ALTER TABLE hints DROP COLUMN withdrawn_by_id")
