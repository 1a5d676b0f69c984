"""The catalog's tables as SQLAlchemy Core sees them; `catalog.migrations` makes them.

::

    collections ─── memberships ─── objects ─┬─ manifests
                                             ├─ activities      what Change Discovery tells
                                             └─ scans ─┬─ sightings    file names of a scan
                                                       ├─ scan_kinds   what it was taken for
                                                       ├─ hints
                                                       ├─ versions ─┬─ derivatives
                                                       │            └─ reviews ── decisions
                                                       └─ events ── event_agents ── agents

    api_tokens ─┬─ token_activities
                └─ requests ── recolorings    photographs colored on request

A version is one outcome of one stage for one scan, a derivative one of its files; neither is overwritten.

EnumText sets are text with a check constraint, so that a migration can widen them with rows in place.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from catalog.table_columns import (
    EnumText,
    enum_column,
    flag_column,
    foreign_key,
    id_column,
    sha256_column,
    text_column,
    timestamp_column,
)
from imaging.scan_kind import ScanKind
from imaging.stage import Role


class ScanState(StrEnum):
    """How far a scan has come."""

    NEW = "new"
    PROCESSED = "processed"
    REFUSED = "refused"
    FAILED = "failed"


class AgentKind(StrEnum):
    """PREMIS agentType, https://id.loc.gov/vocabulary/preservation/agentType."""

    PERSON = "person"
    ORGANIZATION = "organization"
    SOFTWARE = "software"


class AgentRole(StrEnum):
    """PREMIS linkingAgentRole, https://id.loc.gov/vocabulary/preservation/eventRelatedAgentRole, and ours."""

    EXECUTING_PROGRAM = "executing program"
    IMPLEMENTER = "implementer"
    AUTHORIZER = "authorizer"
    MODEL = "model"


class EventType(StrEnum):
    """Terms of https://id.loc.gov/vocabulary/preservation/eventType that happen here."""

    INGESTION = "ingestion"
    VALIDATION = "validation"
    CREATION = "creation"
    METADATA_MODIFICATION = "metadata modification"
    FIXITY_CHECK = "fixity check"
    QUARANTINE = "quarantine"
    APPRAISAL = "appraisal"
    DISSEMINATION = "dissemination"


class EventOutcome(StrEnum):
    """PREMIS eventOutcome, https://id.loc.gov/vocabulary/preservation/eventOutcome."""

    SUCCESS = "success"
    WARNING = "warning"
    FAIL = "fail"


