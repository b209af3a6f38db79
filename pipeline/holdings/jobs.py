"""What every step reads and writes, by table and column, put together from where it is declared.

An ingest from the partner's contract (`loaded`), a build's steps from `schemas/lineage.yaml`, a cohort view from its
SQL (`catalogue`). Counts and versions are added by `traced`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.contracts import load_contracts, load_encoding, load_link_model, load_vocabulary
from pipeline.contracts.reading import read_yaml, require
from pipeline.holdings.catalogue import Catalogue
from pipeline.holdings.loaded import delivered_columns, loaded_columns
from pipeline.lineage import Source

PUBLISH = "build.publish"
FILE = "lineage.yaml"


@dataclass(frozen=True)
class Job:
    """One step of the build: columns read by table, and what is written by table; `carried`: columns taken over as
    they are; `only`: tables that alone decide the others (all that is read where none is named)."""

    name: str
    title: str
    reads: Mapping[str, tuple[str, ...]]
    carried: Mapping[str, Mapping[str, tuple[Source, ...]]]
    only: Mapping[str, tuple[str, ...]]

    @property
    def writes(self) -> tuple[str, ...]:
        return tuple(self.carried)

    def columns_of(self, table: str, columns: Iterable[str]) -> dict[str, tuple[Source, ...]]:
        """The sources of every column of a table that the job writes."""
        tables = self.only.get(table) or tuple(self.reads)
        worked_out = tuple(
            Source(read, column, "TRANSFORMATION") for read in tables for column in self.reads.get(read, ())
        )
        return {column: self.carried[table].get(column, worked_out) for column in columns}


def load_jobs(declarations: Path) -> tuple[Job, ...]:
    """The steps of the build, in order. Raises DeclarationError where one is ill-formed."""
    path = declarations / FILE
    return tuple(_job(path, entry) for entry in read_yaml(path).get("jobs", []))


@dataclass(frozen=True)
class Everything:
    """All datasets of an installation, each with its columns and what they are made from."""

    columns: Mapping[str, Mapping[str, tuple[Source, ...]]]

    def origins(self, dataset: str, column: str) -> frozenset[tuple[str, str]]:
        """The first columns that a column goes back to: those that are made from nothing we know of."""
        found: set[tuple[str, str]] = set()
        seen: set[tuple[str, str]] = set()
        waiting = [(dataset, column)]
        while waiting:
            here = waiting.pop()
            if here in seen:
                continue
            seen.add(here)
            sources = self.columns.get(here[0], {}).get(here[1], ())
            waiting += [(source.dataset, source.column) for source in sources]
            if not sources:
                found.add(here)
        return frozenset(found - {(dataset, column)})


def everything(declarations: Path, catalogue: Catalogue) -> Everything:
    """The lineage of every column, from the partner's own extract to the cohort views."""
    columns: dict[str, dict[str, tuple[Source, ...]]] = {}
    encoding = load_encoding(declarations, load_link_model(declarations).encoding)
    for partner, contract in load_contracts(declarations, load_vocabulary(declarations)).items():
        for table, made in delivered_columns(contract, encoding).items():
            columns[f"deliveries/{partner}/{table}"] = made
        for table, made in loaded_columns(contract, encoding).items():
            for column, sources in made.items():
                into = columns.setdefault(table, {})
                into[column] = into.get(column, ()) + sources
    for job in load_jobs(declarations):
        for table in job.writes:
            if catalogue.has(table):
                columns[table] = job.columns_of(table, catalogue.relations[table].columns)
    for name, relation in catalogue.relations.items():
        if relation.is_view:
            columns[name] = catalogue.view_columns(name)
    return Everything(columns)


def _job(path: Path, entry: Mapping[str, Any]) -> Job:
    near = f"job: {entry.get('job')}"
    for key in ("job", "title", "reads", "writes"):
        require(bool(entry.get(key)), path=path, near=near, rule=f"a job has no '{key}'.", remedy="add it.")
    carried, only = {}, {}
    for table, columns in entry["writes"].items():
        named = dict(columns)
        only[table] = tuple(named.pop("only", ()))
        carried[table] = {column: tuple(map(_source, sources)) for column, sources in named.items()}
    return Job(entry["job"], entry["title"], {t: tuple(c) for t, c in entry["reads"].items()}, carried, only)


def _source(text: str) -> Source:
    dataset, _, column = text.rpartition(".")
    return Source(dataset, column)
