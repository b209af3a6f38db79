"""A benchmark case: one folder with the same people and the same truth for every tool.

clear.parquet    record (0 … n-1), source, and each field's cells in clear: what every tool starts from
places.parquet   record and the same fields again where a record has several (other addresses); may be missing
truth.parquet    record, person, and the subgroups; read by the bench alone, never by a tool
ids.parquet      record, record_id as in the table
case.json        title, whether two sources are linked or one is deduplicated, fields and their normal forms
linkage/         encoding-v2.yaml, model-v2.yaml, and what they refer to
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.bench.mapping import Field, TableMapping, clear_columns, fields_as_declared, fields_from, normal_form
from pipeline.errors import TruthError

RECORD, SOURCE, PERSON = "record", "source", "person"
ONE_SOURCE = "register"


@dataclass(frozen=True)
class Case:
    """A case on disk. `link_only`: every source holds a person once, so only records of two sources are compared."""

    folder: Path
    name: str
    title: str
    records: int
    sources: tuple[str, ...]
    link_only: bool
    fields: tuple[Field, ...]

    @property
    def clear(self) -> Path:
        return self.folder / "clear.parquet"

    @property
    def places(self) -> Path:
        return self.folder / "places.parquet"

    def truth(self) -> pd.DataFrame | None:
        """record, person (int64) and the subgroups, sorted by record; None where no truth is known."""
        path = self.folder / "truth.parquet"
        return pq.read_table(path).to_pandas() if path.exists() else None

    def ids(self) -> pd.Series:
        """The record_id of each record in its own table."""
        ids: pd.Series = pq.read_table(self.folder / "ids.parquet")["record_id"].to_pandas()
        return ids


def write_case(
    folder: Path,
    name: str,
    table: pa.Table,
    mapping: TableMapping,
    declarations: Path,
    *,
    link_only: bool = False,
    places: pa.Table | None = None,
    details: pd.DataFrame | None = None,
) -> Case:
    """Lay out a table as a case. `places`: record and fields of further addresses; `details`: person (as in the truth
    column) and one column per subgroup, in place of the mapping's. Raises DeclarationError for a column that the table
    lacks, TruthError where the table has no rows."""
    clear = clear_columns(table, mapping)
    if table.num_rows == 0:
        raise TruthError(where=mapping.title, rule="the table has no rows.", remedy="give one with records.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    record = pa.array(np.arange(table.num_rows, dtype=np.int64))
    source = table[mapping.source] if mapping.source else pa.array([ONE_SOURCE] * table.num_rows)
    pq.write_table(pa.table({RECORD: record, SOURCE: source, **clear}), folder / "clear.parquet")
    ids = table[mapping.record_id] if mapping.record_id else record.cast(pa.string())
    pq.write_table(pa.table({RECORD: record, "record_id": ids}), folder / "ids.parquet")
    if places is not None:
        pq.write_table(places, folder / "places.parquet")
    if mapping.truth:
        truth = _truth(table, mapping, details)
        pq.write_table(pa.Table.from_pandas(truth, preserve_index=False), folder / "truth.parquet")
    _copy_linkage(mapping, declarations, folder / "linkage")
    case = Case(
        folder=folder,
        name=name,
        title=mapping.title,
        records=table.num_rows,
        sources=tuple(sorted(str(value) for value in set(source.to_pylist()))),
        link_only=link_only,
        fields=mapping.fields,
    )
    document = {
        "name": name,
        "title": case.title,
        "records": case.records,
        "sources": list(case.sources),
        "link_only": link_only,
        "fields": fields_as_declared(mapping.fields),
    }
    (folder / "case.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    return case


def read_case(folder: Path) -> Case:
    """A case written by `write_case`."""
    document = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    return Case(
        folder=folder,
        name=document["name"],
        title=document["title"],
        records=document["records"],
        sources=tuple(document["sources"]),
        link_only=document["link_only"],
        fields=fields_from(document["fields"]),
    )


def _truth(table: pa.Table, mapping: TableMapping, details: pd.DataFrame | None) -> pd.DataFrame:
    """record, person and subgroups; a person's subgroup is the commonest value of its records (ties: the least)."""
    labels = table[mapping.truth].to_pandas()
    truth = pd.DataFrame({RECORD: np.arange(len(labels)), PERSON: pd.factorize(labels)[0].astype(np.int64)})
    if details is not None:
        by_label = details.set_index(PERSON)
        for name in by_label.columns:
            truth[name] = labels.map(by_label[name]).fillna("").astype(str)
        return truth
    for group in mapping.subgroups:
        cells = normal_form(group, table[group.column]).texts().to_pandas()
        values = pd.DataFrame({PERSON: truth[PERSON], "value": cells})
        votes = values.dropna().groupby([PERSON, "value"], as_index=False).size()
        votes = votes.sort_values([PERSON, "size", "value"], ascending=[True, False, True])
        chosen = votes.drop_duplicates(PERSON).set_index(PERSON)["value"]
        truth[group.name] = truth[PERSON].map(chosen).fillna("").astype(str)
    return truth


def _copy_linkage(mapping: TableMapping, declarations: Path, target: Path) -> None:
    source = mapping.linkage or declarations / "linkage"
    target.mkdir()
    for path in sorted(source.glob("*.yaml")):  # encoding, link model, and what they refer to
        shutil.copyfile(path, target / path.name)