class ReviewState(StrEnum):
    """Where a version stands with the archivists."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    RETURNED = "returned"
    SUPERSEDED = "superseded"


class ActivityType(StrEnum):
    """IIIF Change Discovery 1.0, section 2.2.2."""

    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"


class TokenScope(StrEnum):
    """What an API token allows."""

    REQUEST = "request"
    """Hand photographs over and fetch what becomes of them."""
    REVIEW = "review"
    """File photographs in the catalog for review, and see what is not published."""
    PUBLISH = "publish"
    """See how far publication has come."""


class TokenAct(StrEnum):
    """What is written down of an API token."""

    CREATED = "created"
    REVOKED = "revoked"
    REQUESTED = "requested"
    WITHDREW = "withdrew"
    HINTED = "hinted"
    REFUSED = "refused"


class RequestState(StrEnum):
    """How far a request has come; from `FINISHED` on, no worker touches it."""

    QUEUED = "queued"
    WORKING = "working"
    FINISHED = "finished"
    REFUSED = "refused"
    """The photograph, or what was asked, is at fault."""
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)


NAMES = "heliochrome_fold((((accession_number || ' ') || title) || ' ') || maker)"
"""What a misspelled or cut-off word is compared with."""

objects = Table(
    "objects",
    metadata,
    id_column(),
    Column(
        "accession_number",
        Text,
        CheckConstraint("accession_number <> ''", name="accession_number"),
        nullable=False,
    ),
    text_column("title"),
    text_column("description"),
    text_column("maker"),
    text_column("date_text"),
    Column("date_from", Date),
    Column("date_to", Date),
    text_column("rights"),
    text_column("source"),
    flag_column("do_not_color"),
    Column("published_at", DateTime(timezone=True)),
    timestamp_column("created_at"),
    timestamp_column("updated_at"),
    Column(
        "search",
        TSVECTOR,
        Computed(
            "setweight(to_tsvector('simple', heliochrome_fold((accession_number || ' ') || title)), 'A')"
            " || setweight(to_tsvector('simple', heliochrome_fold((maker || ' ') || date_text)), 'B')"
            " || setweight(to_tsvector('simple', heliochrome_fold((description || ' ') || source)), 'C')",
            persisted=True,
        ),
    ),
    UniqueConstraint("accession_number"),
    CheckConstraint("date_from <= date_to", name="date_range"),
    Index("objects_date_idx", "date_from", "date_to"),
    Index("objects_published_idx", "accession_number", postgresql_where=text("published_at IS NOT NULL")),
    Index("objects_search_idx", "search", postgresql_using="gin"),
    Index(
        "objects_trigram_idx",
        literal_column(NAMES).label("names"),
        postgresql_using="gin",
        postgresql_ops={"names": "gin_trgm_ops"},
    ),
)
collections = Table(
    "collections",
    metadata,
    id_column(),
    Column("slug", Text, CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name="slug"), nullable=False),
    text_column("title"),
    text_column("description"),
    Column("parent_id", BigInteger, ForeignKey("collections.id"), index=True),
    flag_column("do_not_color"),
    timestamp_column("created_at"),
    timestamp_column("updated_at"),
    UniqueConstraint("slug"),
    CheckConstraint("parent_id <> id", name="parent"),
)

memberships = Table(
    "memberships",
    metadata,
    foreign_key("collections", primary_key=True),
    foreign_key("objects", primary_key=True, index=True),
    timestamp_column("added_at"),
)

scans = Table(
    "scans",
    metadata,
    id_column(),
    foreign_key("objects", nullable=True, index=True),
    *sha256_column("sha256", nullable=True),
    Column("page", Integer, nullable=False, server_default="0"),
    Column("path", Text),
    Column("original_name", Text, nullable=False),
    Column("bytes", BigInteger),
    Column("width", Integer),
    Column("height", Integer),
    Column("bits", Integer),
    Column("media_type", Text),
    *enum_column("state", ScanState),
    Column("reason", Text),
    Column("remedy", Text),
    # Which version of the software refused it; another one looks again.
    Column("refused_by", Text),
    # Since when its original is not in the store, or not what it was.
    Column("lost_at", DateTime(timezone=True)),
    # When a run took it all the way, the first time and each time after something of it was lost.
    Column("processed_at", DateTime(timezone=True)),
    # When somebody last stated what it is, or whether it may be colored.
    Column("treatment_changed_at", DateTime(timezone=True)),
    timestamp_column("created_at"),
    timestamp_column("updated_at"),
    UniqueConstraint("sha256", "page"),
    # A file that may not even be read has no digest: its name is all there is to know it by.
    Index("scans_unread_key", "original_name", unique=True, postgresql_where=text("sha256 IS NULL")),
    Index("scans_due_idx", "id", postgresql_where=text("state <> 'processed'")),
    Index("scans_lost_idx", "id", postgresql_where=text("lost_at IS NOT NULL")),
    Index("scans_trouble_idx", "state", "id", postgresql_where=text("state IN ('refused', 'failed')")),
    CheckConstraint("(reason IS NOT NULL) = (state IN ('refused', 'failed'))", name="reason"),
    CheckConstraint("sha256 IS NOT NULL OR state = 'refused'", name="unread"),
)

scan_names = Table(
    "sightings",
    metadata,
    foreign_key("scans", primary_key=True),
    Column("path", Text, primary_key=True, index=True),
    timestamp_column("seen_at"),
    # Which file it was, and in which state; null where that is not known.
    Column("file", Text),
)

scan_kinds = Table(
    "scan_kinds",
    metadata,
    foreign_key("scans", primary_key=True),
    *enum_column("told", ScanKind, nullable=True),
    text_column("reason"),
    Column("evidence", JSONB, nullable=False, server_default="{}"),
    text_column("method"),
    Column("told_at", DateTime(timezone=True)),
    *enum_column("said", ScanKind, nullable=True),
    Column("said_by_id", BigInteger, ForeignKey("agents.id")),
    Column("said_at", DateTime(timezone=True)),
    CheckConstraint("told IS NOT NULL OR said IS NOT NULL", name="known"),
)

versions = Table(
    "versions",
    metadata,
    id_column(),
    foreign_key("scans"),
    Column("stage", Text, nullable=False),
    Column("number", Integer, CheckConstraint("number > 0", name="number"), nullable=False),
    *sha256_column("store_key"),
    *sha256_column("input_sha256"),
    Column("stage_version", Text, nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("figures", JSONB, nullable=False),
    Column("regions", JSONB, nullable=False),
    # Since when its files are not in the store, or not what they were.
    Column("lost_at", DateTime(timezone=True)),
    timestamp_column("created_at"),
    UniqueConstraint("scan_id", "store_key"),
    UniqueConstraint("scan_id", "stage", "number"),
    Index("versions_lost_idx", "scan_id", postgresql_where=text("lost_at IS NOT NULL")),
)

derivatives = Table(
    "derivatives",
    metadata,
    id_column(),
    foreign_key("versions"),
    *enum_column("role", Role),
    Column("name", Text, nullable=False),
    *sha256_column("sha256"),
    Column("bytes", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("bits", Integer),
    Column("path", Text, nullable=False),
    UniqueConstraint("version_id", "name"),
    Index("derivatives_sha256_idx", "sha256"),
)

agents = Table(
    "agents",
    metadata,
    id_column(),
    *enum_column("kind", AgentKind),
    Column("name", Text, CheckConstraint("name <> ''", name="name"), nullable=False),
    text_column("version"),
    text_column("identifier"),
    UniqueConstraint("kind", "name", "version", "identifier"),
)

events = Table(
    "events",
    metadata,
    id_column(),
    Column("uuid", Uuid, nullable=False),
    Column("occasion", Text, nullable=False),
    *enum_column("type", EventType),
    *enum_column("outcome", EventOutcome),
    text_column("detail"),
    foreign_key("scans", nullable=True, index=True),
    foreign_key("versions", nullable=True, index=True),
    text_column("stage"),
    Column("store_key", Text, index=True),
    Column("input_sha256", Text),
    Column("output_sha256", ARRAY(Text), nullable=False),
    Column("parameters", JSONB, nullable=False),
    text_column("machine"),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("uuid"),
    CheckConstraint("started_at <= ended_at", name="duration"),
)

event_agents = Table(
    "event_agents",
    metadata,
    foreign_key("events", primary_key=True),
    foreign_key("agents", primary_key=True, index=True),
    Column("role", EnumText(AgentRole), primary_key=True),
    CheckConstraint("role IN ('executing program', 'implementer', 'authorizer', 'model')", name="role"),
)

CERTAINTY = "COALESCE(confidence, 1)"
DAMAGE = "COALESCE(damage, 0)"
"""The queue's orders need a number in every row: uncolored counts as certain, unrestored as undamaged."""
_FILTERED = ["confidence", "damage", "scan_id"]

