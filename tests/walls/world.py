"""A small published world, and what each reader is to see of it.

| family | home | case | closed feed (DWP) | police have a part |
| --- | --- | --- | --- | --- |
| 1 | North | 1, allocated to North, key worker is the own-cases login | met | yes |
| 2 | North | 2, not allocated yet | met | no |
| 3 | South | 3, allocated to South | met | yes |
| 4 | – | – | met | no |
"""

from __future__ import annotations

import json
from typing import Any

import psycopg
from psycopg import sql

PACK = "troubled-families-2012"
HOMES = {1: "North", 2: "North", 3: "South", 4: None}
PARTS = {1: ("council", "dwp", "police"), 2: ("council", "schools"), 3: ("police",), 4: ("dwp",)}
CASES = {1: "North", 2: None, 3: "South"}
BY_FAMILY = (
    "family",
    "family_member",
    "criterion_result",
    "criterion_evidence",
    "flag_doubt",
    "family_cost",
    "duplicated_service",
    "priority",
    "priority_part",
    "service_contact",
    "escalation",
    "cohort",
    "family_history",
    "statement",
)
BY_CASE = ("family_case", "case_step", "progress", "claim")

# Who sees which families in which view; views that are not named are not open to the reader at all.
ALL, NORTH, OWN = {1, 2, 3, 4}, {1, 2}, {1}
CASEWORKERS = (
    "family",
    "family_member",
    "criterion_result",
    "criterion_evidence",
    "priority",
    "priority_part",
    "service_contact",
    "escalation",
    "chronology",
)
SEES: dict[str, dict[str, set[int]]] = {
    "analyst": {f"cohort.{view}": ALL for view in BY_FAMILY},
    "north": {f"cohort.{view}": NORTH for view in CASEWORKERS},
    "own": {f"cohort.{view}": OWN for view in CASEWORKERS},
    "nowhere": {f"cohort.{view}": set() for view in CASEWORKERS},
    "police": {"exchange.family": {1, 3}, "exchange.criterion_result": {1, 3}},
    "council": {"exchange.family": {1, 2}, "exchange.criterion_result": {1, 2}},
    "dwp": {"exchange.family": set(), "exchange.criterion_result": set()},
    "schools": {"exchange.family": {2}, "exchange.criterion_result": {2}},
}
# And which cases, by case.
SEES_CASES = {"analyst": {1, 2, 3}, "north": {1, 2}, "own": {1}, "nowhere": set[int]()}
# Of rows marked as resting on a closed feed: who sees any, and where. Escalation keeps to reader_feed.
MARKED = ("criterion_result", "flag_doubt", "family_cost", "duplicated_service", "priority_part")
SEES_MARKED = {"analyst": True, "north": True, "police": False, "council": True, "schools": False}
READERS: dict[str, dict[str, Any]] = {
    "analyst": {"reader": "analyst"},
    "north": {"reader": "caseworker", "districts": ("North",)},
    "own": {"reader": "caseworker", "districts": ("North", "South"), "only_own": True},
    "nowhere": {"reader": "caseworker", "districts": ("West",)},
    "police": {"reader": "partner", "partner": "police"},
    "council": {"reader": "partner", "partner": "council"},
    "dwp": {"reader": "partner", "partner": "dwp"},
    "schools": {"reader": "partner", "partner": "schools"},
    "auditor": {"reader": "auditor"},
}


def fill(connection: psycopg.Connection[Any], own_login: str) -> None:
    """Write the world, as the owner; `own_login` is the key worker of case 1."""

    def put(table: str, **values: Any) -> None:
        connection.execute(
            sql.SQL("insert into {} ({}) values ({})").format(
                sql.Identifier(*table.split(".")),
                sql.SQL(", ").join(map(sql.Identifier, values)),
                sql.SQL(", ").join([sql.Placeholder()] * len(values)),
            ),
            list(values.values()),
        )

    for partner in ("council", "dwp", "police", "schools"):
        put("registry.partner", partner=partner, name=partner, contract_version="1", contract_sha256="0" * 64)
        put("registry.delivery", delivery_id=f"{partner}-1", partner=partner, sequence=1, state="received")
        put(
            "registry.delivery_table",
            delivery_id=f"{partner}-1",
            table_name="people",
            rows_delivered=1,
            rows_loaded=0,
            rows_quarantined=1,
        )
        put("registry.quarantine", delivery_id=f"{partner}-1", table_name="people", row_number=2, reason="no_ref")
        put(
            "registry.check_result",
            delivery_id=f"{partner}-1",
            suite="people",
            expectation="rows",
            severity="warning",
            success=True,
        )
    put("registry.run", run_id=1, kind="build", as_at="2014-07-31", state="published", pack=PACK)
    put(
        "publication.unit_cost",
        code="E1",
        label="one",
        unit="one",
        agency="one",
        fiscal=1,
        economic=1,
        confidence="low",
    )
    put("publication.agency", agency="police", title="Police", place=1)
    put("publication.reader_feed", role_name="wf_caseworker", partner="police")
    put("publication.blocked_feed", partner="dwp")
    put("publication.summary", as_at="2014-07-31", area="North", pack=PACK, criterion="selected", families=10)
    put("publication.attrition", run_id=1, step=1, description="rows", count=4)
    put("publication.family_ledger", run_id=1, new_id=1, change="new")
    put("casework.state", state="identified", title="Identified", place=1, attaches=False, ended=False, needs=[])
    put("casework.state", state="verified", title="Verified", place=2, attaches=False, ended=False, needs=[])
    put("casework.move", from_state="none", to_state="identified", role="build")
    put("casework.move", from_state="identified", to_state="verified", role="reviewer")
    for family in HOMES:
        _put_family(put, family)
    for case, district in CASES.items():
        put(
            "casework.family_case",
            case_id=case,
            pack=PACK,
            family_id=case,
            identified_on="2014-07-31",
            district=district,
            contains_dwp=True,
            key_worker=own_login if case == 1 else "somebody else",
        )
        put(
            "casework.step",
            case_id=case,
            from_state="",
            to_state="identified",
            on_date="2014-07-31",
            role="build",
            by_whom="pipeline",
            why="selected",
        )
        put(
            "publication.progress",
            case_id=case,
            test="t",
            title="t",
            state="passed",
            reason="r",
            contains_dwp=True,
            as_at="2014-07-31",
            run_id=1,
        )
        put(
            "publication.claim_line",
            case_id=case,
            claim="c",
            title="c",
            state="not_yet",
            tariff_year="2014",
            pounds=0,
            reason="r",
            contains_dwp=True,
            as_at="2014-07-31",
        )


