"""Make claims, certify what no feed shows, and hand out the evidence each claim was made on.

A claim is worked out anew from what stands on file under a lock, so that two people never claim the same thing; the
rules are in `pipeline.claims`.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import pandas as pd
import psycopg
from psycopg.rows import dict_row

from pipeline import audit
from pipeline.casework.declared import Declared
from pipeline.casework.night import Standing, lines_of
from pipeline.casework.reading import read_standing, read_tests
from pipeline.casework.register import replace_lines
from pipeline.errors import CaseworkError
from pipeline.store.database import Database
from pipeline.store.locks import advisory_lock

CLAIMS = "casework-claims"
_CLAIMED = ("case_id", "claim", "tariff_year", "pounds")
NO_LEDGER = pd.DataFrame({"old_id": [], "new_id": [], "change": []})


@dataclass(frozen=True)
class Made:
    """One claim made."""

    claim_id: int
    case_id: int
    family_id: int
    claim: str
    tariff_year: str
    pounds: int


def refresh_lines(database: Database, declared: Declared, as_at: dt.date) -> pd.DataFrame:
    """Bring the list of claims in line with the cases as they stand now; returns it."""
    standing = read_standing(database, declared.pack.id)
    lines = _lines(database, standing, declared)
    with database.connect() as connection:
        replace_lines(connection, lines, declared, as_at)
    return lines


def make_claims(
    database: Database,
    declared: Declared,
    *,
    as_at: dt.date,
    on: dt.date,
    by_whom: str,
    why: str,
    year: str | None = None,
) -> list[Made]:
    """Record every claim that can be made now (of families attached in `year`, where given), with its evidence.

    `as_at`: the day of the last run, whose tests they rest on. Raises CaseworkError without a name and a reason, and
    DeclarationError for a tariff year that is not given; then nothing is claimed.
    """
    _say_who(by_whom, why)
    if declared.tariffs is None:
        raise CaseworkError(
            where=f"pack {declared.pack.id}",
            rule="nobody pays by results under this pack.",
            remedy=f"add schemas/tariffs/{declared.pack.id}.yaml, or build under another pack.",
        )
    if year is not None:
        declared.tariffs.tariff(year)
    with database.connect(autocommit=True) as holder, advisory_lock(holder, CLAIMS):
        standing = read_standing(database, declared.pack.id)
        lines = _lines(database, standing, declared)
        for missing in sorted(set(lines["tariff_year"]) - set(declared.tariffs.tariffs) - {""}):
            if year is None:
                declared.tariffs.tariff(missing)
        wanted = lines[lines["state"] == "claimable"]
        wanted = wanted[wanted["tariff_year"] == year] if year else wanted
        family_of = standing.cases.set_index("case_id")["family_id"]
        made = []
        with database.connect() as connection:
            for number, claim, tariff, amount in wanted[list(_CLAIMED)].itertuples(index=False):
                case, pounds, family = int(number), int(amount), int(family_of[number])
                pack = evidence_pack(connection, declared, case, claim, tariff, pounds)
                row = connection.execute(
                    "insert into casework.claim (case_id, family_id, pack, claim, tariff_year, pounds, as_at,"
                    " claimed_on, by_whom, why, evidence) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
                    " returning claim_id",
                    (case, family, declared.pack.id, claim, tariff, pounds, as_at, on, by_whom, why,
                     json.dumps(pack, default=str)),
                ).fetchone()  # fmt: skip
                assert row is not None
                made.append(Made(row[0], case, family, claim, tariff, pounds))
            total = sum(one.pounds for one in made)
            audit.append(connection, by_whom, "claims_made", "casework", {"claims": len(made), "pounds": total})
        refresh_lines(database, declared, as_at)
    return made


def certify(
    database: Database, declared: Declared, case: int, test: str, *, on: dt.date, by_whom: str, why: str
) -> None:
    """Certify for the council what no feed shows. Raises CaseworkError for a test that asks for no certificate."""
    _say_who(by_whom, why)
    with database.connect() as connection:
        row = connection.execute(
            "select state from publication.progress where case_id = %s and test = %s", (case, test)
        ).fetchone()
        if row is None or row[0] != "needs_certificate":
            raise CaseworkError(
                where=f"case {case}",
                rule="there is no such test of this case, or it asks for no certificate now.",
                remedy="see which do: wholefamily progress --state needs_certificate",
            )
        connection.execute(
            "insert into casework.certificate (case_id, test, on_date, by_whom, why) values (%s, %s, %s, %s, %s)"
            " on conflict (case_id, test) do nothing",
            (case, test, on, by_whom, why),
        )
        audit.append(connection, by_whom, "certified", f"case/{case}", {"test": test})


def evidence_pack(
    connection: psycopg.Connection[Any], declared: Declared, case: int, claim: str, year: str, pounds: int
) -> dict[str, Any]:
    """Everything that a spot check asks of one claim: the tests with their figures, the delivered rows behind them then
    and now, certificates, the steps of the case, and the rules' version. No person is named."""
    assert declared.tariffs is not None
    needs = list(next(one.needs for one in declared.tariffs.claims if one.id == claim))
    with connection.cursor(row_factory=dict_row) as cursor:

        def rows(sql: str, *parameters: Any) -> list[dict[str, Any]]:
            return cursor.execute(sql.encode(), parameters).fetchall()

        (about,) = rows(
            "select case_id, family_id, identified_on, attached_on, contains_dwp from casework.family_case"
            " where case_id = %s",
            case,
        )
        tests = rows(
            "select test, title, state, reason, before, now, contains_dwp, as_at from publication.progress"
            " where case_id = %s and test = any(%s) order by test",
            case, needs,
        )  # fmt: skip
        for test in tests:
            test["rows_before"] = rows(
                "select e.partner, e.kind, e.start_date, e.end_date, e.delivery_id, e.table_name, e.row_number"
                " from casework.baseline_evidence e join casework.family_case c using (case_id, identified_on)"
                " where e.case_id = %s and e.test = %s order by e.start_date, e.delivery_id, e.row_number",
                case, test["test"],
            )  # fmt: skip
            test["rows_now"] = rows(
                "select f.partner, f.kind, f.start_date, f.end_date, f.delivery_id, f.table_name, f.row_number"
                " from publication.progress_evidence p join evidence.fact f using (evidence_id)"
                " where p.case_id = %s and p.test = %s order by f.start_date, f.delivery_id, f.row_number",
                case, test["test"],
            )  # fmt: skip
        return {
            **about,
            "claim": claim,
            "tariff_year": year,
            "pounds": pounds,
            "tariff_confirmed": year not in declared.tariffs.unconfirmed,
            "pack": declared.pack.id,
            "pack_version": declared.pack.version,
            "tariffs_version": declared.tariffs.version,
            "source": declared.tariffs.source,
            "contains_dwp": about["contains_dwp"] or any(test["contains_dwp"] for test in tests),
            "tests": tests,
            "problems": rows(
                "select criterion, found_on, contains_dwp from casework.problem where case_id = %s order by criterion",
                case,
            ),
            "certificates": rows(
                "select test, on_date, by_whom, why from casework.certificate where case_id = %s and test = any(%s)",
                case, needs,
            ),
            "steps": rows(
                "select to_state, on_date, role, by_whom from casework.step where case_id = %s order by step_id", case
            ),
        }  # fmt: skip


def _lines(database: Database, standing: Standing, declared: Declared) -> pd.DataFrame:
    tests = read_tests(database, declared.pack.id)
    return lines_of(standing.cases, tests, standing, standing.problems, NO_LEDGER, declared)


def _say_who(by_whom: str, why: str) -> None:
    if not by_whom.strip() or not why.strip():
        raise CaseworkError(
            where="the claim or certificate", rule="it needs who makes it and why.", remedy="give --by and --why."
        )
