"""From a raw folder to a draft: the shape the hub expects, nothing readable, the same again for the same extract."""

from __future__ import annotations

import datetime as dt
import hmac
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipeline.partner.draft import read_draft
from pipeline.partner.tokens import pseudonymise_references
from pipeline.settings import PROJECT
from tests.partner.kit import (
    CONTRACTS,
    ENCODING,
    FORENAMES,
    SURNAMES,
    Cells,
    council_extract,
    delivered,
    partner_keys,
    run_kit,
    write_extract,
)  # fmt: skip

HEX = re.compile("[0-9a-f]{32}")
FORMS = {
    "pseudonym": HEX, "token": HEX, "month": re.compile(r"\d{4}-\d{2}"), "area": re.compile("[A-Z]{1,2}[0-9][A-Z0-9]?"),
    "date": re.compile(r"\d{4}-\d{2}-\d{2}"), "integer": re.compile(r"-?\d+"), "number": re.compile(r"-?\d+(\.\d+)?"),
    "boolean": re.compile("true|false"), "string": re.compile("[A-Za-z0-9_/-]+"),
}  # fmt: skip


@pytest.fixture(scope="module")
def draft(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit")
    run_kit(write_extract(council_extract(), folder / "raw"), folder / "draft")
    return folder / "draft"


@pytest.mark.parametrize("partner", sorted(CONTRACTS))
def test_the_example_of_a_dozen_people_goes_through(partner: str, tmp_path: Path) -> None:
    out = tmp_path / "draft"
    preview = run_kit(PROJECT / "examples/dozen/raw" / partner, out, partner=partner)
    assert preview.problems == {}
    for table in CONTRACTS[partner].tables:
        if not (out / f"{table.name}.csv").exists():
            assert table.optional
            continue
        header = (out / f"{table.name}.csv").read_text().splitlines()[0]
        assert tuple(header.split(",")) == table.delivered_header()
        types = {column.name: column.type for column in table.delivered_columns()}
        for row in delivered(out, table.name):
            assert row["problem"] == ""
            for name, kind in types.items():
                assert not row[name] or FORMS[kind].fullmatch(row[name]), (table.name, name)


def test_the_summary_counts_what_is_there(draft: Path) -> None:
    summary = read_draft(draft)
    rows = {file.table: file.rows for file in summary.files}
    assert {name: len(delivered(draft, name)) for name in rows if name != "encodings"} == {
        "people": 120, "residences": 120, "relationships": 60, "events": 40, "nominations": 1,
    }  # fmt: skip
    assert rows["encodings"] == pq.read_metadata(draft / "encodings.parquet").num_rows
    assert summary.period_to == dt.date(2014, 7, 31)
    assert len(summary.known_answers) == len(ENCODING.known_answers)


def test_the_encodings_have_the_agreed_columns(draft: Path) -> None:
    table = pq.read_table(draft / "encodings.parquet")
    assert {field.name: str(field.type) for field in table.schema} == {
        "row": "int32",
        "person_ref": "fixed_size_binary[16]",
        "pass": "dictionary<values=string, indices=int8, ordered=0>",
        "block": "fixed_size_binary[16]",
        "forename": "fixed_size_binary[64]",
        "surname": "fixed_size_binary[64]",
        "date_parts": "fixed_size_binary[6]",
    }
    frame = table.to_pandas()
    assert frame["pass"].value_counts().to_dict() == {
        "nino": 120, "birth_forename": 120, "birth_initials": 120, "home_birth": 120, "home_forename": 120,
        "address_birth": 120, "address_forename": 120, "names_year": 120,
    }  # fmt: skip
    people = {row["row"]: row["person_ref"] for row in delivered(draft, "people")}
    assert {str(row): ref.hex() for row, ref in zip(frame["row"], frame["person_ref"], strict=True)} == people


def test_references_join_across_tables_and_are_hmacs(draft: Path) -> None:
    keys = partner_keys()
    people = [row["person_ref"] for row in delivered(draft, "people")]
    references = [f"CASE-{n:05d}" for n in range(120)]
    assert people == pseudonymise_references(keys, references)
    key = keys.reference_key("people.person_ref")
    assert people[3] == hmac.digest(key, b"CASE-00003", "sha256")[:16].hex()
    for table in ("residences", "relationships", "events"):
        assert {row["person_ref"] for row in delivered(draft, table)} <= set(people)
    assert {row["related_person_ref"] for row in delivered(draft, "relationships")} <= set(people)
    assert pseudonymise_references(keys, ["", " CASE-00003 "]) == [None, people[3]]


def test_blemishes_make_no_difference(tmp_path: Path, draft: Path) -> None:
    """Case, spaces, zero-padded UPRNs, spaced NINOs with or without suffix give the very same tokens and encodings."""
    tables = council_extract()
    for row in tables["people"][1:]:
        row[1], row[3] = f" {row[1].upper()} ", row[3].lower().replace("-", " - ").replace("'", "’")
        row[6] = f"{row[6][:2]} {row[6][2:4]} {row[6][4:6]} {row[6][6:8]}".lower()
        row[5] = {"F": "Female", "M": "male"}[row[5]]
    for row in tables["residences"][1:]:
        row[1] = row[1].zfill(14)[-12:] if len(row[1]) > 12 else row[1].zfill(12)
        row[2], row[3] = row[2].upper(), row[3].lower().replace(" ", "")
    run_kit(write_extract(tables, tmp_path / "raw"), tmp_path / "draft")
    for name in ("people.csv", "residences.csv", "encodings.parquet"):
        assert (tmp_path / "draft" / name).read_bytes() == (draft / name).read_bytes()


def test_the_same_extract_gives_the_same_draft(tmp_path: Path, draft: Path) -> None:
    run_kit(write_extract(council_extract(), tmp_path / "raw"), tmp_path / "draft")
    first, second = (
        {path.name: path.read_bytes() for path in folder.iterdir()} for folder in (draft, tmp_path / "draft")
    )
    told = [json.loads(files.pop("summary.json")) for files in (first, second)]
    assert told[0].pop("draft_id") != told[1].pop("draft_id")
    assert told[0] == told[1]
    assert first == second


def test_another_key_shares_no_token(tmp_path: Path, draft: Path) -> None:
    run_kit(write_extract(council_extract(), tmp_path / "raw"), tmp_path / "draft", partner_keys(seed=2, linkage=10))
    for name in ("people", "residences", "events"):
        mine, theirs = (
            {cell for row in delivered(folder, name) for cell in row.values() if HEX.fullmatch(cell)}
            for folder in (draft, tmp_path / "draft")
        )
        assert mine
        assert mine.isdisjoint(theirs)
    mine, theirs = (pq.read_table(folder / "encodings.parquet") for folder in (draft, tmp_path / "draft"))
    for column in ("block", "forename", "surname"):
        assert set(mine[column].to_pylist()).isdisjoint(theirs[column].to_pylist())


def test_a_partner_that_shares_the_linkage_key_shares_tokens_and_no_pseudonym(tmp_path: Path, draft: Path) -> None:
    run_kit(write_extract(council_extract(), tmp_path / "raw"), tmp_path / "draft", partner_keys(seed=2))
    mine, theirs = delivered(draft, "people"), delivered(tmp_path / "draft", "people")
    assert [row["nino_token"] for row in mine] == [row["nino_token"] for row in theirs]
    assert {row["person_ref"] for row in mine}.isdisjoint(row["person_ref"] for row in theirs)


def test_a_bad_identifier_is_counted_and_never_hashed(tmp_path: Path) -> None:
    tables = council_extract()
    tables["people"][1][7], tables["people"][2][7] = "9434765919", "9434765918"
    tables["people"][3][8], tables["people"][4][8] = "B801200005001", "B207000016049"
    tables["people"][5][6] = "OO123456A"
    preview = run_kit(write_extract(tables, tmp_path / "raw"), tmp_path / "draft")
    rows = delivered(tmp_path / "draft", "people")
    assert [bool(row["nhs_number_token"]) for row in rows[:3]] == [True, False, False]
    assert [bool(row["upn_token"]) for row in rows[:4]] == [False, False, True, False]
    assert rows[4]["nino_token"] == ""
    assert all(row["problem"] == "" for row in rows)
    left_out = {line.column: line.left_out for line in preview.lines if line.left_out}
    assert left_out == {"nhs_number": 1, "upn": 1, "nino": 1}


def readable(tables: dict[str, Cells]) -> set[str]:
    """What a person could be known by: names, identifiers, addresses, postcodes, references."""
    found = {*FORENAMES, *SURNAMES, "Secretmiddle", "Gooseberry"}
    for row in tables["people"][1:]:
        found |= {row[0], row[4], row[6]}
    for row in tables["residences"][1:]:
        found |= {row[1], row[3]}
    return found


def test_nothing_readable_leaves(draft: Path) -> None:
    tables = council_extract()
    texts = {path.name: path.read_bytes() for path in draft.iterdir()}
    encodings = pq.read_table(draft / "encodings.parquet")
    texts["encodings, unpacked"] = b"".join(
        cell if isinstance(cell, bytes) else str(cell).encode()
        for column in encodings.columns
        for cell in column.to_pylist()
        if cell is not None
    )
    for name, content in texts.items():
        lower = content.lower()
        for value in readable(tables):
            for form in {value, value.replace(" ", ""), value.replace("'", "")}:
                assert form.lower().encode() not in lower, name


def test_the_preview_shows_no_value(tmp_path: Path) -> None:
    tables = council_extract()
    preview = run_kit(write_extract(tables, tmp_path / "raw"), tmp_path / "draft")
    console = Console(width=200, record=True, file=(tmp_path / "shown").open("w"))
    console.print(preview.table())
    shown = console.export_text()
    assert "does not leave" in shown
    assert "32 hex, partner key" in shown
    assert not [value for value in readable(tables) if value in shown or value in repr(preview)]
    assert not re.search("[0-9a-f]{32}", shown)
    assert {(line.column, line.leaves_as) for line in preview.lines if line.treatment == "drop"} == {
        ("middle_names", "does not leave")
    }


def test_a_refusal_leaves_the_older_draft_as_it_was(tmp_path: Path) -> None:
    tables = council_extract()
    raw = write_extract(tables, tmp_path / "raw")
    run_kit(raw, tmp_path / "draft")
    before = (tmp_path / "draft/summary.json").read_bytes()
    (raw / "people.csv").write_text("")
    with pytest.raises(Exception, match="is empty"):
        run_kit(raw, tmp_path / "draft")
    assert (tmp_path / "draft/summary.json").read_bytes() == before


def test_a_draft_replaces_the_older_one(tmp_path: Path) -> None:
    run_kit(write_extract(council_extract(40), tmp_path / "raw"), tmp_path / "draft")
    run_kit(write_extract(council_extract(20), tmp_path / "raw"), tmp_path / "draft")
    summary = json.loads((tmp_path / "draft/summary.json").read_text())
    assert summary["files"][0]["rows"] == 20
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