def _put_family(put: Any, family: int) -> None:
    night = {"as_at": "2014-07-31", "run_id": 1}
    put(
        "publication.family",
        family_id=family,
        kind="with_children",
        area=HOMES[family],
        adults=1,
        children=1,
        to_review=False,
        **night,
    )
    put("publication.family_member", family_id=family, person_id=100 + family, role="adult")
    for partner in PARTS[family]:
        put("publication.family_partner", family_id=family, partner=partner, persons=1, **night)
    for criterion, partner, marked in (("crime", "police", False), ("work", "dwp", True)):
        put(
            "publication.criterion_result",
            family_id=family,
            pack=PACK,
            pack_version="1",
            criterion=criterion,
            title=criterion,
            state="met",
            contains_dwp=marked,
            **night,
        )
        put(
            "publication.criterion_evidence",
            family_id=family,
            pack=PACK,
            criterion=criterion,
            partner=partner,
            kind="k",
            evidence_id=family * 10 + marked,
        )
        put(
            "publication.chronology", family_id=family, person_id=100 + family, partner=partner, kind="k", evidence_id=1
        )
        put(
            "publication.flag_doubt",
            family_id=family,
            pack=PACK,
            criterion=criterion,
            state="met",
            would_become="not_met",
            record_a=1,
            record_b=2,
            link_probability=0.5,
            otherwise=0.5,
            probability=0.5,
            links=1,
            method="exact",
            contains_dwp=marked,
        )
        put(
            "publication.family_cost",
            family_id=family,
            cost=criterion,
            title="t",
            need="n",
            code="E1",
            agency="police",
            quantity=1,
            facts=1,
            fiscal=1,
            economic=1,
            cashable=1,
            prices="2014",
            contains_dwp=marked,
            **night,
        )
        put(
            "publication.duplicated_service",
            family_id=family,
            need="n",
            agency="police",
            service=criterion,
            title="t",
            facts=1,
            contains_dwp=marked,
            **night,
        )
        put(
            "publication.priority_part",
            pack=PACK,
            family_id=family,
            part=criterion,
            title="t",
            unit="u",
            full_marks=1,
            weight=1,
            points=1,
            contains_dwp=marked,
        )
    put(
        "publication.priority",
        pack=PACK,
        place=family,
        family_id=family,
        score=1,
        selected=True,
        nominating_partners=0,
        contains_dwp=True,
        **night,
    )
    put(
        "publication.service_contact",
        family_id=family,
        agency="police",
        month_end="2014-07-31",
        contacts=1,
        contains_dwp=False,
        **night,
    )
    put(
        "publication.escalation",
        family_id=family,
        agency="police",
        state="unknown",
        reason="r",
        window_from="2014-05-01",
        window_to="2014-07-31",
        contains_dwp=False,
        **night,
    )
    put("publication.cohort", pack=PACK, family_id=family, cohort_start_date="2014-07-31")
    put(
        "publication.family_history",
        family_id=family,
        pack=PACK,
        selected=True,
        criteria_met=2,
        valid_from="2014-07-31",
    )
    criteria = {
        name: {"state": "met", "reason": "r", "contains_dwp": marked, "evidence": [[partner, "k", "2014-01-01", None]]}
        for name, partner, marked in (("crime", "police", False), ("work", "dwp", True))
    }
    put(
        "publication.statement",
        pack=PACK,
        family_id=family,
        from_run=1,
        selected=True,
        standing="selected",
        criteria_met=2,
        criteria=json.dumps(criteria),
    )
