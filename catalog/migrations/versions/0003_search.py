"""Search over objects: full text and trigrams, accents folded."""

from alembic import op
from sqlalchemy import text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# unaccent() is only STABLE, because its dictionary could change: an index needs a promise that it does not.
FOLD = """
CREATE FUNCTION heliochrome_fold(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN lower({schema}.unaccent('{schema}.unaccent'::regdictionary, words))
"""

SEARCH = """
ALTER TABLE objects ADD COLUMN search tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('simple', heliochrome_fold((accession_number || ' ') || title)), 'A')
    || setweight(to_tsvector('simple', heliochrome_fold((maker || ' ') || date_text)), 'B')
    || setweight(to_tsvector('simple', heliochrome_fold((description || ' ') || source)), 'C')
) STORED;
CREATE INDEX objects_search_idx ON objects USING gin (search);
CREATE INDEX objects_trigram_idx ON objects USING gin (
    heliochrome_fold((((accession_number || ' ') || title) || ' ') || maker) {schema}.gin_trgm_ops
);
"""


def upgrade() -> None:
    """Add the column, its indexes and the extensions they need."""
    op.execute(FOLD.format(schema=_extension("unaccent")))
    op.execute(SEARCH.format(schema=_extension("pg_trgm")))


def downgrade() -> None:
    """Drop the column and its function; the extensions may serve others and stay."""
    op.execute("DROP INDEX objects_trigram_idx")
    op.execute("ALTER TABLE objects DROP COLUMN search")
    op.execute("DROP FUNCTION heliochrome_fold")


def _extension(name: str) -> str:
    op.execute(f"CREATE EXTENSION IF NOT EXISTS {name}")
    found = text(
        "SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace "
        "WHERE extname = :name"
    )
    return str(op.get_bind().execute(found, {"name": name}).scalar_one())