reviews = Table(
    "reviews",
    metadata,
    id_column(),
    foreign_key("versions"),
    foreign_key("scans", index=True),
    *enum_column("state", ReviewState),
    Column("confidence", Double, CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence")),
    Column("damage", Double, CheckConstraint("damage BETWEEN 0 AND 1", name="damage")),
    Column("reviewer_id", BigInteger, ForeignKey("agents.id")),
    text_column("reason"),
    timestamp_column("opened_at"),
    Column("decided_at", DateTime(timezone=True)),
    Column("revision", Integer, nullable=False, server_default="0"),
    UniqueConstraint("version_id"),
    CheckConstraint("reason <> '' OR state NOT IN ('rejected', 'returned')", name="reason"),
    # What the queue filters by is in its indexes, so that rows it passes over are never fetched.
    Index("reviews_arrival_idx", "state", "id", postgresql_include=_FILTERED),
    Index("reviews_certainty_idx", "state", text(f"({CERTAINTY})"), "id", postgresql_include=_FILTERED),
    Index("reviews_damage_idx", "state", text(f"({DAMAGE})"), "id", postgresql_include=_FILTERED),
)

decisions = Table(
    "decisions",
    metadata,
    id_column(),
    foreign_key("reviews", index=True),
    *enum_column("decision", ReviewState),
    text_column("reason"),
    Column("reviewer_id", BigInteger, ForeignKey("agents.id"), nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False, index=True),
    # What stood before in each review that it changed; see catalog.decisions.Replaced.
    Column("replaced", JSONB, nullable=False),
    # The hints that came with it.
    Column("hints", ARRAY(BigInteger), nullable=False),
    # What decisions have in common that were made at one stroke.
    Column("batch", Uuid, index=True),
    Column("undone_at", DateTime(timezone=True)),
    Column("undone_by_id", BigInteger, ForeignKey("agents.id")),
)

hints = Table(
    "hints",
    metadata,
    id_column(),
    foreign_key("scans", index=True),
    Column("x", Double, CheckConstraint("x BETWEEN 0 AND 1", name="x"), nullable=False),
    Column("y", Double, CheckConstraint("y BETWEEN 0 AND 1", name="y"), nullable=False),
    Column("radius", Double, CheckConstraint("radius > 0 AND radius <= 1", name="radius"), nullable=False),
    Column("a", Double, CheckConstraint("a BETWEEN -128 AND 127", name="a"), nullable=False),
    Column("b", Double, CheckConstraint("b BETWEEN -128 AND 127", name="b"), nullable=False),
    # As it was given, for a and b do not say how light it was; empty where nobody knows.
    Column(
        "color",
        Text,
        CheckConstraint("color ~ '^(#[0-9a-fA-F]{6})?$'", name="color"),
        nullable=False,
        server_default="",
    ),
    Column("source", Text, CheckConstraint("source <> ''", name="source"), nullable=False),
    text_column("citation"),
    text_column("source_date"),
    Column("author_id", BigInteger, ForeignKey("agents.id"), nullable=False),
    timestamp_column("given_at"),
    Column("withdrawn_at", DateTime(timezone=True)),
    Column("withdrawn_by_id", BigInteger, ForeignKey("agents.id")),
)

manifests = Table(
    "manifests",
    metadata,
    foreign_key("objects", primary_key=True),
    *sha256_column("sha256"),
    Column("document", Text, nullable=False),
    timestamp_column("updated_at"),
)

activities = Table(
    "activities",
    metadata,
    id_column(),
    *enum_column("type", ActivityType),
    foreign_key("objects", index=True),
    Column("ended_at", DateTime(timezone=True), nullable=False),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    id_column(),
    Column("name", Text, CheckConstraint("name <> ''", name="name"), nullable=False),
    # Of a random 256-bit secret, which needs no salt and no slow hash; the secret itself is kept nowhere.
    *sha256_column("sha256"),
    Column("scopes", ARRAY(Text), nullable=False),
    # How many requests may wait at once, and how many may be made in any hour.
    Column("most_waiting", Integer, CheckConstraint("most_waiting > 0", name="most_waiting"), nullable=False),
    Column("per_hour", Integer, CheckConstraint("per_hour > 0", name="per_hour"), nullable=False),
    Column("priority", Integer, nullable=False, server_default="0"),
    timestamp_column("created_at"),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("used_at", DateTime(timezone=True)),
    # When a worker last took a request of it: clients take turns.
    Column("served_at", DateTime(timezone=True)),
    UniqueConstraint("name"),
    UniqueConstraint("sha256"),
    CheckConstraint(
        "scopes <> '{}' AND scopes <@ ARRAY['request', 'review', 'publish']",
        name="scopes",
    ),
)

token_activities = Table(
    "token_activities",
    metadata,
    id_column(),
    foreign_key("api_tokens", index=True),
    *enum_column("act", TokenAct),
    text_column("detail"),
    text_column("by"),
    timestamp_column("at"),
)

_UNFINISHED = text("state IN ('queued', 'working')")
_HELD = "(lease IS NOT NULL) = (state = 'working') AND (lease IS NULL) = (lease_until IS NULL)"


def _lease_columns() -> tuple[Column[Any], ...]:
    """Return the columns by which a worker holds a row, until when, and how often that was tried."""
    return (
        Column("lease", Uuid),
        Column("lease_until", DateTime(timezone=True)),
        Column("attempts", Integer, nullable=False, server_default="0"),
    )


requests = Table(
    "requests",
    metadata,
    id_column(),
    # By which clients know it: random, so that none can be guessed.
    Column("uuid", Uuid, nullable=False),
    foreign_key("api_tokens"),
    *enum_column("state", RequestState),
    Column("priority", Integer, nullable=False),
    Column("idempotency_key", Text),
    # Of photograph, name and options together: what determines the outcome.
    *sha256_column("fingerprint"),
    *sha256_column("sha256"),
    Column("original_name", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("options", JSONB, nullable=False),
    text_column("stage"),
    Column("progress", Double, nullable=False, server_default="0"),
    *_lease_columns(),
    # The keys of what is in the store, by stage.
    Column("entries", JSONB, nullable=False, server_default="{}"),
    Column("figures", JSONB, nullable=False, server_default="{}"),
    # Digest of the versions of stages and models that did it.
    text_column("method"),
    text_column("accession_number"),
    Column("reason", Text),
    Column("remedy", Text),
    timestamp_column("created_at"),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True)),
    UniqueConstraint("uuid"),
    UniqueConstraint("api_token_id", "idempotency_key"),
    CheckConstraint("progress BETWEEN 0 AND 1", name="progress"),
    CheckConstraint(_HELD, name="lease"),
    CheckConstraint("(reason IS NOT NULL) = (state IN ('refused', 'failed'))", name="reason"),
    Index("requests_unfinished_idx", "id", postgresql_where=_UNFINISHED),
    Index("requests_client_idx", "api_token_id", "created_at"),
    Index("requests_sha256_idx", "sha256"),
    Index("requests_fingerprint_idx", "fingerprint"),
    Index("requests_finished_idx", "finished_at"),
    Index("requests_expiry_idx", "expires_at"),
)

recolorings = Table(
    "recolorings",
    metadata,
    id_column(),
    Column("uuid", Uuid, nullable=False),
    Column(
        "request_id", BigInteger, ForeignKey("requests.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    *enum_column("state", RequestState),
    Column("hints", JSONB, nullable=False),
    *_lease_columns(),
    Column("entry", Text),
    # What became of each hint.
    Column("outcome", JSONB, nullable=False, server_default="[]"),
    Column("reason", Text),
    Column("remedy", Text),
    timestamp_column("created_at"),
    Column("finished_at", DateTime(timezone=True)),
    UniqueConstraint("uuid"),
    CheckConstraint(_HELD, name="lease"),
    CheckConstraint("(reason IS NOT NULL) = (state IN ('refused', 'failed'))", name="reason"),
    Index("recolorings_unfinished_idx", "id", postgresql_where=_UNFINISHED),
)
