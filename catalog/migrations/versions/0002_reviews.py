"""Reviews, hints, and the log of what the public saw change."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE reviews (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version_id bigint NOT NULL REFERENCES versions,
    scan_id bigint NOT NULL REFERENCES scans,
    state text NOT NULL,
    confidence double precision,
    damage double precision,
    reviewer_id bigint REFERENCES agents,
    reason text NOT NULL DEFAULT '',
    opened_at timestamptz NOT NULL DEFAULT now(),
    decided_at timestamptz,
    revision integer NOT NULL DEFAULT 0,
    CONSTRAINT reviews_version_id_key UNIQUE (version_id),
    CONSTRAINT reviews_state_check
        CHECK (state IN ('pending', 'approved', 'rejected', 'returned', 'superseded')),
    CONSTRAINT reviews_confidence_check CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT reviews_damage_check CHECK (damage BETWEEN 0 AND 1),
    CONSTRAINT reviews_reason_check CHECK (reason <> '' OR state NOT IN ('rejected', 'returned'))
);
CREATE INDEX reviews_scan_id_idx ON reviews (scan_id);
CREATE INDEX reviews_arrival_idx ON reviews (state, id) INCLUDE (confidence, damage, scan_id);
CREATE INDEX reviews_certainty_idx ON reviews (state, (COALESCE(confidence, 1)), id)
    INCLUDE (confidence, damage, scan_id);
CREATE INDEX reviews_damage_idx ON reviews (state, (COALESCE(damage, 0)), id)
    INCLUDE (confidence, damage, scan_id);

CREATE TABLE hints (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scan_id bigint NOT NULL REFERENCES scans,
    x double precision NOT NULL,
    y double precision NOT NULL,
    radius double precision NOT NULL,
    a double precision NOT NULL,
    b double precision NOT NULL,
    source text NOT NULL,
    citation text NOT NULL DEFAULT '',
    source_date text NOT NULL DEFAULT '',
    author_id bigint NOT NULL REFERENCES agents,
    given_at timestamptz NOT NULL DEFAULT now(),
    withdrawn_at timestamptz,
    CONSTRAINT hints_x_check CHECK (x BETWEEN 0 AND 1),
    CONSTRAINT hints_y_check CHECK (y BETWEEN 0 AND 1),
    CONSTRAINT hints_radius_check CHECK (radius > 0 AND radius <= 1),
    CONSTRAINT hints_a_check CHECK (a BETWEEN -128 AND 127),
    CONSTRAINT hints_b_check CHECK (b BETWEEN -128 AND 127),
    CONSTRAINT hints_source_check CHECK (source <> '')
);
CREATE INDEX hints_scan_id_idx ON hints (scan_id);

CREATE TABLE activities (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type text NOT NULL,
    object_id bigint NOT NULL REFERENCES objects,
    ended_at timestamptz NOT NULL,
    CONSTRAINT activities_type_check CHECK (type IN ('Create', 'Update', 'Delete'))
);
CREATE INDEX activities_object_id_idx ON activities (object_id);
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop the tables: decisions and hints are lost, records and files stay."""
    op.execute("DROP TABLE activities, hints, reviews")
