"""Objects, collections, scans, versions, derivatives, events, agents, manifests."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE objects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    accession_number text NOT NULL,
    title text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    maker text NOT NULL DEFAULT '',
    date_text text NOT NULL DEFAULT '',
    date_from date,
    date_to date,
    rights text NOT NULL DEFAULT '',
    source text NOT NULL DEFAULT '',
    published_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT objects_accession_number_key UNIQUE (accession_number),
    CONSTRAINT objects_accession_number_check CHECK (accession_number <> ''),
    CONSTRAINT objects_date_range_check CHECK (date_from <= date_to)
);
CREATE INDEX objects_date_idx ON objects (date_from, date_to);
CREATE INDEX objects_published_idx ON objects (accession_number) WHERE published_at IS NOT NULL;

CREATE TABLE collections (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug text NOT NULL,
    title text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    parent_id bigint REFERENCES collections,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT collections_slug_key UNIQUE (slug),
    CONSTRAINT collections_slug_check CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    CONSTRAINT collections_parent_check CHECK (parent_id <> id)
);
CREATE INDEX collections_parent_id_idx ON collections (parent_id);

CREATE TABLE memberships (
    collection_id bigint NOT NULL REFERENCES collections,
    object_id bigint NOT NULL REFERENCES objects,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection_id, object_id)
);
CREATE INDEX memberships_object_id_idx ON memberships (object_id);

CREATE TABLE scans (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    object_id bigint REFERENCES objects,
    sha256 text,
    page integer NOT NULL DEFAULT 0,
    path text,
    original_name text NOT NULL,
    bytes bigint,
    width integer,
    height integer,
    bits integer,
    media_type text,
    state text NOT NULL,
    reason text,
    remedy text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT scans_sha256_page_key UNIQUE (sha256, page),
    CONSTRAINT scans_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT scans_state_check CHECK (state IN ('new', 'processed', 'refused', 'failed')),
    CONSTRAINT scans_reason_check CHECK ((reason IS NOT NULL) = (state IN ('refused', 'failed'))),
    CONSTRAINT scans_unread_check CHECK (sha256 IS NOT NULL OR state = 'refused')
);
CREATE UNIQUE INDEX scans_unread_key ON scans (original_name) WHERE sha256 IS NULL;
CREATE INDEX scans_object_id_idx ON scans (object_id);
CREATE INDEX scans_trouble_idx ON scans (state, id) WHERE state IN ('refused', 'failed');

CREATE TABLE sightings (
    scan_id bigint NOT NULL REFERENCES scans,
    path text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scan_id, path)
);

CREATE TABLE versions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scan_id bigint NOT NULL REFERENCES scans,
    stage text NOT NULL,
    number integer NOT NULL,
    store_key text NOT NULL,
    input_sha256 text NOT NULL,
    stage_version text NOT NULL,
    parameters jsonb NOT NULL,
    figures jsonb NOT NULL,
    regions jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT versions_scan_id_store_key_key UNIQUE (scan_id, store_key),
    CONSTRAINT versions_scan_id_stage_number_key UNIQUE (scan_id, stage, number),
    CONSTRAINT versions_number_check CHECK (number > 0),
    CONSTRAINT versions_store_key_check CHECK (store_key ~ '^[0-9a-f]{64}$'),
    CONSTRAINT versions_input_sha256_check CHECK (input_sha256 ~ '^[0-9a-f]{64}$')
);

CREATE TABLE derivatives (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version_id bigint NOT NULL REFERENCES versions,
    role text NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    bytes bigint NOT NULL,
    media_type text NOT NULL,
    width integer,
    height integer,
    bits integer,
    path text NOT NULL,
    CONSTRAINT derivatives_version_id_name_key UNIQUE (version_id, name),
    CONSTRAINT derivatives_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT derivatives_role_check CHECK (role IN (
        'original', 'restored', 'damage-mask', 'colorized', 'confidence', 'alternative',
        'access-copy', 'manifest', 'provenance', 'content-credential'))
);
CREATE INDEX derivatives_sha256_idx ON derivatives (sha256);

CREATE TABLE agents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    name text NOT NULL,
    version text NOT NULL DEFAULT '',
    identifier text NOT NULL DEFAULT '',
    CONSTRAINT agents_kind_name_version_identifier_key UNIQUE (kind, name, version, identifier),
    CONSTRAINT agents_kind_check CHECK (kind IN ('person', 'organization', 'software')),
    CONSTRAINT agents_name_check CHECK (name <> '')
);

CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid uuid NOT NULL,
    occasion text NOT NULL,
    type text NOT NULL,
    outcome text NOT NULL,
    detail text NOT NULL DEFAULT '',
    scan_id bigint REFERENCES scans,
    version_id bigint REFERENCES versions,
    stage text NOT NULL DEFAULT '',
    store_key text,
    input_sha256 text,
    output_sha256 text[] NOT NULL,
    parameters jsonb NOT NULL,
    machine text NOT NULL DEFAULT '',
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    CONSTRAINT events_uuid_key UNIQUE (uuid),
    CONSTRAINT events_type_check CHECK (type IN (
        'ingestion', 'validation', 'creation', 'metadata modification', 'fixity check', 'quarantine',
        'appraisal', 'dissemination')),
    CONSTRAINT events_outcome_check CHECK (outcome IN ('success', 'warning', 'fail')),
    CONSTRAINT events_duration_check CHECK (started_at <= ended_at)
);
CREATE INDEX events_scan_id_idx ON events (scan_id);
CREATE INDEX events_version_id_idx ON events (version_id);
CREATE INDEX events_store_key_idx ON events (store_key);

CREATE TABLE event_agents (
    event_id bigint NOT NULL REFERENCES events,
    agent_id bigint NOT NULL REFERENCES agents,
    role text NOT NULL,
    PRIMARY KEY (event_id, agent_id, role),
    CONSTRAINT event_agents_role_check
        CHECK (role IN ('executing program', 'implementer', 'authorizer', 'model'))
);
CREATE INDEX event_agents_agent_id_idx ON event_agents (agent_id);

CREATE TABLE manifests (
    object_id bigint PRIMARY KEY REFERENCES objects,
    sha256 text NOT NULL,
    document text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT manifests_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$')
);
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop the tables, and with them the catalog."""
    op.execute(
        "DROP TABLE manifests, event_agents, events, agents, derivatives, versions, sightings, scans, "
        "memberships, collections, objects"
    )
