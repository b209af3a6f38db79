"""A night written into the registry and the publication by hand: what a report and an evaluation read."""

from __future__ import annotations

import json
from typing import Any

from pipeline.store.database import Database
from tests.reports.sample import PARTNERS, TITLES, sample_facts

AS_AT = "2014-07-31"
PACK = "troubled-families-2012"


def write_partners(database: Database) -> None:
    """Four partners, one accepted delivery each, with quarantine and checks; police is stale and has one rejected."""
    with database.connect() as connection:
        for number, (partner, name) in enumerate(PARTNERS.items()):
            delivery = f"{partner}-000001-0a1b2c3d"
            connection.execute(
                "insert into registry.partner (partner, name, contract_version, contract_sha256, freshness_days)"
                " values (%s, %s, '1.0.0', %s, 10)",
                (partner, name, "a" * 64),
            )
            connection.execute(
                "insert into registry.delivery (delivery_id, partner, sequence, state, kind, period_from, period_to,"
                " rows_delivered, rows_loaded, rows_quarantined)"
                " values (%s, %s, 1, 'accepted_with_quarantine', 'full', '2011-08-01', %s, %s, %s, 25)",
                (delivery, partner, "2014-05-31" if partner == "police" else AS_AT, 20_100 + number, 20_075 + number),
            )
            connection.execute(
                "insert into registry.quarantine select %s, 'events', line, 'start_date', 'date_form'"
                " from generate_series(2, 26) line",
                (delivery,),
            )
            # The same rows have a second fault: they count once under each reason.
            connection.execute(
                "insert into registry.quarantine select %s, 'events', line, 'code', 'unknown_code'"
                " from generate_series(2, 4) line, generate_series(1, 2)",
                (delivery,),
            )
            for success, severity in ((True, "critical"), (partner != "police", "warning")):
                connection.execute(
                    "insert into registry.check_result values (%s, %s, 'expect_table_row_count_to_be_between', null,"
                    " %s, %s, 'Fewer rows than usual may mean a cut extract.')",
                    (delivery, f"{partner}_events", severity, success),
                )
        connection.execute(
            "insert into registry.delivery (delivery_id, partner, sequence, state, code, reason, remedy) values"
            " ('police-000002-ffffffff', 'police', 2, 'rejected', 'known_answers_differ',"
            " 'The <known-answer> records differ.', 'Call the police''s data officer & compare keys.')"
        )


def write_run(database: Database, **changes: Any) -> int:
    """One run with the sample's counts; returns its id. `changes` replace columns of registry.run."""
    facts = sample_facts()
    row = {
        "kind": "build", "as_at": AS_AT, "started_at": "2014-08-01 02:00Z", "finished_at": "2014-08-01 02:01Z",
        "state": "published", "code_version": "0.1.0", "pack": PACK, "pack_version": "1.0.0", "model_version": 1,
        "counts": facts.counts, "timings": facts.timings, "parameters": facts.parameters, "blocking": facts.blocking,
    } | changes  # fmt: skip
    values = [json.dumps(value) if isinstance(value, (dict, list)) else value for value in row.values()]
    with database.connect() as connection:
        places = ", ".join(["%s"] * len(row))
        found = connection.execute(
            f"insert into registry.run ({', '.join(row)}) values ({places}) returning run_id".encode(), values
        ).fetchone()
        assert found is not None
    return int(found[0])


def write_family(
    database: Database, run_id: int, family_id: int, members: dict[int, str], met: set[str], *, selected: bool
) -> None:
    """One published family: its members' roles by person id, the criteria it meets, whether it is selected."""
    adults, children = (sum(role == kind for role in members.values()) for kind in ("adult", "child"))
    with database.connect() as connection:
        connection.execute(
            "insert into publication.family (run_id, family_id, kind, area, adults, children, to_review, as_at)"
            " values (%s, %s, %s, 'XB1', %s, %s, false, %s)",
            (run_id, family_id, "with_children" if children else "adult_only", adults, children, AS_AT),
        )
        for person_id, role in members.items():
            connection.execute(
                "insert into publication.family_member (family_id, person_id, role, start_date, reason, confidence)"
                " values (%s, %s, %s, '2012-01-01', 'same home', 0.9)",
                (family_id, person_id, role),
            )
        for criterion, title in TITLES.items():
            connection.execute(
                "insert into publication.criterion_result (run_id, family_id, pack, pack_version, criterion, title,"
                " state, contains_dwp, as_at) values (%s, %s, %s, '1.0.0', %s, %s, %s, false, %s)",
                (run_id, family_id, PACK, criterion, title, "met" if criterion in met else "not_met", AS_AT),
            )
        connection.execute(
            "insert into publication.family_history (family_id, pack, selected, criteria_met, valid_from)"
            " values (%s, %s, %s, %s, now())",
            (family_id, PACK, selected, len(met)),
        )


def write_summary(database: Database, cells: dict[tuple[str, str], int | None]) -> None:
    """The published summary: families by (area, criterion), None where suppressed."""
    with database.connect() as connection:
        for (area, criterion), families in cells.items():
            connection.execute(
                "insert into publication.summary values (%s, %s, %s, %s, %s)", (AS_AT, area, PACK, criterion, families)
            )
