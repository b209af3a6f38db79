"""Anybody's table by a mapping: encoded as a partner would, linked on encodings alone, measured by its own truth."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline.bench.case import Case, read_case, write_case
from pipeline.bench.encoded import encode_case
from pipeline.bench.in_clear import identical_groups
from pipeline.bench.linked import link_case, read_encoded, write_csv
from pipeline.bench.mapping import read_mapping, read_table
from pipeline.bench.misses import explain
from pipeline.bench.quality import measure
from pipeline.errors import DeclarationError, TruthError
from pipeline.settings import PROJECT
from tests.bench.tables import MAPPING, registers, write_registers

DECLARATIONS = PROJECT / "schemas"


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("bench")
    table, mapping = write_registers(folder)
    made = write_case(folder / "case", "registers", read_table(table), read_mapping(mapping), DECLARATIONS)
    encode_case(made)
    link_case(made, made.folder / "ours")
    return made


def test_two_registers_are_linked_nearly_without_fault(case: Case) -> None:
    figures = measure(case, case.folder / "ours")
    assert figures["clustered"]["true"] == 240
    assert figures["clustered"]["precision"] > 0.98
    assert figures["clustered"]["recall"] > 0.95
    assert figures["links"]["f1"] == pytest.approx(figures["clustered"]["f1"], abs=0.02)


def test_groups_come_from_the_mapping(case: Case) -> None:
    groups = measure(case, case.folder / "ours")["subgroups"]
    by_sex = {row["group"]: row["persons"] for row in groups if row["dimension"] == "sex"}
    people = registers().drop_duplicates("who")
    assert by_sex == {"F": int((people["sex"] == "female").sum()), "M": int((people["sex"] == "male").sum())}
    assert {row["group"] for row in groups if row["dimension"] == "decade"} == set(people["born"].str[-4:])


def test_what_is_linked_holds_no_clear_text(case: Case) -> None:
    """Neither as text nor as bytes; and no key stands beside it."""
    encoded = case.folder / "encoded"
    values = {value.upper() for column in ("first", "last", "born", "postcode") for value in registers()[column]}
    for path in encoded.glob("*.parquet"):
        table = pq.read_table(path)
        texts = {name for name in table.column_names if str(table[name].type) == "string"}
        assert texts <= {"partner", "sex"}
        assert not {str(cell).upper() for name in texts for cell in table[name].unique().to_pylist()} & values
    assert {path.suffix for path in encoded.iterdir()} == {".parquet", ".json"}


def test_each_run_has_a_key_of_its_own(case: Case, tmp_path: Path) -> None:
    """Nobody can put two runs beside each other: no block and no token is the same."""
    before = {path.name: _binary(path) for path in (case.folder / "encoded").glob("*.parquet")}
    table, mapping = write_registers(tmp_path)
    again = write_case(tmp_path / "case", "registers", read_table(table), read_mapping(mapping), DECLARATIONS)
    for path in encode_case(again).glob("*.parquet"):
        assert not before[path.name] & _binary(path), path.name


def _binary(path: Path) -> set[bytes]:
    table = pq.read_table(path)
    names = [name for name in table.column_names if "binary" in str(table[name].type)]
    return {value for name in names for value in table[name].unique().to_pylist() if value is not None}


def test_the_same_clusters_whatever_the_key(case: Case, tmp_path: Path) -> None:
    table, mapping = write_registers(tmp_path)
    again = write_case(tmp_path / "case", "registers", read_table(table), read_mapping(mapping), DECLARATIONS)
    encode_case(again)
    link_case(again, again.folder / "ours")
    first, second = (pq.read_table(c.folder / "ours" / "clusters.parquet").to_pandas() for c in (case, again))
    pd.testing.assert_frame_equal(first, second)


def test_records_and_encodings_are_read_as_linking_takes_them(case: Case) -> None:
    records, encodings, counts = read_encoded(case.folder / "encoded")
    assert records["record_id"].tolist() == list(range(480))
    assert set(records["partner"]) == {"north", "south"}
    assert {"birth_initials", "names_year"} <= set(encodings.passes)
    assert {"forename", "surname", "date_of_birth"} <= set(counts)


def test_encoding_costs_no_quality(case: Case) -> None:
    """The same linkage on names and dates in clear groups the records the same way."""
    assert encode_case(case, in_clear=True).name == "in_clear"
    link_case(case, case.folder / "plain", in_clear=True)
    same = identical_groups(case.folder / "ours" / "clusters.parquet", case.folder / "plain" / "clusters.parquet")
    assert same > 0.99


def test_what_was_missed_is_told_by_levels_only(case: Case) -> None:
    explained = explain(case, case.folder / "ours")
    assert explained["true_pairs"] == 240
    assert explained["blocking"]["recall"] > 0.95
    assert 0 <= explained["blocking"]["passes"]["birth_initials"]["alone"] <= 1
    told = json.dumps(explained).upper()
    assert not [value for value in registers()["last"] if value.upper() in told]


def test_clusters_come_back_under_the_tables_own_ids(case: Case, tmp_path: Path) -> None:
    write_csv(case, tmp_path)
    clusters = pd.read_csv(tmp_path / "clusters.csv")
    assert clusters["record_id"].tolist() == registers()["number"].tolist()
    pairs = pd.read_csv(tmp_path / "pairs.csv")
    assert set(pairs["record_a"]) <= set(clusters["record_id"])


def test_a_case_is_read_as_it_was_written(case: Case) -> None:
    assert read_case(case.folder) == case


def test_a_table_without_truth_is_linked_and_not_measured(tmp_path: Path) -> None:
    table, mapping = write_registers(tmp_path)
    mapping.write_text(MAPPING.replace("truth: who\n", "").split("subgroups")[0], encoding="utf-8")
    made = write_case(tmp_path / "case", "registers", read_table(table), read_mapping(mapping), DECLARATIONS)
    encode_case(made)
    link_case(made, made.folder / "ours")
    assert made.truth() is None
    assert measure(made, made.folder / "ours") == {}


def test_a_dataset_may_bring_its_own_encoding_and_model(tmp_path: Path) -> None:
    """Another field compared, another pass, no postcode: what the model does not name does not leave."""
    from shutil import copytree

    copytree(PROJECT / "benchmarks" / "datasets" / "historical_50k" / "linkage", tmp_path / "own")
    _, mapping = write_registers(tmp_path)
    mapping.write_text(
        MAPPING.replace("postcode: {", "birth_place: {").replace("normalise: postcode", "normalise: text")
        + "linkage: own\n",
        encoding="utf-8",
    )
    frame = registers()
    frame.to_parquet(tmp_path / "registers.parquet")
    made = write_case(
        tmp_path / "case",
        "registers",
        read_table(tmp_path / "registers.parquet"),
        read_mapping(mapping),
        DECLARATIONS,
    )
    encode_case(made)
    records = pq.read_table(made.folder / "encoded" / "records.parquet")
    assert set(records.column_names) == {"record_id", "partner", "sex"}
    link_case(made, made.folder / "ours")
    assert measure(made, made.folder / "ours")["clustered"]["precision"] > 0.9


def test_a_wrong_mapping_says_what_is_wrong(tmp_path: Path) -> None:
    table, mapping = write_registers(tmp_path)
    for wrong, found in (
        (MAPPING.replace("normalise: sex", "normalise: gender"), "normal form"),
        (MAPPING.replace("{column: last, normalise: name}", "last"), "needs a column"),
        ("title: nothing\n", "forename or a surname"),
    ):
        mapping.write_text(wrong, encoding="utf-8")
        with pytest.raises(DeclarationError, match=found):
            read_mapping(mapping)
    mapping.write_text(MAPPING.replace("column: last", "column: family_name"), encoding="utf-8")
    with pytest.raises(DeclarationError, match="no column family_name"):
        write_case(tmp_path / "case", "registers", read_table(table), read_mapping(mapping), DECLARATIONS)
    with pytest.raises(TruthError, match="not there"):
        read_table(tmp_path / "nothing.csv")
