"""Every delivered row ends in exactly one place, with the first reason that holds: small tables, and properties."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contracts import Table, load_contract, load_vocabulary
from pipeline.errors import DeclarationError
from pipeline.ingest.quarantine import KIT_PROBLEMS, Sorted, sort_rows
from pipeline.settings import PROJECT

SCHEMAS = PROJECT / "schemas"
VOCABULARY = load_vocabulary(SCHEMAS)
COUNCIL = load_contract(SCHEMAS / "extracts" / "council.yaml", VOCABULARY)
SCHOOLS = load_contract(SCHEMAS / "extracts" / "schools.yaml", VOCABULARY)
EVENTS, PEOPLE, RESIDENCES = (COUNCIL.table(name) for name in ("events", "people", "residences"))
ENROLMENTS, ATTENDANCE = (SCHOOLS.table(name) for name in ("enrolments", "attendance"))
ANNA, BEN = "a" * 32, "b" * 32
KNOWN = pa.array([bytes.fromhex(ANNA), bytes.fromhex(BEN)], pa.binary(16))


def delivered(table: Table, *rows: dict[str, str | None]) -> pa.Table:
    """Rows as parse.read_table gives them; columns that a row leaves out are empty."""
    columns: dict[str, pa.Array] = {"row": pa.array(range(2, len(rows) + 2), pa.int64())}
    for name in table.delivered_header()[1:]:
        columns[name] = pa.chunked_array([pa.array([row.get(name) for row in rows], pa.string())])
    return pa.table(columns)


def event(ref: int = 1, person: str = ANNA, **cells: str | None) -> dict[str, str | None]:
    usual = {"kind": "child_in_need", "code": "N1", "start_date": "2014-01-06"}
    return {"event_ref": f"{ref:032x}", "person_ref": person} | usual | cells


def verdicts(done: Sorted) -> dict[int, tuple[str, str]]:
    rows = done.quarantined.to_pylist()
    return {row["row"]: (row["reason"], row["column"]) for row in rows}


def sort_events(*rows: dict[str, str | None]) -> Sorted:
    return sort_rows(delivered(EVENTS, *rows), EVENTS, VOCABULARY, KNOWN)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({}, None),
        ({"problem": "bad_pattern:quantity", "code": "N99"}, ("bad_pattern", "quantity")),
        ({"event_ref": None}, ("required_missing", "event_ref")),
        ({"event_ref": "A" * 32}, ("bad_pattern", "event_ref")),
        ({"kind": None}, ("required_missing", "kind")),
        ({"kind": "burglary"}, ("unknown_code", "kind")),
        ({"kind": "suspension", "code": "PP"}, ("unknown_code", "kind")),  # a kind, but not of this contract
        ({"code": "N99"}, ("unknown_code", "code")),
        ({"code": None}, ("unknown_code", "code")),
        ({"kind": "asb_order", "code": None, "role": "offender"}, None),
        ({"kind": "asb_order", "code": None, "role": "victim"}, ("unknown_code", "role")),
        ({"kind": "asb_order", "code": None, "role": None}, ("unknown_code", "role")),
        ({"kind": "asb_order", "code": "N1", "role": "offender"}, ("unknown_code", "code")),
        ({"role": "offender"}, ("unknown_code", "role")),
        ({"start_date": None}, ("required_missing", "start_date")),
        ({"start_date": "06/01/2014"}, ("date_form", "start_date")),
        ({"start_date": "2014-1-6"}, ("date_form", "start_date")),
        ({"start_date": "2013-02-29"}, ("date_form", "start_date")),
        ({"start_date": "0014-01-06"}, ("date_form", "start_date")),
        ({"end_date": "2014-01-05"}, ("end_before_start", "end_date")),
        ({"end_date": "2014-01-06"}, None),
        ({"quantity": "12.5"}, None),
        ({"quantity": "12,5"}, ("bad_pattern", "quantity")),
        ({"quantity": "inf"}, ("bad_pattern", "quantity")),
        ({"person": "c" * 32}, ("unknown_person", "person_ref")),
    ],
)
def test_the_first_reason_that_holds(cells: dict[str, str | None], expected: tuple[str, str] | None) -> None:
    done = sort_events(event(**cells))
    assert verdicts(done) == ({2: expected} if expected else {})


def test_all_twins_are_quarantined() -> None:
    done = sort_events(event(1), event(2), event(1, BEN), event(3))
    duplicate = ("duplicate_reference", "event_ref")
    assert verdicts(done) == {2: duplicate, 4: duplicate}
    assert done.loaded["row"].to_pylist() == [3, 5]


def test_a_twin_with_another_problem_still_makes_its_twin_one() -> None:
    done = sort_events(event(1, code="N99"), event(1))
    assert verdicts(done) == {2: ("unknown_code", "code"), 3: ("duplicate_reference", "event_ref")}


def test_people_need_only_a_reference() -> None:
    content = delivered(PEOPLE, {"person_ref": ANNA}, {"person_ref": BEN, "date_of_birth_month": "2001-02", "sex": "F"})
    done = sort_rows(content, PEOPLE, VOCABULARY, None)
    assert verdicts(done) == {}
    assert [str(day) for day in done.loaded["date_of_birth_month"].to_pylist()] == ["None", "2001-02-01"]


def test_a_whole_postcode_never_comes_in_as_an_area() -> None:
    content = delivered(
        RESIDENCES, *({"person_ref": ANNA, "postcode_area": area} for area in ("XB9", "XB9 9ZZ", "XB99ZZ"))
    )
    done = sort_rows(content, RESIDENCES, VOCABULARY, KNOWN)
    assert verdicts(done) == dict.fromkeys((3, 4), ("bad_pattern", "postcode_area"))


def test_ranges_and_patterns_are_the_contracts() -> None:
    usual = {
        "person_ref": ANNA, "term": "2014-spring", "term_start": "2014-01-06", "term_end": "2014-04-04",
        "sessions_possible": "120", "sessions_authorised": "0", "sessions_unauthorised": "0",
    }  # fmt: skip
    content = delivered(
        ATTENDANCE,
        usual,
        usual | {"sessions_possible": "201"},
        usual | {"sessions_authorised": "-1"},
        usual | {"sessions_unauthorised": "ten"},
        usual | {"term": "spring 2014"},
        usual | {"term_end": "2014-01-05"},
    )
    assert verdicts(sort_rows(content, ATTENDANCE, VOCABULARY, KNOWN)) == {
        3: ("out_of_range", "sessions_possible"),
        4: ("out_of_range", "sessions_authorised"),
        5: ("bad_pattern", "sessions_unauthorised"),
        6: ("bad_pattern", "term"),
        7: ("end_before_start", "term_end"),
    }


def test_booleans() -> None:
    rows = ({"person_ref": ANNA, "setting": "none", "start_date": "2014-01-06", "because_excluded": flag} for flag in
            ("true", "false", None, "yes", "True"))  # fmt: skip
    done = sort_rows(delivered(ENROLMENTS, *rows), ENROLMENTS, VOCABULARY, KNOWN)
    assert verdicts(done) == dict.fromkeys((5, 6), ("unknown_code", "because_excluded"))
    assert done.loaded["because_excluded"].to_pylist() == [True, False, None]


def test_a_reference_to_another_table_than_people_is_a_fault_of_the_contract() -> None:
    with pytest.raises(DeclarationError):
        sort_rows(delivered(EVENTS, event()), EVENTS, VOCABULARY, None)


# --- properties


CELLS = st.one_of(
    st.none(),
    st.sampled_from([ANNA, BEN, "2014-01-06", "2014-02-30", "N1", "offender", "child_in_need", "true", "1.5", "-1"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12).filter(bool),
)
TABLES = [EVENTS, PEOPLE, RESIDENCES, ENROLMENTS, ATTENDANCE]


@st.composite
def any_delivery(draw: st.DrawFn) -> tuple[Table, list[dict[str, str | None]]]:
    table = draw(st.sampled_from(TABLES))
    names = table.delivered_header()[2:]
    row = st.fixed_dictionaries(dict.fromkeys(names, CELLS))
    problems = st.sampled_from([None, None, None, *(f"{code}:{names[-1]}" for code in KIT_PROBLEMS)])
    rows = draw(st.lists(st.tuples(row, problems), max_size=8))
    return table, [cells | {"problem": problem} for cells, problem in rows]


def sort_any(table: Table, rows: list[dict[str, str | None]]) -> Sorted:
    return sort_rows(delivered(table, *rows), table, VOCABULARY, None if table is PEOPLE else KNOWN)


@settings(max_examples=150, deadline=None)
@given(any_delivery())
def test_delivered_is_loaded_plus_quarantined(delivery: tuple[Table, list[dict[str, str | None]]]) -> None:
    table, rows = delivery
    done = sort_any(table, rows)
    loaded, quarantined = done.loaded["row"].to_pylist(), done.quarantined["row"].to_pylist()
    assert sorted(loaded + quarantined) == list(range(2, len(rows) + 2))
    assert done.delivered == len(rows)
    assert all(reason and column for reason, column in verdicts(done).values())


@settings(max_examples=60, deadline=None)
@given(any_delivery(), st.randoms())
def test_the_order_of_rows_does_not_matter(delivery: tuple[Table, list[dict[str, str | None]]], random: object) -> None:
    table, rows = delivery
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    straight = verdicts(sort_any(table, rows))
    shuffled = verdicts(sort_any(table, [rows[n] for n in order]))
    assert {order[row - 2] + 2: verdict for row, verdict in shuffled.items()} == straight


@settings(max_examples=60, deadline=None)
@given(any_delivery())
def test_sorting_what_was_loaded_again_loads_it_all(delivery: tuple[Table, list[dict[str, str | None]]]) -> None:
    table, rows = delivery
    kept = [rows[row - 2] for row in sort_any(table, rows).loaded["row"].to_pylist()]
    assert sort_any(table, kept).quarantined.num_rows == 0
