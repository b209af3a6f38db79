"""Set-level checks: Great Expectations suites of `expectations/`, run so that nothing fails in silence.

The only importer of great_expectations, and only inside functions: the import takes seconds. Left to itself it
drops an expectation that it does not know, passes an empty suite, puts values of rows into results, and sends
usage statistics; here each of these is refused or switched off. Which suite rejects a delivery, and what is
recorded of it, is not decided here.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import DeclarationError

CRITICAL, WARNING = "critical", "warning"
SEVERITIES = (CRITICAL, WARNING)
ROW_COUNT = "expect_table_row_count_to_be_between"
COLUMN_ARGUMENTS = ("column", "column_A", "column_B")


@dataclass(frozen=True)
class CheckResult:
    """One expectation of one suite, and whether the rows met it. Holds no value of a row."""

    suite: str
    expectation: str
    column: str | None
    severity: str
    success: bool
    why: str


@dataclass(frozen=True)
class Expectation:
    """One entry of a suite."""

    type: str
    arguments: dict[str, Any]
    severity: str
    why: str

    @property
    def columns(self) -> tuple[str, ...]:
        single = [self.arguments[key] for key in COLUMN_ARGUMENTS if key in self.arguments]
        return (*single, *self.arguments.get("column_list", ()))


@dataclass(frozen=True)
class Suite:
    """One suite file: its name, its expectations in order, and what else it says of itself."""

    name: str
    path: Path
    expectations: tuple[Expectation, ...]
    meta: dict[str, Any] = field(default_factory=dict)

    def columns(self) -> frozenset[str]:
        """The columns that a frame needs for this suite."""
        return frozenset(name for expectation in self.expectations for name in expectation.columns)


def suite_path(expectations: Path, partner: str, table: str) -> Path:
    """Where the suite of a partner's table stands."""
    return expectations / f"{partner}_{table}.json"


def load_suite(path: Path) -> Suite:
    """One suite. Raises DeclarationError when it is missing or empty, or an entry lacks its severity or its why."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _declaration(
            path, "this partner's table has no expectation suite.", "write one; compare one beside it."
        ) from None
    except (ValueError, OSError):
        raise _declaration(path, "this is not readable JSON.", "mend it.") from None
    entries = document.get("expectations") if isinstance(document, dict) else None
    if not entries or not isinstance(entries, list):
        raise _declaration(path, "the suite has no expectations, so it would pass anything.", "add some.")
    if document.get("name") != path.stem:
        raise _declaration(path, "a suite is named as its file.", "mend 'name', or rename the file.")
    declared = tuple(_expectation(path, number, entry) for number, entry in enumerate(entries, 1))
    return Suite(path.stem, path, declared, dict(document.get("meta") or {}))


def run_suite(path: Path, frame: pd.DataFrame) -> list[CheckResult]:
    """Every expectation of a suite over a frame, in the suite's order.

    Raises DeclarationError when the suite is empty, names an expectation that Great Expectations does not have or a
    column that the frame does not have, or when an expectation could not be evaluated.
    """
    suite = load_suite(path)
    missing = sorted(suite.columns() - {str(name) for name in frame.columns})
    if missing:
        raise _declaration(
            path, f"it names columns that the table does not have: {', '.join(missing)}.", "use the contract's names."
        )
    declared = list(suite.expectations)
    outcomes = _evaluate(suite, declared, frame)
    return [
        CheckResult(
            suite=suite.name,
            expectation=expectation.type,
            column=", ".join(expectation.columns) or None,
            severity=expectation.severity,
            success=outcomes[number],
            why=expectation.why,
        )
        for number, expectation in enumerate(declared)
    ]


def run_suite_on_part(path: Path, frame: pd.DataFrame) -> list[CheckResult]:
    """A suite over the rows of a delta: what holds for every row is asked as ever; a share or an extreme of a handful
    of rows says little, so it warns at most; how many rows there are says nothing, so it is not asked."""
    suite = load_suite(path)
    asked = []
    for expectation, result in zip(suite.expectations, run_suite(path, frame), strict=True):
        if expectation.type == ROW_COUNT:
            continue
        every_row = expectation.type.startswith("expect_column_values_") and expectation.arguments.get("mostly", 1) == 1
        asked.append(result if every_row else replace(result, severity=WARNING))
    return asked


def _expectation(path: Path, number: int, entry: Any) -> Expectation:
    meta = entry.get("meta", {}) if isinstance(entry, dict) else {}
    if not meta.get("why") or entry.get("severity") not in SEVERITIES or not isinstance(entry.get("type"), str):
        raise _declaration(
            path,
            f"expectation {number} needs a type, a severity ({' or '.join(SEVERITIES)}) and meta.why.",
            "add what is missing.",
        )
    return Expectation(entry["type"], dict(entry.get("kwargs", {})), entry["severity"], meta["why"])


def _evaluate(suite: Suite, declared: list[Expectation], frame: pd.DataFrame) -> dict[int, bool]:
    gx = _quiet_great_expectations()
    entries = [
        {"type": entry.type, "kwargs": entry.arguments, "severity": entry.severity, "meta": {"number": number}}
        for number, entry in enumerate(declared)
    ]
    try:
        built = gx.ExpectationSuite(name=suite.name, expectations=entries)
    except (ValueError, TypeError):  # arguments that do not fit; the cause repeats them
        built = gx.ExpectationSuite(name=suite.name)
    if len(built.expectations) != len(declared):
        kept = {expectation.expectation_type for expectation in built.expectations}
        unknown = sorted({entry.type for entry in declared} - kept)
        raise _declaration(
            suite.path,
            f"Great Expectations does not know one of these, or not with these kwargs: {', '.join(unknown)}.",
            "mend its type or its kwargs.",
        )
    source = _data_source()
    asset = source.add_dataframe_asset(suite.name)
    try:
        batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
        results = batch.validate(built, result_format="BOOLEAN_ONLY").results
    finally:
        source.delete_asset(suite.name)
    outcomes = {int(result.expectation_config.meta["number"]): bool(result.success) for result in results}
    broken = [result.expectation_config.type for result in results if _raised(result.exception_info)]
    if broken or not outcomes or len(outcomes) != len(declared):
        raise _declaration(
            suite.path,
            f"not every expectation could be evaluated ({', '.join(broken) or 'some gave no result'}).",
            "check that it fits the column's type.",
        )
    return outcomes


def _raised(exception_info: dict[str, Any] | None) -> bool:
    # One flat record, or one per metric that failed.
    flat = exception_info or {}
    return bool(flat.get("raised_exception")) or any(
        isinstance(nested, dict) and nested.get("raised_exception") for nested in flat.values()
    )


def _quiet_great_expectations() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when it is imported
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of its own parts, when it is imported
        import great_expectations
    logging.captureWarnings(False)  # it turns every warning of the process into log lines

    # An unknown expectation is logged with a traceback and dropped; counting what was kept says it better.
    for name in _loggers():
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return great_expectations


def _loggers() -> Iterator[str]:
    yield "great_expectations"
    yield from (name for name in list(logging.root.manager.loggerDict) if name.startswith("great_expectations."))


@lru_cache(maxsize=1)
def _data_source() -> Any:
    """A source of data frames in an ephemeral context: nothing of it is written anywhere; no progress bars."""
    from great_expectations import get_context
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context.data_sources.add_pandas("deliveries")


def _declaration(path: Path, rule: str, remedy: str) -> DeclarationError:
    return DeclarationError(where=f"expectations/{path.name}", rule=rule, remedy=remedy)
