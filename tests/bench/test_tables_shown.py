"""The bench's tables: what is short or worst is said in red, what is missing says why, Markdown rows fit their head."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from pipeline.bench import report
from pipeline.bench.tools import OURS

TAKEN = {"wall_seconds": 12.3, "cpu_seconds": 9.8, "peak_mb": 1234.5, "load_before": 1.0, "load_after": 1.5}
MACHINE = {
    "date": "2026-01-31", "processors": 2, "processor": "a processor", "memory_gb": 24.0, "system": "Linux x86_64",
    "python": "3.11.7", "numba": "0.61", "load": 1.5,
}  # fmt: skip


def figures(f1: float) -> dict[str, Any]:
    shares = {"precision": 0.99, "recall": 0.98, "f1": f1, "true_positives": 98, "predicted": 99, "true": 100}
    group = {"dimension": "age_band", "group": "0-9", "persons": 50, **shares, "f1": f1 - 0.02}
    return {
        "clustered": shares, "cluster": shares, "links": shares, "best": {**shares, "f1": 0.99, "threshold": 0.7},
        "subgroups": [group], "worst": {**group, "below": 0.02, "red": True},
    }  # fmt: skip


def results(f1: float) -> dict[str, Any]:
    explained = {
        "blocking": {"recall": 0.99, "passes": {"birth_initials": {"recall": 0.9, "alone": 0.1}}},
        "missed": {"never_compared": 5, "patterns": [{"decision": "possible", "pattern": "surname same", "size": 3}]},
        "wrong": {"not_compared": 1, "patterns": [{"pattern": "surname same | sex differs", "size": 2}]},
    }
    ours = {
        "tool": OURS, "missing": None, "quality": figures(f1), "blocking_recall": 0.99, "taken": TAKEN, "encode": TAKEN,
        "explained": explained,
    }  # fmt: skip
    return {
        "machine": MACHINE,
        "datasets": [
            {
                "name": "hand", "title": "by hand", "records": 1234,
                "target": {"f1": 0.99, "ours": f1, "beside": "splink", "besides_f1": 0.98, "reached": f1 >= 0.99},
                "tools": [ours, {"tool": "anonlink", "missing": "cannot be installed on Python 3.14"}],
            }
        ],
    }  # fmt: skip


def shown(found: dict[str, Any], errors: bool = False) -> str:
    console = Console(file=io.StringIO(), width=160, force_terminal=True, color_system="standard", record=True)
    console.print(report.link_tables(found, errors=errors))
    return console.export_text(styles=True)


def test_short_and_worst_are_red() -> None:
    text = shown(results(0.97))
    assert "\x1b[1;31mF1 to reach 0.9900, splink in clear 0.9800; ours 0.9700: short" in text
    assert "\x1b[1;31mworst group age band 0-9: F1 0.9500, 2.00 points below the whole" in text
    assert "\x1b[32mF1 to reach 0.9900" in shown(results(0.995))


def test_a_missing_tool_says_why_and_costs_are_apart() -> None:
    text = shown(results(0.97))
    assert "cannot be installed" in text
    assert "ours: encode" in text
    assert "ours: link" in text
    assert "load at the end 1.5" in text


def test_errors_are_shown_on_request() -> None:
    assert "found by it alone" not in shown(results(0.97))
    assert "found by it alone" in shown(results(0.97), errors=True)


def test_markdown_has_as_many_cells_in_every_row_as_in_the_head() -> None:
    text = report.markdown(results(0.97), "wholefamily bench link --dataset hand")
    assert "`wholefamily bench link --dataset hand`" in text
    assert "**worst group age band 0-9" in text
    for block in text.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) <= 1, block


def test_speed_is_told_in_multiples() -> None:
    speed = {
        "comparisons": {
            "likeness_one_core": 2e8, "likeness_all_cores": 3e8, "whole_model_all_cores": 5e7,
            "recordlinkage_jaro_winkler": 2e5,
        },
        "pseudonymise": {"people_per_second": 1e5, "rows_per_second": 5e5, "encode": 3e5, "clkhash": 2e4},
    }  # fmt: skip
    rows = {row[0]: row[1:] for row in report.speed_rows(speed)}
    assert rows["comparisons: one name, all cores"] == ["300,000,000", "1,500.0"]
    assert rows["pseudonymise: people, raw to draft"] == ["100,000", "5.0"]
    del speed["pseudonymise"]["clkhash"]
    speed["pseudonymise"]["clkhash_missing"] = "no Python"
    assert {row[0]: row[1:] for row in report.speed_rows(speed)}["clkhash: one CLK a record"] == ["no Python", "–"]
