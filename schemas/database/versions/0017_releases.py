"""Releases: what has left, under disclosure control."""

from pathlib import Path

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

FOLDER = Path(__file__).resolve().parent.parent / "live_database"


def upgrade() -> None:
    # The driver's own connection: SQLAlchemy would read colons and percent signs in the SQL as parameters.
    op.get_bind().connection.driver_connection.execute((FOLDER / "releases.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise NotImplementedError("The way back is a restored backup.")
