"""The live database's first form: registry, identity, evidence, publication behind cohort, audit; and the grants."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PARTS = ("registry", "identity", "evidence", "publication", "cohort", "audit", "grants")
FOLDER = Path(__file__).resolve().parent.parent / "live_database"


def upgrade() -> None:
    # The driver's own connection: SQLAlchemy would read colons and percent signs in the SQL as parameters.
    driver = op.get_bind().connection.driver_connection
    for part in PARTS:
        driver.execute((FOLDER / f"{part}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise NotImplementedError("The way back is a restored backup.")
