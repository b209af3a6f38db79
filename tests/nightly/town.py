"""Nights of change in a built installation: records are written otherwise, move house, go and come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.records import RECORD_TOKENS
from pipeline.store.database import Database

# What a delivery says of a record.
TABLES = ("identity.record", "identity.encoding", "evidence.person_attribute", "evidence.residence", "evidence.fact")
COMPARED = ("sex", "encoding_print", *(f"{name}_token" for name in RECORD_TOKENS))
# What goes with a record that is delivered no more (see pipeline.ingest.load).
GONE = (
    "delete from identity.link where %(id)s in (record_a, record_b)",
    "delete from identity.link_pair where %(id)s in (record_a, record_b)",
    "delete from identity.link_print where record_id = %(id)s",
)
# Everything that linking and families publish, without what is of the run and not of the night.
PUBLISHED = {
    "links": "select record_a, record_b, blocking_pass, pattern, weight, probability, decision from identity.link",
    "pairs": "select * from identity.link_pair",
    "persons": "select record_id, person_id from identity.person",
    "persons of evidence": "select record_id, person_id from evidence.person",
    "left out": "select * from identity.link_left_out",
    "families": "select family_id, kind, area, adults, children, to_review, review_reason from publication.family",
    "members": "select * from publication.family_member",
    "results": "select family_id, criterion, state, reason, in_doubt, probability from publication.criterion_result",
    "cohort": "select * from publication.cohort",
}


@dataclass(frozen=True)
class Town:
    """An installation's database, with what was delivered kept aside, so that a record that changed can be restored."""

    database: Database

    def keep(self) -> None:
        with self.database.connect() as connection:
            connection.execute("create schema kept")
            for table in TABLES:
                connection.execute(f"create table kept.{table.split('.')[1]} as table {table}".encode())

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self.database.connect() as connection:
            return connection.execute(sql.encode(), parameters).fetchall()

    def records(self) -> list[int]:
        return [row[0] for row in self.rows("select record_id from kept.record order by record_id")]

    def published(self) -> dict[str, list[tuple[Any, ...]]]:
        return {name: sorted(self.rows(sql), key=repr) for name, sql in PUBLISHED.items()}

    def change(self, random: np.random.Generator) -> None:
        """Three to six records: as another is written, at another's place, gone, or as it was delivered."""
        everybody = self.records()
        for record in random.choice(everybody, size=int(random.integers(3, 7)), replace=False).tolist():
            other = int(random.choice(everybody))
            what = random.choice(["written", "moved", "gone", "delivered"], p=[0.4, 0.2, 0.15, 0.25])
            with self.database.connect() as connection:
                for table in TABLES:
                    connection.execute(f"delete from {table} where record_id = %s".encode(), (record,))
                    if what != "gone":
                        name = table.split(".")[1]
                        connection.execute(
                            f"insert into {table} select * from kept.{name} where record_id = %s".encode(), (record,)
                        )
                if what == "gone":
                    for statement in GONE:
                        connection.execute(statement.encode(), {"id": record})
                elif what == "written":
                    _write_as(connection, record, other)
                elif what == "moved":
                    connection.execute(
                        "update evidence.residence r set place_id = o.place_id, address_id = o.address_id"
                        " from kept.residence o where r.record_id = %s and o.record_id = %s",
                        (record, other),
                    )


def _write_as(connection: Any, record: int, other: int) -> None:
    columns = ", ".join(f"{name} = o.{name}" for name in COMPARED)
    connection.execute(
        f"update identity.record r set {columns} from kept.record o"
        " where r.record_id = %s and o.record_id = %s".encode(),
        (record, other),
    )
    connection.execute("delete from identity.encoding where record_id = %s", (record,))
    connection.execute(
        "insert into identity.encoding select %s, pass, block, forename, surname, date_parts from kept.encoding"
        " where record_id = %s",
        (record, other),
    )
