"""Accession numbers in Unicode's form NFC, as they are looked up; those that become the same get a count."""

import unicodedata

from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Compose numbers that came decomposed, as macOS writes file names."""
    connection = op.get_bind()
    taken = set(connection.execute(text("SELECT accession_number FROM objects")).scalars())
    write = text("UPDATE objects SET accession_number = :composed WHERE accession_number = :number")
    for number in sorted(taken):
        composed = wanted = unicodedata.normalize("NFC", number)
        if wanted == number:
            continue
        count = 2
        while composed in taken:
            composed, count = f"{wanted} ({count})", count + 1
        taken.add(composed)
        connection.execute(write, {"composed": composed, "number": number})


def downgrade() -> None:
    """Change nothing: both forms are valid."""
