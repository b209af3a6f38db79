"""Great Expectations fails loudly where by itself it would pass in silence, and tells no value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.errors import DeclarationError
from pipeline.settings import PROJECT
from pipeline.validate import ROW_COUNT, load_suite, run_suite, suite_path

SCHEMAS, EXPECTATIONS = PROJECT / "schemas", PROJECT / "expectations"


def expectation(type_: str, severity: str = "critical", **kwargs: Any) -> dict:
    return {"type": type_, "kwargs": kwargs, "severity": severity, "meta": {"why": "Because."}}


def suite(folder: Path, *expectations: dict, name: str = "council_people") -> Path:
    path = folder / "council_people.json"
    path.write_text(json.dumps({"name": name, "expectations": expectations}))
    return path


FRAME = pd.DataFrame({"ref": [1.0, 2.0, 2.0, np.nan], "secret": ["Soroel", "Boroel", None, "Soroel"]})
ROWS = expectation(ROW_COUNT, min_value=1)
PAIR = expectation("expect_column_pair_values_a_to_be_greater_than_b", column_A="secret", column_B="ref")
UNIQUE = expectation("expect_column_values_to_be_unique", "warning", column="ref")


def test_results_come_in_the_suites_order_with_severity_and_why(tmp_path: Path) -> None:
    results = run_suite(suite(tmp_path, UNIQUE, ROWS), FRAME)
    assert [(r.suite, r.expectation, r.column, r.severity, r.success, r.why) for r in results] == [
        ("council_people", "expect_column_values_to_be_unique", "ref", "warning", False, "Because."),
        ("council_people", ROW_COUNT, None, "critical", True, "Because."),
    ]


def test_no_value_in_results_or_logs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    path = suite(tmp_path, expectation("expect_column_values_to_be_in_set", column="secret", value_set=["x"]))
    results = run_suite(path, FRAME)
    out, err = capfd.readouterr()
    told = f"{results}{caplog.text}{out}{err}"
    assert not results[0].success
    assert "oroel" not in told
    assert out == err == ""


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([], "no expectations"),
        ([ROWS, expectation("expect_nonsense", column="ref")], "expect_nonsense"),
        ([ROWS, expectation("expect_column_values_to_be_unique", column="reff")], "reff"),
        ([ROWS, expectation("expect_column_values_to_be_unique", column="ref", mostly="Soroel")], "does not know"),
        ([PAIR], "could be evaluated"),
        ([ROWS | {"severity": "fatal"}], "severity"),
        ([ROWS | {"meta": {}}], "meta.why"),
    ],
    ids=["empty", "unknown", "no such column", "bad argument", "cannot be evaluated", "severity", "why"],
)
def test_a_suite_that_would_pass_in_silence_is_refused(tmp_path: Path, entries: list[dict], says: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        run_suite(suite(tmp_path, *entries), FRAME)
    assert says in str(caught.value)
    assert "oroel" not in str(caught.value)


def test_a_suite_is_named_as_its_file(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="named as its file"):
        load_suite(suite(tmp_path, ROWS, name="police_people"))


def test_a_table_without_a_suite_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="no expectation suite"):
        run_suite(suite_path(tmp_path, "probation", "people"), FRAME)


# --- the suites of this project


CONTRACTS = load_contracts(SCHEMAS, load_vocabulary(SCHEMAS))
FEED = "feed"
TABLES = [(partner, table.name) for partner, contract in CONTRACTS.items() for table in contract.tables]


@pytest.mark.parametrize(("partner", "table"), TABLES)
def test_every_table_has_a_suite_that_counts_rows(partner: str, table: str) -> None:
    loaded = load_suite(suite_path(EXPECTATIONS, partner, table))
    assert any(entry.type == ROW_COUNT for entry in loaded.expectations)
    assert all(len(entry.why) > 20 for entry in loaded.expectations)


def test_there_is_no_suite_without_a_table() -> None:
    named = {f"{partner}_{table}" for partner, table in [*TABLES, *((partner, FEED) for partner in CONTRACTS)]}
    assert {path.stem for path in EXPECTATIONS.glob("*.json")} == named
