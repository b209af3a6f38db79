"""Open a delivery and judge what is in it: every row, then each table as a set. Nothing is loaded here.

The order of blame: a file that is not what was signed, then one that is not what the contract says, then rows,
then the set-level checks. The first that fails rejects the delivery.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contracts import Contract
from pipeline.errors import DeliveryError
from pipeline.ingest.landing import Landed, check_listing
from pipeline.ingest.measures import suite_frame
from pipeline.ingest.opening import History, Hub
from pipeline.ingest.parse import open_encodings, read_encodings, read_removals, read_table
from pipeline.ingest.quarantine import PERSON, QUARANTINE_SCHEMA, Sorted, hex_references, sort_rows, unknown_problems
from pipeline.ingest.registry import Case
from pipeline.ingest.suppression import leave_out
from pipeline.ingest.unsealing import opened_path, unseal
from pipeline.manifest import Manifest, SealedFile
from pipeline.records import ENCODINGS, PEOPLE, REMOVALS
from pipeline.validate import CRITICAL, CheckResult, load_suite, run_suite, run_suite_on_part, suite_path

REASONS_SHOWN = 3


def check_suites(expectations: Path, contract: Contract) -> None:
    """Raise DeclarationError unless every table of the contract has a suite that can be read."""
    for table in contract.tables:
        load_suite(suite_path(expectations, contract.partner, table.name))


def examine(
    case: Case,
    manifest: Manifest,
    hub: Hub,
    history: History,
    expectations: Path,
    folder: Path,
    tell: Callable[[float], None],
    standing: pa.Array | None = None,
) -> pa.Table:
    """Open, read and sort every table into `case.tables`, run the suites into `case.checks`; returns encodings.

    `folder` is private, and empty again afterwards. `standing`, of a delta: the references (16 bytes) of the people
    that are loaded. Raises DeliveryError; DeclarationError where a suite is wrong.
    """
    encodings = open_and_sort(case, manifest, hub, folder, tell, standing)
    for table in case.tables.values():
        # A delta may be all mended rows and rows that name nobody: what counts is their share of the whole table.
        whole = history.last.rows.get(table.table, 0) if manifest.kind == "delta" and history.last else 0
        _check_tolerance(case.landed, table, hub.contract.tolerated_problem_share, max(table.delivered, whole))
    case.checks += _run_suites(case, manifest, hub.contract, history, expectations)
    check_expectations(case.landed, case.checks)
    tell(1.0)
    return encodings


def open_and_sort(
    case: Case,
    manifest: Manifest,
    hub: Hub,
    folder: Path,
    tell: Callable[[float], None],
    standing: pa.Array | None = None,
) -> pa.Table:
    """As `examine`, without judging the tables as sets: for a delivery that was judged when it came."""
    check_listing(case.landed, manifest)
    unseal(case.landed, manifest, hub.identity, folder, lambda share: tell(0.4 * share))
    files = {file.table: file for file in manifest.files}
    delivered_rows = _sort_tables(case, hub, files, folder, standing)
    tell(0.6)
    people = case.tables[PEOPLE].loaded
    file = files[ENCODINGS]
    parquet = open_encodings(case.landed, file, opened_path(folder, file), hub.encoding, len(delivered_rows))
    encodings = read_encodings(case.landed, file, parquet, hub.encoding, people, delivered_rows)
    parquet.close()
    opened_path(folder, file).unlink()
    tell(0.8)
    return encodings


def _sort_tables(
    case: Case, hub: Hub, files: dict[str, SealedFile], folder: Path, standing: pa.Array | None
) -> pa.Array:
    """Sort every delivered table, people first; returns the row numbers of all delivered people."""
    people: pa.Array | None = None
    delivered_rows: pa.Array | None = None
    if standing is not None:
        _read_affected(case, hub, files, folder, standing)
    for table in sorted(hub.contract.tables, key=lambda table: table.name != PEOPLE):
        if table.name not in files:
            continue
        file = files[table.name]
        content = read_table(case.landed, file, opened_path(folder, file), table, may_be_empty=standing is not None)
        opened_path(folder, file).unlink()
        unknown = unknown_problems(content, table)
        if unknown:
            raise case.landed.refusal(
                "unknown_problem",
                f"{unknown} rows carry a problem code that the hub does not know.",
                "bring kit and hub to the same version, and deliver again.",
                file.name,
            )
        kept = leave_out(case, content, table, hub.suppressed)
        done = replace(sort_rows(kept, table, hub.vocabulary, people), suppressed=content.num_rows - kept.num_rows)
        case.tables[table.name] = done
        if table.name == PEOPLE:
            people = pa.concat_arrays([_whole(done.loaded["person_ref"]), case.others])
            delivered_rows = _whole(content["row"])
    return delivered_rows


def _read_affected(case: Case, hub: Hub, files: dict[str, SealedFile], folder: Path, standing: pa.Array) -> None:
    """Note in the case everybody whom a delta is about, those who are gone, and who else is loaded."""
    file = files[REMOVALS]
    removed = read_removals(case.landed, file, opened_path(folder, file))
    opened_path(folder, file).unlink()
    case.tables[REMOVALS] = Sorted(REMOVALS, removed, QUARANTINE_SCHEMA.empty_table())
    named = [_whole(removed[PERSON])]
    for table in hub.contract.tables:
        if table.name in files:
            path = opened_path(folder, files[table.name])
            content = read_table(case.landed, files[table.name], path, table, may_be_empty=True)
            named.append(hex_references(content[PERSON]))
    case.affected = pc.unique(pa.concat_arrays(named)).drop_null()
    case.others = standing.filter(pc.invert(pc.is_in(standing, value_set=case.affected)))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _check_tolerance(landed: Landed, table: Sorted, tolerated: float, of_rows: int) -> None:
    if table.quarantined.num_rows <= tolerated * of_rows:
        return
    told = [
        f"{reason} in {column} ({count} rows, first in lines {', '.join(map(str, table.first_rows(reason, column)))})"
        for (reason, column), count in table.reasons().most_common(REASONS_SHOWN)
    ]
    raise landed.refusal(
        "too_many_problems",
        f"{table.quarantined.num_rows} of {of_rows} rows have a problem, more than the "
        f"{tolerated:.0%} that the contract tolerates: {'; '.join(told)}.",
        "mend these lines of the extract at the partner (its kit lists them all), and deliver again.",
        table.table,
    )


def _run_suites(
    case: Case, manifest: Manifest, contract: Contract, history: History, expectations: Path
) -> list[CheckResult]:
    people = pa.concat_arrays([_whole(case.tables[PEOPLE].loaded["person_ref"]), case.others])
    last = history.last
    results: list[CheckResult] = []
    for name, sorted_table in case.tables.items():
        if name == REMOVALS:
            continue
        path = suite_path(expectations, contract.partner, name)
        frame = suite_frame(
            contract.table(name), sorted_table.loaded, people, manifest.period_to, last.period_to if last else None
        )
        wanted = [column for column in frame.columns if column in load_suite(path).columns()]
        frame = frame[wanted] if wanted else frame
        if manifest.kind == "delta":
            results += run_suite_on_part(path, frame)
        else:
            results += run_suite(path, frame)
    return results


def check_expectations(landed: Landed, checks: list[CheckResult]) -> None:
    """Raise DeliveryError for the first critical expectation that is not met."""
    failed = next((check for check in checks if check.severity == CRITICAL and not check.success), None)
    if failed is not None:
        raise refusal_of(landed, failed)


def refusal_of(landed: Landed, failed: CheckResult) -> DeliveryError:
    """The error for a critical expectation that the delivery does not meet."""
    column = f" on {failed.column}" if failed.column else ""
    return landed.refusal(
        "expectation_failed",
        f"{failed.expectation}{column} is not met. Why it is expected: {failed.why}",
        f"ask the partner; if the data are right, change the limit in expectations/{failed.suite}.json, and have the "
        "delivery sent again.",
        f"suite {failed.suite}",
    )
