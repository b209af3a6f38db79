"""Bad content inside well-signed deliveries: columns, files and rows; refused with a code, told without a value."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline.ingest.history import ONCE_ACCEPTED
from pipeline.manifest import MANIFEST_FILE, Manifest
from pipeline.settings import Settings
from tests.ingest.site import Site, changed, replaced, resign
from tests.ingest.stocked import ACCEPTED_BEFORE, Hub, hub, stocked

__all__ = ["hub", "stocked"]  # fixtures


def first(rows: list[dict[str, str]], number: int, **cells: str) -> None:
    for row in rows[:number]:
        row |= cells


# --- agreement and contract


def with_declarations(hub: Hub, file: str, change: Callable[[dict], None]) -> None:
    home = hub.site.settings.home
    shutil.copytree(hub.site.settings.declarations, home / "schemas")
    path = home / "schemas" / file
    document = yaml.safe_load(path.read_text())
    change(document)
    path.write_text(yaml.safe_dump(document))
    hub.site = Site(Settings(home=home, declarations=home / "schemas"))


def test_column_not_covered_by_the_agreement(hub: Hub) -> None:
    hub.deliver()

    def narrowed(document: dict) -> None:
        document["feeds"][0]["columns"]["people"].remove("nino")

    with_declarations(hub, "agreements/whole-family-2012.yaml", narrowed)
    error = hub.refuses("not_covered")
    assert "nino of people" in error.rule


def test_no_agreement_in_force(hub: Hub) -> None:
    hub.deliver()
    with_declarations(hub, "agreements/whole-family-2012.yaml", lambda document: document.update(expiry="2015-03-31"))
    hub.refuses("no_agreement")


def test_column_that_the_contract_does_not_have(hub: Hub) -> None:
    hub.deliver(replaced("events", lambda content: content.replace(b"\n", b",Soroel\n")))
    assert "Soroel" not in hub.refuses("unknown_column").rule


def test_missing_column(hub: Hub) -> None:
    hub.deliver(replaced("events", lambda content: content.replace(b",quantity", b"", 1)))
    assert "quantity" in hub.refuses("missing_column").rule


def test_no_header(hub: Hub) -> None:
    hub.deliver(replaced("people", lambda content: content.split(b"\n", 1)[1]))
    hub.refuses("missing_column")


def test_missing_table(hub: Hub) -> None:
    landed = hub.deliver()
    (landed / "residences.csv.age").unlink()
    manifest_files = [f for f in manifest_of(landed).files if f.table != "residences"]
    resign(landed, hub.site.keys("council"), files=tuple(manifest_files))
    hub.refuses("missing_table")


def test_table_of_another_contract(hub: Hub) -> None:
    landed = hub.deliver()
    shutil.copy(landed / "events.csv.age", landed / "attendance.csv.age")
    events = next(f for f in manifest_of(landed).files if f.table == "events")
    extra = events.model_copy(update={"table": "attendance", "name": "attendance.csv.age"})
    resign(landed, hub.site.keys("council"), files=(*manifest_of(landed).files, extra))
    hub.refuses("unknown_table")


def manifest_of(landed: Path) -> Manifest:
    return Manifest.model_validate_json((landed / MANIFEST_FILE).read_bytes())


# --- files and rows


def test_empty_file(hub: Hub) -> None:
    hub.deliver(replaced("events", lambda content: b""))
    hub.refuses("empty_file")


def test_no_rows(hub: Hub) -> None:
    hub.deliver(replaced("people", lambda content: content.split(b"\n", 1)[0] + b"\n"))
    hub.refuses("no_rows")


def test_a_line_with_another_number_of_columns(hub: Hub) -> None:
    hub.deliver(replaced("events", lambda content: content.replace(b'"child_in_need"', b"child,in,need", 1)))
    hub.refuses("bad_csv")


def test_row_numbers_that_repeat(hub: Hub) -> None:
    hub.deliver(changed("events", lambda rows: first(rows, 2, row="2")))
    hub.refuses("bad_row_numbers")


@pytest.mark.parametrize(
    ("table", "cells", "reason"),
    [
        pytest.param("events", {"code": "N99"}, "unknown_code in code", id="unknown code"),
        pytest.param("events", {"kind": "burglary"}, "unknown_code in kind", id="unknown kind"),
        pytest.param("events", {"role": "offender"}, "unknown_code in role", id="unknown role"),
        pytest.param("events", {"start_date": "14/07/2014"}, "date_form in start_date", id="wrong date form"),
        pytest.param("events", {"start_date": "2014-02-30"}, "date_form in start_date", id="day in no calendar"),
        pytest.param("events", {"start_date": ""}, "required_missing in start_date", id="required missing"),
        pytest.param("events", {"end_date": "2013-01-01"}, "end_before_start in end_date", id="end before start"),
        pytest.param("events", {"event_ref": "ab" * 16}, "duplicate_reference in event_ref", id="duplicate references"),
        pytest.param(
            "events", {"person_ref": "cd" * 16}, "unknown_person in person_ref", id="event for unknown person"
        ),
        pytest.param("people", {"person_ref": "ab" * 16}, "duplicate_reference in person_ref", id="duplicate persons"),
        pytest.param("people", {"sex": "X"}, "unknown_code in sex", id="unknown sex"),
        pytest.param("people", {"date_of_birth_month": "1980-13"}, "date_form in", id="no month"),
        pytest.param("people", {"nino_token": "AB123456C"}, "bad_pattern in nino_token", id="identifier in clear"),
        pytest.param(
            "people", {"problem": "date_form:date_of_birth"}, "date_form in date_of_birth", id="kit's problem"
        ),
        pytest.param("residences", {"postcode_area": "XB9 9ZQ"}, "bad_pattern in postcode_area", id="whole postcode"),
        pytest.param("nominations", {"rank": "0"}, "out_of_range in rank", id="out of range"),
    ],
)
def test_too_many_bad_rows(hub: Hub, table: str, cells: dict[str, str], reason: str) -> None:
    hub.deliver(changed(table, lambda rows: first(rows, 3, **cells)))
    error = hub.refuses("too_many_problems")
    assert reason in error.rule
    assert "3 of 80 rows" in error.rule
    assert error.where.endswith(table)


def test_free_text_in_a_code(hub: Hub) -> None:
    secret = "Mother says that Soroel hits her " * 3
    hub.deliver(changed("events", lambda rows: first(rows, 3, code=secret)))
    assert "Mother" not in str(hub.refuses("too_many_problems"))


def test_problem_code_nobody_knows(hub: Hub) -> None:
    hub.deliver(changed("events", lambda rows: first(rows, 1, problem="Soroel:code")))
    hub.refuses("unknown_problem")


def test_half_of_an_extract(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.site = Site(Settings(home=hub.site.settings.home, expectations=suites_without_smallest(hub)))
    hub.site.pseudonymise("council", people=20)
    hub.deliver()
    error = hub.refuses("expectation_failed")
    assert "council_feed" in error.where
    assert "overnight" in error.rule


def suites_without_smallest(hub: Hub) -> Path:
    """The suites, with drift judged for small deliveries too."""
    import json

    folder = hub.site.settings.home / "expectations"
    shutil.copytree(hub.site.settings.expectations, folder)
    path = folder / "council_feed.json"
    suite = json.loads(path.read_text())
    suite["meta"]["smallest_rows"] = 10
    path.write_text(json.dumps(suite))
    return folder


def test_nothing_was_accepted_in_this_module_but_the_stock(hub: Hub) -> None:
    with hub.database.connect() as connection:
        states = connection.execute(
            "select count(*) from registry.delivery where state = any(%s)", (list(ONCE_ACCEPTED),)
        ).fetchone()
    assert states == (len(ACCEPTED_BEFORE),)
