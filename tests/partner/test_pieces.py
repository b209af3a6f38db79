"""However many rows of an extract are read at once, the draft is the same; so is the delta."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ExtractError
from pipeline.partner.coded import coded
from pipeline.partner.grams import grams_of
from pipeline.partner.houses import houses
from pipeline.partner.lines import Lines
from pipeline.partner.normalise import house
from pipeline.partner.person_index import PersonIndex, pseudonyms_of
from pipeline.partner.pseudonymise import Base, pseudonymise
from pipeline.partner.read_extract import open_extract
from pipeline.partner.repeated import repeated_lines
from tests.partner.kit import (
    CONTRACTS,
    ENCODING,
    MODEL,
    PERIOD,
    VOCABULARY,
    council_extract,
    partner_keys,
    write_extract,
)

COUNCIL = CONTRACTS["council"]


def blemished() -> dict[str, list[list[str]]]:
    """A few copies, repeated references, unknown persons, bad dates, cells of two lines, people of several homes."""
    tables = council_extract(400)
    people, residences = tables["people"], tables["residences"]
    people += [list(people[4]), [people[9][0], *people[10][1:]]]
    people[20][4] = "31/31/1980"
    residences[7][2] = 'Flat "A",\nGooseberry Lane'
    residences += [["CASE-00011", "200000000099", "9 Plum Row", "XB4 7QZ", "2012-01-01", ""]]
    residences += [["CASE-00012", *residences[14][1:4], "2013-01-01", ""], ["NOBODY-1", *residences[3][1:]]]
    tables["events"][5][5] = "soon"
    return tables


def drafted(raw: Path, out: Path, rows: int, base: Base | None = None) -> dict[str, bytes]:
    pseudonymise(
        COUNCIL, ENCODING, MODEL, raw, out, partner_keys(), *PERIOD,
        vocabulary=VOCABULARY, rows_at_once=rows, base=base,
    )  # fmt: skip
    content = {path.name: path.read_bytes() for path in out.iterdir()}
    summary = json.loads(content.pop("summary.json"))
    summary.pop("draft_id")
    return {**content, "summary": json.dumps(summary).encode()}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_extract(blemished(), tmp_path_factory.mktemp("pieces"))


@pytest.fixture(scope="module")
def at_once(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return drafted(raw, tmp_path_factory.mktemp("draft") / "draft", 1 << 15)


@settings(max_examples=8)
@given(rows=st.integers(1, 450))
def test_any_number_of_rows_at_once_gives_the_same_draft(raw: Path, at_once: dict[str, bytes], rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert drafted(raw, Path(folder) / "draft", rows) == at_once
    told = json.loads(at_once["summary"])["problems"]
    assert told == {
        "people:duplicate_reference:person_ref": 3,
        "people:date_form:date_of_birth": 1,
        "residences:unknown_person:person_ref": 1,
        "events:date_form:start_date": 1,
    }


def test_any_number_of_rows_at_once_gives_the_same_delta(raw: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    drafted(raw, tmp_path / "full", 1 << 15)
    (home / "prints").mkdir(parents=True)
    shutil.copy(tmp_path / "full" / "prints.parquet", home / "prints" / "before.parquet")
    tables = blemished()
    tables["people"][30][1] = "Changed"
    del tables["people"][41]
    tables["residences"] = [row for row in tables["residences"] if row[0] != "CASE-00040"]
    tables["relationships"] = [row for row in tables["relationships"] if "CASE-00040" not in row]
    later = write_extract(tables, tmp_path / "later")
    base = Base("before", "0" * 64, home)
    whole = drafted(later, tmp_path / "delta", 1 << 15, base)
    assert drafted(later, tmp_path / "pieces", 7, base) == whole
    with (tmp_path / "delta" / "people.csv").open(newline="") as handle:
        sent = list(csv.DictReader(handle))
    assert len(sent) == 2  # who has changed, and who has a relation to them
    assert whole["removals.csv"].count(b"\n") == 2
    assert pq.read_table(io.BytesIO(whole["encodings.parquet"])).num_rows > 0


def test_a_file_that_changes_while_it_is_read_is_refused(raw: Path, tmp_path: Path) -> None:
    shutil.copytree(raw, tmp_path / "raw")
    file = open_extract(COUNCIL, tmp_path / "raw", 10)["people"]
    pieces = file.pieces()
    next(pieces)
    with file.path.open("a") as handle:
        handle.write("\n")
    with pytest.raises(ExtractError, match="changed while it was read"):
        list(pieces)


cells = st.text(alphabet=st.sampled_from('ab",\n\r é'), max_size=5)


@settings(max_examples=150)
@given(
    st.lists(st.lists(cells, min_size=2, max_size=2), max_size=12), st.sampled_from(["\n", "\r\n"]), st.integers(1, 5)
)
def test_rows_stand_on_the_lines_that_the_csv_reader_says(rows: list[list[str]], ending: str, at_once: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=ending).writerows([["x", "y"], *rows])
    expected, read, before = [], [], 0
    reader = csv.reader(io.StringIO(text.getvalue(), newline=""))
    for row in reader:
        if row:
            expected.append(before + 1)
            read.append(row)
        before = reader.line_num
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(text.getvalue().encode())
        lines = Lines(path, at_once)
        assert lines.of(0, lines.rows).tolist() == expected[1:]
        content = path.read_bytes()
        parts = [content[begin:end].decode() for _, _, begin, end in lines.parts()]
    assert [row for part in parts for row in csv.reader(io.StringIO(part, newline="")) if row] == read[1:]


ADDRESSES = st.lists(
    st.one_of(
        st.sampled_from(["1", "0", "007", "12A", "B", " ", ",", "\t", "-", "_", "Flat", "High Street", "XB3 0HH", "é"]),
        st.text(max_size=3),
    ),
    min_size=1, max_size=8,
).map("".join)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(ADDRESSES, max_size=4))
def test_houses_is_house_of_each(addresses: list[str]) -> None:
    texts = [text for text in addresses if text]
    found, bad = houses(pa.array(texts, pa.string()))
    assert found.to_pylist() == [house(text) for text in texts]
    assert bad.tolist() == [house(text) is None for text in texts]


@settings(max_examples=200)
@given(st.lists(st.text(alphabet="AB Éß丘𝒳", max_size=6), max_size=4), st.sampled_from([1, 2]))
def test_grams_are_the_distinct_neighbours_in_an_order_of_their_own(names: list[str], gram: int) -> None:
    found = grams_of(pa.array(names, pa.string()), gram)
    for at, name in enumerate(names):
        padded = f" {name} "
        expected = {ord(character) for character in padded}
        if gram == 2:
            expected = {
                ord(one) << 21 | ord(other)
                for place, (one, other) in enumerate(pairwise(padded))
                if other != " " or padded[max(place - 1, 0)] != " "
            }
        own = found.ids[found.starts[at] : found.starts[at + 1]].tolist()
        assert own == sorted(expected, key=lambda number: number * 0x9E3779B97F4A7C15 % (1 << 64))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(["", "A", "B", "C"]), st.sampled_from(["x", "y"])), max_size=12),
    st.integers(1, 5),
)
def test_repeated_references_are_all_of_them_but_the_first_of_copies(rows: list[tuple[str, str]], at_once: int) -> None:
    people = [[reference, name, "", "S", "1980-01-01", "F", "", "", ""] for reference, name in rows]
    header = council_extract(1)["people"][0]
    expected = []
    for at, (reference, name) in enumerate(rows):
        same = [other for other, row in enumerate(rows) if row[0] == reference]
        copies = all(rows[other] == (reference, name) for other in same)
        if reference and len(same) > 1 and not (copies and same[0] == at):
            expected.append(at + 2)
    with tempfile.TemporaryDirectory() as folder:
        made = {**council_extract(1), "people": [header, *people, ["Z", *header[1:]]]}
        extract = write_extract(made, Path(folder))
        file = open_extract(COUNCIL, extract, at_once)["people"]
        found = repeated_lines(file.pieces, file.table.column("person_ref"))
    assert found.tolist() == expected


def test_persons_are_found_whoever_they_are() -> None:
    keys = partner_keys()
    references = [f"P{number}" for number in range(1000)]
    column = coded(references)
    index = PersonIndex(keys, [pseudonyms_of(keys, column.values)[:600], pseudonyms_of(keys, column.values)[300:]])
    assert index.known == len(index) == 1000
    assert index.persons_of(column).tolist() == list(range(1000))
    other = coded(["Q", "P7", "", "R", "Q"])
    assert index.persons_of(other).tolist() == [-1, 7, -1, -1, -1]
    assert index.persons_of(other, add=True).tolist() == [1000, 7, -1, 1001, 1000]
    assert index.known_among(other.values).tolist() == [False, True, False]
    assert len(index.pseudonyms) == 1002
    assert (index.pseudonyms[7] == pseudonyms_of(keys, pa.array(["P7"]))[0]).all()
    assert index.pseudonyms_of_known(np.array([7], dtype=np.int32)).tobytes() == index.pseudonyms[7].tobytes()
