"""Photographs that are colored on request: the queue of requests, and of sets of hints to try."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_STATES = "'queued', 'working', 'finished', 'refused', 'failed', 'withdrawn', 'expired'"
_HELD = "(lease IS NOT NULL) = (state = 'working') AND (lease IS NULL) = (lease_until IS NULL)"

TABLES = f"""
ALTER TABLE api_tokens ADD COLUMN served_at timestamptz;

CREATE TABLE requests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid uuid NOT NULL,
    api_token_id bigint NOT NULL REFERENCES api_tokens,
    state text NOT NULL,
    priority integer NOT NULL,
    idempotency_key text,
    fingerprint text NOT NULL,
    sha256 text NOT NULL,
    original_name text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    options jsonb NOT NULL,
    stage text NOT NULL DEFAULT '',
    progress double precision NOT NULL DEFAULT 0,
    lease uuid,
    lease_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    entries jsonb NOT NULL DEFAULT '{{}}',
    figures jsonb NOT NULL DEFAULT '{{}}',
    method text NOT NULL DEFAULT '',
    accession_number text NOT NULL DEFAULT '',
    reason text,
    remedy text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    expires_at timestamptz,
    CONSTRAINT requests_uuid_key UNIQUE (uuid),
    CONSTRAINT requests_api_token_id_idempotency_key_key UNIQUE (api_token_id, idempotency_key),
    CONSTRAINT requests_state_check CHECK (state IN ({_STATES})),
    CONSTRAINT requests_fingerprint_check CHECK (fingerprint ~ '^[0-9a-f]{{64}}$'),
    CONSTRAINT requests_sha256_check CHECK (sha256 ~ '^[0-9a-f]{{64}}$'),
    CONSTRAINT requests_progress_check CHECK (progress BETWEEN 0 AND 1),
    CONSTRAINT requests_lease_check CHECK ({_HELD}),
    CONSTRAINT requests_reason_check CHECK ((reason IS NOT NULL) = (state IN ('refused', 'failed')))
);
CREATE INDEX requests_unfinished_idx ON requests (id) WHERE state IN ('queued', 'working');
CREATE INDEX requests_client_idx ON requests (api_token_id, created_at);
CREATE INDEX requests_sha256_idx ON requests (sha256);
CREATE INDEX requests_fingerprint_idx ON requests (fingerprint);
CREATE INDEX requests_finished_idx ON requests (finished_at);
CREATE INDEX requests_expiry_idx ON requests (expires_at);

CREATE TABLE recolorings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid uuid NOT NULL,
    request_id bigint NOT NULL REFERENCES requests ON DELETE CASCADE,
    state text NOT NULL,
    hints jsonb NOT NULL,
    lease uuid,
    lease_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    entry text,
    outcome jsonb NOT NULL DEFAULT '[]',
    reason text,
    remedy text,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT recolorings_uuid_key UNIQUE (uuid),
    CONSTRAINT recolorings_state_check CHECK (state IN ({_STATES})),
    CONSTRAINT recolorings_lease_check CHECK ({_HELD}),
    CONSTRAINT recolorings_reason_check CHECK ((reason IS NOT NULL) = (state IN ('refused', 'failed')))
);
CREATE INDEX recolorings_request_id_idx ON recolorings (request_id);
CREATE INDEX recolorings_unfinished_idx ON recolorings (id) WHERE state IN ('queued', 'working');
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop the tables; the files of requests stay in their folder until somebody removes it."""
    op.execute("DROP TABLE recolorings, requests")
    op.execute("ALTER TABLE api_tokens DROP COLUMN served_at")
