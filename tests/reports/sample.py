"""One run as the registry might tell it, made up by hand, with easily recognised numbers."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pipeline.reports.facts import RunFacts

PARTNERS = {"council": "Borough council", "dwp": "DWP", "police": "Police force", "schools": "Schools"}
TITLES = {
    "crime_asb": "Crime and anti-social behaviour",
    "education": "Education",
    "work": "Out of work",
    "local": "Local cause for concern",
}


def sample_facts(**changes: Any) -> RunFacts:
    weights = [-18, -15, -12, -9, -6, -3, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27]
    facts: dict[str, Any] = {
        "run_id": 41,
        "kind": "demo",
        "state": "published",
        "as_at": dt.date(2014, 7, 31),
        "started_at": dt.datetime(2014, 8, 1, 2, 0, tzinfo=dt.UTC),
        "finished_at": dt.datetime(2014, 8, 1, 2, 1, tzinfo=dt.UTC),
        "code_version": "0.1.0",
        "pack": "troubled-families-2012",
        "pack_version": "1.0.0",
        "model_version": 1,
        "counts": {
            "records": 31_204,
            "persons": 19_871,
            "families": 8_412,
            "families_with_children": 2_903,
            "selected": 41,
            "criteria_order": list(TITLES),
            "criteria": {"crime_asb": 97, "education": 143, "work": 402, "local": 188},
            "pairs": {"candidate": 90_412, "match": 14_022, "possible": 212, "cut": 3},
            "weights_histogram": {
                "edges": weights,
                "counts": [9000, 22000, 30100, 9800, 3100, 700, 120, 60, 80, 130, 400, 1900, 5200, 6100, 422],
            },
            "combinations": [
                {"criteria": [], "families": 2300},
                {"criteria": ["work"], "families": 290, "selected": False},
                {"criteria": ["local"], "families": 110, "selected": False},
                {"criteria": ["education"], "families": 70, "selected": False},
                {"criteria": ["crime_asb"], "families": 40, "selected": False},
                {"criteria": ["education", "work"], "families": 33, "selected": False},
                {"criteria": ["work", "local"], "families": 31, "selected": False},
                {"criteria": ["crime_asb", "work", "local"], "families": 20, "selected": True},
                {"criteria": ["education", "work", "local"], "families": 18, "selected": True},
                {"criteria": ["crime_asb", "education", "work"], "families": 3, "selected": True},
            ],
        },
        "timings": {"ingest": 11.2, "link": 6.41, "families": 2.3, "criteria": 1.2, "publish": 3.9},
        "parameters": {
            "thresholds": {"match": 0.95, "possible": 0.5},
            "comparisons": {"forename": [{"level": "same", "m": 0.86, "u": 0.0051, "weight": 7.4}]},
        },
        "blocking": [
            {"blocking_pass": "nino", "blocks": 9000, "largest_block": 3, "candidate_pairs": 8000, "dropped_blocks": 0},
            {"blocking_pass": "residence", "blocks": 8000, "largest_block": 96, "candidate_pairs": 52000,
             "dropped_blocks": 2},
        ],
        "deliveries": [delivery(partner, index) for index, partner in enumerate(PARTNERS)],
        "quarantine": [
            {"partner": "council", "reason": "unknown_person", "rows": 61},
            {"partner": "police", "reason": "date_form", "rows": 24},
            {"partner": "schools", "reason": "date_form", "rows": 15},
        ],
        "checks": [
            *(check(f"{p}_{t}", "critical", True, 6) for p in PARTNERS for t in ("people", "residences", "events")),
            check("police_events", "warning", False, 1, why="Fewer rows than usual may mean a cut extract."),
        ],
        "freshness": [
            {"partner": p, "name": name, "freshness_days": 10, "period_from": dt.date(2011, 8, 1),
             "period_to": dt.date(2014, 5, 31) if p == "police" else dt.date(2014, 7, 31)}
            for p, name in PARTNERS.items()
        ],
        "areas": [
            {"area": area, "criterion": name, "families": families}
            for area, cells in {"XB1": (None, 45, 120, 60), "XB2": (20, 30, 95, None)}.items()
            for name, families in zip(TITLES, cells, strict=True)
        ],
        "titles": TITLES,
    }  # fmt: skip
    return RunFacts(**(facts | changes))


def delivery(of: str, index: int = 0, **changes: Any) -> dict[str, Any]:
    row = {
        "partner": of, "name": PARTNERS.get(of, of), "delivery_id": f"{of}-000001-0a1b2c3d",
        "state": "accepted_with_quarantine", "period_from": dt.date(2011, 8, 1), "period_to": dt.date(2014, 7, 31),
        "rows_delivered": 20_100 + index, "rows_loaded": 20_075 + index, "rows_quarantined": 25, "code": None,
        "reason": None, "remedy": None, "received_at": dt.datetime(2014, 8, 1, tzinfo=dt.UTC),
    }  # fmt: skip
    return row | changes


def check(suite: str, severity: str, success: bool, times: int, why: str | None = None) -> dict[str, Any]:
    return {"suite": suite, "severity": severity, "success": success, "times": times, "why": why,
            "expectation": "expect_table_row_count_to_be_between", "column_name": None}  # fmt: skip


def sample_quality() -> dict[str, Any]:
    def figures(precision: float, recall: float) -> dict[str, float]:
        return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / (precision + recall)}

    return {
        "persons": figures(0.9931, 0.9713) | {
            "exact": 0.9642,
            "by_subgroup": [
                {"dimension": "age_band", "group": group, "persons": 3000, **figures(0.99, recall)}
                for group, recall in {"0 to 9": 0.985, "10 to 17": 0.98, "18 to 24": 0.951, "25 to 64": 0.97}.items()
            ],
        },
        "families": {
            "exact_membership": 0.861,
            "pairwise": figures(0.962, 0.941),
            "with_children": {"exact_membership": 0.883, "families": 2890},
        },
        "criteria": figures(0.971, 0.955) | {
            "by_criterion": [{"criterion": name, **figures(0.97, 0.95)} for name in TITLES],
        },
        "selected": figures(0.95, 0.93),
    }  # fmt: skip
