"""What archivists decided, and what stood before, so that it can be undone.

Of decisions that were made before only the events tell: they cannot be undone, only decided anew.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_STATES = "'pending', 'approved', 'rejected', 'returned', 'superseded'"


def upgrade() -> None:
    """Add the table."""
    op.execute(
        f"""
        CREATE TABLE decisions (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            review_id bigint NOT NULL REFERENCES reviews,
            decision text NOT NULL CONSTRAINT decisions_decision_check CHECK (decision IN ({_STATES})),
            reason text NOT NULL DEFAULT '',
            reviewer_id bigint NOT NULL REFERENCES agents,
            decided_at timestamptz NOT NULL,
            replaced jsonb NOT NULL,
            hints bigint[] NOT NULL,
            batch uuid,
            undone_at timestamptz,
            undone_by_id bigint REFERENCES agents
        )
        """
    )
    op.execute("CREATE INDEX decisions_review_id_idx ON decisions (review_id)")
    op.execute("CREATE INDEX decisions_batch_idx ON decisions (batch)")
    op.execute("CREATE INDEX decisions_decided_at_idx ON decisions (decided_at)")


def downgrade() -> None:
    """Drop it: no decision can be undone any more."""
    op.execute("DROP TABLE decisions")
