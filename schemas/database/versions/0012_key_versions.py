"""Versions of the linkage key side by side."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

FOLDER = Path(__file__).resolve().parent.parent / "live_database"


def upgrade() -> None:
    # The driver's own connection: SQLAlchemy would read colons and percent signs in the SQL as parameters.
    op.get_bind().connection.driver_connection.execute((FOLDER / "key_versions.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise NotImplementedError("The way back is a restored backup.")
