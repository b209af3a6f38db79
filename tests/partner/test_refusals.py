"""What an extract is refused for: where, which rule, what to do, and not one value of the file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import ExtractError
from pipeline.settings import PROJECT
from tests.partner.kit import Cells, council_extract, delivered, run_kit, write_extract

Tables = dict[str, Cells]


def cells_of(tables: Tables) -> set[str]:
    """Every cell that a person could be known by; short ones would be found by accident."""
    return {cell for rows in tables.values() for row in rows[1:] for cell in row if len(cell) > 4}


def refused(raw: Path, tables: Tables, *said: str) -> ExtractError:
    """Pseudonymise, expect a refusal that says these words, leaves no draft and shows no value."""
    out = raw.parent / "draft"
    with pytest.raises(ExtractError) as caught:
        run_kit(raw, out)
    error = caught.value
    assert not out.exists()
    assert not list(raw.parent.glob(".*partial"))
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    text = str(error)
    for word in said:
        assert word in text, text
    kinds = {"child_in_need", "escalating", "parent"}
    shown = text.replace(str(raw), "")
    assert not [cell for cell in cells_of(tables) - kinds if cell in shown], text
    return error


def column(tables: Tables, table: str, name: str) -> int:
    return tables[table][0].index(name)


def change(table: str, name: str, value: str, every: int = 1) -> Callable[[Tables], None]:
    def apply(tables: Tables) -> None:
        at = column(tables, table, name)
        for row in tables[table][1::every]:
            row[at] = value

    return apply


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (change("events", "start_date", "01/05/2013"), ("events.csv", "start_date", "date_form", "line 2, 3, 4")),
        (change("people", "date_of_birth", "31-31-1980"), ("people.csv", "date_of_birth", "date_form")),
        (change("events", "kind", "witchcraft"), ("events.csv", "column kind", "unknown_code")),
        (change("events", "code", "Q99zz"), ("events.csv", "column code", "unknown_code")),
        (change("events", "role", "offender"), ("events.csv", "column role", "unknown_code")),
        (change("people", "sex", "Martian"), ("people.csv", "column sex", "unknown_code")),
        (change("people", "person_ref", "CASE-00007"), ("people.csv", "person_ref", "duplicate_reference")),
        (change("events", "event_ref", "EVT-77777"), ("events.csv", "event_ref", "duplicate_reference")),
        (change("events", "person_ref", "CASE-99999"), ("events.csv", "person_ref", "unknown_person")),
        (change("relationships", "related_person_ref", "NOBODY-1"), ("relationships.csv", "unknown_person")),
        (change("relationships", "relation", ""), ("relationships.csv", "relation", "required_missing")),
        (change("nominations", "rank", "0"), ("nominations.csv", "rank", "out_of_range")),
        (change("nominations", "rank", "1st!"), ("nominations.csv", "rank", "bad_pattern")),
        (change("events", "quantity", "lots and lots"), ("events.csv", "quantity", "bad_pattern")),
        (change("events", "start_date", "0213-05-01"), ("events.csv", "start_date", "out_of_range")),
    ],
)  # fmt: skip
def test_too_many_problems(tmp_path: Path, broken: Callable[[Tables], None], said: tuple[str, ...]) -> None:
    tables = council_extract()
    broken(tables)
    refused(write_extract(tables, tmp_path / "raw"), tables, *said, "tolerates 2.0%")


def test_a_bad_value_is_not_shown_either(tmp_path: Path) -> None:
    tables = council_extract()
    change("people", "date_of_birth", "born in Peculiarville")(tables)
    error = refused(write_extract(tables, tmp_path / "raw"), tables, "date_form")
    assert "Peculiarville" not in str(error) + repr(error)


@pytest.mark.parametrize(
    ("rewrite", "said"),
    [
        (lambda data: b"", ("people.csv", "is empty")),
        (lambda data: b"\n\n", ("people.csv", "is empty")),
        (lambda data: data.splitlines(keepends=True)[0], ("people.csv", "no person")),
        (lambda data: data.splitlines()[0], ("people.csv", "no person")),
        (lambda data: data.decode().encode("utf-16"), ("people.csv", "UTF-16", "utf-8")),
        (lambda data: data.decode().encode("utf-16-le"), ("people.csv", "zero bytes")),
        (lambda data: data.replace("Ó Súil".encode(), "Ó Súil".encode("cp1252")), ("people.csv", "line 58 is not")),
        (lambda data: data.replace(b"date_of_birth", b"birthday"), ("line 1", "no column date_of_birth")),
        (lambda data: data.replace(b",sex,", b",surname,"), ("column surname", "more than once")),
        (lambda data: b"\n".join(data.splitlines()[1:]), ("line 1", "no column person_ref")),
        (lambda data: data.replace(b",", b";"), ("line 1", "separated by commas")),
        (lambda data: data.replace(b"Secretmiddle,", b"Secret,middle,", 2), ("line 2, 3 has not 9 cells",)),
        (lambda data: data.replace(b"Secretmiddle", b'"Secretmiddle', 1), ("people.csv",)),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, rewrite: Callable[[bytes], bytes], said: tuple[str, ...]) -> None:
    tables = council_extract()
    raw = write_extract(tables, tmp_path / "raw")
    path = raw / "people.csv"
    path.write_bytes(rewrite(path.read_bytes()))
    refused(raw, tables, *said)


def test_a_quotation_mark_that_is_never_closed(tmp_path: Path) -> None:
    tables = council_extract()
    raw = write_extract(tables, tmp_path / "raw")
    path = raw / "residences.csv"
    text = path.read_text()
    path.write_text(text.replace(",1 Gooseberry", ',"1 Gooseberry', 1) + '",XB1 1AA,,\n')
    refused(raw, tables, "residences.csv", "column address", "quotation mark")


def test_a_missing_file(tmp_path: Path) -> None:
    tables = council_extract()
    raw = write_extract(tables, tmp_path / "raw")
    (raw / "events.csv").unlink()
    refused(raw, tables, "events.csv", "missing", "header line alone")
    refused(tmp_path / "nowhere", tables, "does not exist")


def test_what_is_tolerated(tmp_path: Path) -> None:
    """A byte-order mark, Windows line ends, blank lines, other case in the header, columns nobody asked for, an
    optional table left out, a table with nothing to report."""
    tables = council_extract()
    tables["people"] = [[*row, "secret note"] for row in tables["people"]]
    tables["people"][0] = [name.upper() for name in tables["people"][0][:-1]] + ["shoe_size"]
    tables["relationships"] = tables["relationships"][:1]
    del tables["nominations"]
    raw = write_extract(tables, tmp_path / "raw")
    path = raw / "people.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n\r\n")
    preview = run_kit(raw, tmp_path / "draft")
    assert preview.files["people"] == 120
    assert preview.files["relationships"] == 0
    assert "nominations" not in preview.files
    outside = [line for line in preview.lines if line.treatment == "not in the contract"]
    assert [(line.table, line.column, line.leaves_as) for line in outside] == [
        ("people", "shoe_size", "does not leave")
    ]
    assert [row["row"] for row in delivered(tmp_path / "draft", "people")] == [str(n) for n in range(2, 122)]


def test_the_partners_own_column_names(tmp_path: Path) -> None:
    """A contract may map a column of the partner's system (physicalName) to the name we use."""
    from pipeline.contracts import load_contract
    from pipeline.partner.read_extract import read_table
    from tests.partner.kit import VOCABULARY

    text = (PROJECT / "schemas/extracts/council.yaml").read_text()
    text = text.replace("  - name: surname\n", "  - name: surname\n    physicalName: FAMILY_NM\n", 1)
    (tmp_path / "council.yaml").write_text(text)
    contract = load_contract(tmp_path / "council.yaml", VOCABULARY)
    tables = council_extract(3)
    tables["people"][0][3] = "family_nm"
    raw = write_extract(tables, tmp_path / "raw")
    table = read_table(contract, contract.table("people"), raw / "people.csv")
    assert not table.columns["surname"].missing.any()


