"""What the tests of review ask of a built night: its links, persons and truth, and the partners' part."""

from __future__ import annotations

import csv
import datetime as dt
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.ingest import ingest_partner
from pipeline.installation import pseudonymise_extract, seal_and_deliver
from pipeline.review import review_queue
from pipeline.run import build
from pipeline.settings import Settings
from pipeline.store.database import Database

AS_AT = dt.date(2014, 7, 31)
COVERED_FROM = dt.date(2011, 8, 1)
IDENTIFIERS = {
    "council": ("nino", "nhs_number", "upn"),
    "dwp": ("nino",),
    "police": ("nino", "pnc_id"),
    "schools": ("upn",),
}
NUMBERS = {"nino", "nhs_number", "upn", "pnc_id"}
Pair = tuple[int, int]


@dataclass(frozen=True)
class Night:
    """One test's installation."""

    settings: Settings
    database: Database

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self.database.connect() as connection:
            return connection.execute(sql.encode(), parameters).fetchall()

    def build(self) -> int:
        return build(self.settings, self.database).run_id

    def person(self, record_id: int) -> int:
        return int(self.rows("select person_id from identity.person where record_id = %s", record_id)[0][0])

    def together(self, pair: Pair) -> bool:
        return self.person(pair[0]) == self.person(pair[1])

    def match(self, nth: int = 0) -> Pair:
        """Two partners' records that are one person by a link, and nothing else is in that person."""
        pairs = self.rows(
            "select record_a, record_b from identity.link l join identity.person a on a.record_id = record_a"
            " join identity.record x on x.record_id = record_a join identity.record y on y.record_id = record_b"
            " where decision = 'match' and x.partner <> y.partner"
            " and (select count(*) from identity.person p where p.person_id = a.person_id) = 2"
            " order by 1, 2"
        )
        return pairs[nth][0], pairs[nth][1]

    def possible(self, *, same_partner: bool) -> Pair:
        """The most valuable doubtful pair that is two persons, of one partner or of two."""
        for one in review_queue(self.database, self.settings):
            if not one.together and (one.partner_a == one.partner_b) == same_partner:
                return one.record_a, one.record_b
        raise AssertionError("nothing is in doubt")

    def strangers(self) -> Pair:
        """Two records that share no block, each a person alone."""
        alone = self.rows(
            "select min(record_id) from identity.person group by person_id having count(*) = 1 order by 1"
        )
        for (other,) in alone[1:]:
            shared = self.rows(
                "select 1 from identity.encoding a join identity.encoding b using (pass, block)"
                " where a.record_id = %s and b.record_id = %s limit 1",
                alone[0][0],
                other,
            )
            if not shared:
                return alone[0][0], other
        raise AssertionError("everybody shares a block")

    def partner_of(self, record_id: int) -> str:
        return str(self.rows("select partner from identity.record where record_id = %s", record_id)[0][0])

    def pseudonym(self, record_id: int) -> str:
        return bytes(self.rows("select person_ref from identity.record where record_id = %s", record_id)[0][0]).hex()

    def redeliver(self, partner: str, raw: Path | None = None) -> None:
        """The partner sends its extract again, and the hub takes it in."""
        contract = load_contracts(self.settings.declarations, load_vocabulary(self.settings.declarations))[partner]
        folder = raw or self.settings.home / "raw" / partner
        pseudonymise_extract(self.settings, contract, folder, since=COVERED_FROM, until=AS_AT)
        seal_and_deliver(self.settings, contract)
        ingest_partner(self.settings, self.database, partner)

    def line_of(self, record_id: int) -> int:
        """The line of the record in its partner's people.csv."""
        return int(self.rows("select row_number from identity.record where record_id = %s", record_id)[0][0])

    def without(self, record_id: int, to: Path) -> Path:
        """A copy of the partner's extract in which this person does not stand."""
        source = self.settings.home / "raw" / self.partner_of(record_id)
        lines = (source / "people.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        reference = next(csv.reader([lines[self.line_of(record_id) - 1]]))[0]
        to.mkdir(parents=True)
        for path in source.glob("*.csv"):
            kept = [
                line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if reference not in line
            ]
            (to / path.name).write_text("".join(kept), encoding="utf-8")
        return to

    @cached_property
    def clear_values(self) -> set[str]:
        """Names, identifiers, addresses and references of all raw files, of five letters or more."""
        columns = ("person_ref", "forename", "surname", "nino", "nhs_number", "upn", "pnc_id", "uprn", "address")
        values = set()
        for path in self.settings.home.glob("raw/*/people.csv"):
            with path.open(encoding="utf-8") as handle:
                for row in csv.DictReader(handle):
                    values |= {row[name] for name in (*columns, "date_of_birth") if len(row.get(name) or "") >= 5}
        return values


def enter_twice(raw: Path, people: int) -> None:
    """Some people of an extract stand in it twice: the second time without birthday and identifiers, as a clerk in a
    hurry enters them."""
    with (raw / "people.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    with (raw / "residences.csv").open(encoding="utf-8", newline="") as handle:
        homes = {row["person_ref"]: row for row in csv.DictReader(handle) if not row["end_date"]}
    chosen = [row for row in rows if row["person_ref"] in homes and row["date_of_birth"] and row["sex"]][:people]
    again = [
        {
            **row,
            "person_ref": f"AGAIN-{row['person_ref']}",
            "date_of_birth": "",
            **dict.fromkeys(NUMBERS & row.keys(), ""),
        }
        for row in chosen
    ]
    for name, more in (
        ("people", again),
        ("residences", [{**homes[row["person_ref"]], "person_ref": f"AGAIN-{row['person_ref']}"} for row in chosen]),
    ):
        with (raw / f"{name}.csv").open("a", encoding="utf-8", newline="") as handle:
            csv.DictWriter(handle, more[0].keys(), lineterminator="\n").writerows(more)


def confirmed(partner: str) -> dict[str, Any]:
    """What an officer says who finds everything as it stands."""
    fields = ("forename", "surname", "date_of_birth", "sex", *IDENTIFIERS[partner], "residence")
    return {"checked": dict.fromkeys(fields, "confirmed")}


def write_decisions(
    path: Path, questions: Path, partner: str, changes: dict[str, dict[str, Any]] | None = None
) -> Path:
    """Decisions on a file of questions: all details confirmed, all pairs one person, but for the changes by record."""
    said = {}
    for question in json.loads(questions.read_text())["questions"]:
        outright = question["kind"] == "duplicate"
        usual = {"answer": "same", "basis": "case_file"} if outright else confirmed(partner)
        change = (changes or {}).get(question["records"][0], usual)
        said[question["question_id"]] = change if ("answer" in change) == outright else usual
    path.write_text(json.dumps(said))
    return path
