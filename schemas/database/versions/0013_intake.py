"""What ingest measures and holds each delivery against."""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

FOLDER = Path(__file__).resolve().parent.parent / "live_database"


def upgrade() -> None:
    # The driver's own connection: SQLAlchemy would read colons and percent signs in the SQL as parameters.
    op.get_bind().connection.driver_connection.execute((FOLDER / "intake.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise NotImplementedError("The way back is a restored backup.")
