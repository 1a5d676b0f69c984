"""API tokens, and what was done with them."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE api_tokens (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    scopes text[] NOT NULL,
    most_waiting integer NOT NULL,
    per_hour integer NOT NULL,
    priority integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    used_at timestamptz,
    CONSTRAINT api_tokens_name_key UNIQUE (name),
    CONSTRAINT api_tokens_sha256_key UNIQUE (sha256),
    CONSTRAINT api_tokens_name_check CHECK (name <> ''),
    CONSTRAINT api_tokens_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT api_tokens_most_waiting_check CHECK (most_waiting > 0),
    CONSTRAINT api_tokens_per_hour_check CHECK (per_hour > 0),
    CONSTRAINT api_tokens_scopes_check
        CHECK (scopes <> '{}' AND scopes <@ ARRAY['request', 'review', 'publish'])
);

CREATE TABLE token_activities (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    api_token_id bigint NOT NULL REFERENCES api_tokens,
    act text NOT NULL,
    detail text NOT NULL DEFAULT '',
    by text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT token_activities_act_check
        CHECK (act IN ('created', 'revoked', 'requested', 'withdrew', 'hinted', 'refused'))
);
CREATE INDEX token_activities_api_token_id_idx ON token_activities (api_token_id);
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop the tables: every token stops being good."""
    op.execute("DROP TABLE token_activities, api_tokens")