def test_line_numbers_where_cells_hold_line_breaks(tmp_path: Path) -> None:
    tables = council_extract(3)
    at = column(tables, "residences", "address")
    tables["residences"][1][at] = "1 Gooseberry Lane,\nUpper Peculiar"
    raw = write_extract(tables, tmp_path / "raw")
    run_kit(raw, tmp_path / "draft")
    assert [row["row"] for row in delivered(tmp_path / "draft", "residences")] == ["2", "4", "5"]


def test_rows_with_a_problem_stay_and_are_told(tmp_path: Path) -> None:
    tables = council_extract(300)
    events, people = tables["events"], tables["people"]
    events[3][column(tables, "events", "start_date")] = "yesterday"
    events[5][column(tables, "events", "person_ref")] = "CASE-99999"
    people[7][column(tables, "people", "sex")] = "Martian"
    people[9] = list(people[8])  # the same row twice: the first stands
    del tables["relationships"][1:], tables["nominations"][1:], tables["residences"][1:]
    del events[6:]
    events += [[f"MORE-{n}", "CASE-00001", "child_in_need", "N1", "", "2013-01-01", "", ""] for n in range(200)]
    preview = run_kit(write_extract(tables, tmp_path / "raw"), tmp_path / "draft")
    assert preview.problems == {
        "people:unknown_code:sex": 1,
        "people:duplicate_reference:person_ref": 1,
        "events:date_form:start_date": 1,
        "events:unknown_person:person_ref": 1,
    }
    rows = {name: delivered(tmp_path / "draft", name) for name in ("people", "events")}
    assert len(rows["people"]) == len(people) - 1
    assert len(rows["events"]) == len(events) - 1
    problems = {(row["row"], row["problem"]) for row in rows["people"] + rows["events"] if row["problem"]}
    assert problems == {
        ("8", "unknown_code:sex"),
        ("10", "duplicate_reference:person_ref"),
        ("4", "date_form:start_date"),
        ("6", "unknown_person:person_ref"),
    }
    assert rows["events"][2]["start_date"] == ""  # the bad cell is empty, the others stay
    assert re.fullmatch("[0-9a-f]{32}", rows["events"][2]["person_ref"])
    assert rows["people"][6]["sex"] == ""


def test_references_of_different_people_are_all_told(tmp_path: Path) -> None:
    tables = council_extract(300)
    tables["people"][5][0] = tables["people"][6][0]
    for name in ("residences", "relationships", "events"):
        tables[name] = [row for row in tables[name] if "CASE-00004" not in row]
    preview = run_kit(write_extract(tables, tmp_path / "raw"), tmp_path / "draft")
    assert preview.problems == {"people:duplicate_reference:person_ref": 2}
