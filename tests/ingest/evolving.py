"""A partner's extract that changes from night to night, and what the hub holds of it without where it came from."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

from pipeline.installation import pseudonymise_extract, seal_and_deliver
from pipeline.store.database import Database
from tests.ingest.site import FROM, TO, Rows, Site, csv_text, write_extract

PEOPLE = 200  # the contract tolerates four bad rows of a table


class Extract:
    """A partner's raw extract, in memory: rows by table."""

    def __init__(self, site: Site, partner: str = "council", people: int = PEOPLE) -> None:
        self.site, self.partner = site, partner
        self.raw = site.settings.partner_home(partner) / "raw"
        write_extract(site.contract(partner), self.raw, people)
        self.tables: dict[str, Rows] = {}
        self.headers: dict[str, list[str]] = {}
        for table in site.contract(partner).tables:
            with (self.raw / table.file).open(encoding="utf-8", newline="") as handle:
                reader = csv.DictReader(handle)
                self.headers[table.name], self.tables[table.name] = list(reader.fieldnames or ()), list(reader)

    def of(self, reference: str, table: str) -> Rows:
        return [row for row in self.tables[table] if row["person_ref"] == reference]

    def remove(self, reference: str) -> None:
        for name, rows in self.tables.items():
            self.tables[name] = [row for row in rows if row["person_ref"] != reference]

    def references(self) -> list[str]:
        return [row["person_ref"] for row in self.tables["people"]]

    def change(self, chance: random.Random) -> None:
        """A night's changes: names, codes, homes, people who come and go, bad cells and mended ones."""
        for row in self.tables["people"]:
            row["sex"] = "F" if row["sex"] == "X" else row["sex"]  # mended
        for row in self.tables["events"]:
            row["code"] = "N1" if row["code"] == "N99" else row["code"]
        some = chance.sample(self.references(), 8)
        self.of(some[0], "people")[0]["surname"] = f"Newname{chance.choice('abcdef')}"
        self.of(some[1], "people")[0]["forename"] = f"Other{chance.choice('abcdef')}"
        for row in self.of(some[2], "residences"):
            row |= {
                "uprn": str(100_000_000_000 + chance.randrange(999)),
                "address": "9 New Road",
                "postcode": "XB9 1ZQ",
            }
        for row in self.of(some[3], "events"):
            row["code"] = "N99"  # goes to quarantine
        self.of(some[4], "people")[0]["sex"] = "X"  # to quarantine, with all their rows and what refers to them
        self.remove(some[5])
        for row in self.of(some[6], "relationships"):
            row["end_date"] = "2014-01-01"
        self.tables["events"] = [row for row in self.tables["events"] if row["person_ref"] != some[7]]
        new = f"NEW{chance.randrange(10**6):06d}"
        self.tables["people"].append(self.tables["people"][0] | {"person_ref": new, "surname": "Comer", "nino": ""})
        self.tables["events"].append(self.tables["events"][0] | {"person_ref": new, "event_ref": f"E{new}"})
        for rows in self.tables.values():
            chance.shuffle(rows)

    def deliver(self, *, delta: bool = False, site: Site | None = None) -> Path:
        """Pseudonymise and deliver what stands now, in full or as a delta; returns where it landed."""
        site = site or self.site
        for name, rows in self.tables.items():
            file = site.contract(self.partner).table(name).file
            (self.raw / file).write_text(csv_text(self.headers[name], rows), encoding="utf-8")
        contract = site.contract(self.partner)
        pseudonymise_extract(site.settings, contract, self.raw, since=FROM, until=TO, delta=delta)
        return seal_and_deliver(site.settings, contract)[-1]


REFERENCE = "(select encode(person_ref, 'hex') from identity.record where record_id = t.{})"
PLACE = "(select encode(place_token, 'hex') from identity.place p where p.place_id = t.{})"
HELD = {
    "identity.record": "t.person_ref, sex, nino_token, uprn_token, address_token, postcode_token, encoding_print",
    "identity.encoding": f"{REFERENCE.format('record_id')}, pass, block, t.forename, t.surname, t.date_parts",
    "evidence.person_attribute": f"{REFERENCE.format('record_id')}, birth_month, sex",
    "evidence.residence": f"{REFERENCE.format('record_id')}, {PLACE.format('place_id')}, {PLACE.format('address_id')},"
    " area, start_date, end_date",
    "evidence.relationship": f"{REFERENCE.format('record_id')}, {REFERENCE.format('related_record_id')}, relation,"
    " start_date, end_date",
    "evidence.fact": f"{REFERENCE.format('record_id')}, kind, code, role, start_date, end_date, quantity, out_of",
    "evidence.nomination": f"{REFERENCE.format('record_id')}, nominated_on, rank, reason_code",
}
OPEN_QUARANTINE = """
    select q.table_name, q.column_name, q.reason, encode(r.person_ref, 'hex') from registry.quarantine q
    join registry.delivery d using (delivery_id)
    left join identity.quarantined_row r using (delivery_id, table_name, row_number)
    where q.cleared_by is null and d.state in ('accepted', 'accepted_with_quarantine')
"""


def held(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of a partner that the hub holds, by table, without ids of the database and without its origin."""
    with database.connect() as connection:
        found = {
            name: sorted(connection.execute(f"select {columns} from {name} t".encode()).fetchall(), key=repr)
            for name, columns in HELD.items()
        }
        found["quarantine"] = sorted(connection.execute(OPEN_QUARANTINE.encode()).fetchall(), key=repr)
    return found
