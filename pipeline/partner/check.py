"""Normalise every column of an extract and find the rows that the contract does not allow.

A row with a problem is still delivered, its bad cell empty and the problem named, so that nothing is lost from sight;
too many of them in one table, and the extract is refused. An identifier that fails its check digit is no problem: it
is left out and counted. The hub checks all of this again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.contracts import Column, Contract, EvidenceKind, EvidenceMapping, Table, Vocabulary
from pipeline.contracts.extract import PERSON_REFERENCE
from pipeline.errors import DeclarationError
from pipeline.partner import check_digits, normalise
from pipeline.partner.checked import CheckedTable, Rows
from pipeline.partner.coded import Coded, coded, each
from pipeline.partner.dates import iso_dates
from pipeline.partner.houses import houses
from pipeline.partner.read_extract import RawTable
from pipeline.partner.repeated import repeated_lines, unique_columns
from pipeline.partner.tally import Tally
from pipeline.records import PEOPLE

PERSON = "person_ref"

IDENTIFIERS: dict[str, Callable[[pa.StringArray], pa.StringArray]] = {
    "nino": check_digits.nino,
    "nhs_number": check_digits.nhs_number,
    "upn": check_digits.upn,
    "pnc_id": check_digits.pnc_id,
    "uprn": check_digits.uprn,
}
TEXTS: dict[str, Callable[[str], str | None]] = {
    "name": normalise.name,
    "postcode": normalise.postcode,
    "address": normalise.house,  # becomes an address key with the row's postcode
}
NUMBERS: dict[str, Callable[[str], str | None]] = {"integer": normalise.whole_number, "number": normalise.number}


@dataclass(frozen=True)
class Around:
    """What the rest of an extract says of some rows: which references are of people of the people file, and by unique
    column the lines of rows whose reference stands on other rows too (see `repeated_lines`)."""

    known: Callable[[pa.StringArray], Rows]
    repeated: Mapping[str, NDArray[np.int32]]


class _Findings:
    """Problems of one table as they are found; the first in the order of columns is the row's."""

    def __init__(self, table: Table, rows: int) -> None:
        self.order = {column.name: index for index, column in enumerate(table.columns)}
        self.rows = rows
        self.found: list[tuple[int, str, Rows]] = []

    def add(self, code: str, column: str, rows: Rows) -> None:
        if rows.any():
            self.found.append((self.order[column], f"{code}:{column}", rows))

    def settle(self) -> tuple[tuple[str, ...], NDArray[np.int16]]:
        problem = np.zeros(self.rows, dtype=np.int16)
        names = [""]
        for _, name, rows in sorted(self.found, key=lambda entry: entry[0]):
            if name not in names:
                names.append(name)
            problem[rows & (problem == 0)] = names.index(name)
        return tuple(names), problem


def check_extract(contract: Contract, extract: dict[str, RawTable], vocabulary: Vocabulary) -> dict[str, CheckedTable]:
    """Every table of an extract at once, by name. Raises ExtractError where too many rows of one have problems."""
    checked = {}
    for raw in extract.values():
        table = check_table(raw, extract, vocabulary)
        tally = Tally(table.table)
        tally.add(table)
        tally.refuse_too_many_problems(contract)
        checked[table.table.name] = table
    return checked


def check_table(raw: RawTable, extract: dict[str, RawTable], vocabulary: Vocabulary) -> CheckedTable:
    """One table at once, against its contract, the vocabulary, and the tables it refers to."""
    references = extract[PEOPLE].columns[PERSON].values
    around = Around(
        known=lambda values: np.asarray(pc.is_in(values, references)).astype(np.bool_),
        repeated={column.name: repeated_lines(lambda _: [raw], column) for column in unique_columns(raw)},
    )
    return check_rows(raw, around, vocabulary)


def check_rows(raw: RawTable, around: Around, vocabulary: Vocabulary) -> CheckedTable:
    """Rows of one table normalised and checked against its contract, the vocabulary, and what is around them."""
    findings = _Findings(raw.table, len(raw))
    columns: dict[str, Coded] = {}
    left_out: dict[str, int] = {}
    for column in raw.table.columns:
        if column.name in raw.columns:
            columns[column.name], unreadable = _normalised(column, raw.columns[column.name], findings)
            if unreadable.any():
                left_out[column.name] = int(unreadable.sum())
    _join_addresses(raw.table, columns)
    for column in raw.table.columns:
        if column.name in columns:
            _check_references(column, columns[column.name], raw, around, findings)
    for mapping in raw.table.evidence:
        _check_evidence(mapping, columns, vocabulary, findings)
    problems, problem = findings.settle()
    for _, name, rows in findings.found:
        code, _, column_name = name.partition(":")
        if code not in ("duplicate_reference", "unknown_person"):  # those cells are well formed
            columns[column_name] = columns[column_name].without(rows)
    return CheckedTable(raw.table, raw.lines, columns, problems, problem, left_out, raw.outside)


def _normalised(column: Column, cells: Coded, findings: _Findings) -> tuple[Coded, Rows]:
    """The column in normal form, and the cells left out because they hold no valid value."""
    nothing = np.zeros(len(cells), dtype=np.bool_)
    if column.required:
        findings.add("required_missing", column.name, cells.missing)
    if column.type == "date" or column.normalise == "date":
        values, malformed, outside = iso_dates(cells.values, column.date_formats, birth=column.normalise == "date")
        findings.add("date_form", column.name, cells.spread(malformed, False))
        findings.add("out_of_range", column.name, cells.spread(outside, False))
        result = cells.mapped(values)
        left_out = ~cells.missing & result.missing & ~cells.spread(malformed | outside, False)
        if column.required:  # an open end or a placeholder where a day is needed
            findings.add("required_missing", column.name, left_out)
        return result, left_out
    if column.normalise in IDENTIFIERS:
        result = cells.mapped(IDENTIFIERS[column.normalise](cells.values))
        return result, ~cells.missing & result.missing
    if column.normalise == "address":
        values, bad = houses(cells.values)
        return cells.mapped(values), cells.spread(bad, False)
    if column.normalise in TEXTS:
        values, bad = each(cells.values, TEXTS[column.normalise])
        return cells.mapped(values), cells.spread(bad, False)
    if column.normalise == "sex":
        values, bad = each(cells.values, normalise.sex)
        findings.add("unknown_code", column.name, cells.spread(bad, False))
        return cells.mapped(values), nothing
    if column.type == "boolean":
        values, bad = each(cells.values, normalise.flag)
        findings.add("unknown_code", column.name, cells.spread(bad, False))
        return cells.mapped(values), nothing
    if column.type in NUMBERS:
        values, bad = each(cells.values, NUMBERS[column.type])
        findings.add("bad_pattern", column.name, cells.spread(bad, False))
        cells = cells.mapped(values)
        findings.add("out_of_range", column.name, cells.spread(_outside(column, cells.values), False))
        return cells, nothing
    if column.allowed is not None:
        spelling = {allowed.casefold(): allowed for allowed in column.allowed}
        values, bad = each(cells.values, lambda text: spelling.get(text.casefold()))
        findings.add("unknown_code", column.name, cells.spread(bad, False))
        return cells.mapped(values), nothing
    if column.pattern is not None:
        form = re.compile(column.pattern)
        values, bad = each(cells.values, lambda text: text if form.fullmatch(text) else None)
        findings.add("bad_pattern", column.name, cells.spread(bad, False))
        return cells.mapped(values), nothing
    return cells, nothing


def _outside(column: Column, values: pa.StringArray) -> Rows:
    numbers = np.asarray(values.cast(pa.float64()))
    low = -np.inf if column.minimum is None else column.minimum
    high = np.inf if column.maximum is None else column.maximum
    return (numbers < low) | (numbers > high)


def _join_addresses(table: Table, columns: dict[str, Coded]) -> None:
    """Make the address a key of house and postcode, since a house number alone says nothing."""
    postcodes = [column.name for column in table.columns if column.normalise == "postcode" and column.name in columns]
    for column in table.columns:
        if column.normalise == "address" and column.name in columns:
            if not postcodes:
                columns[column.name] = columns[column.name].without(np.ones(len(columns[column.name]), dtype=np.bool_))
                continue
            columns[column.name] = coded(
                pc.binary_join_element_wise(
                    columns[column.name].texts(), columns[postcodes[0]].texts(), "|", null_handling="emit_null"
                ).fill_null("")
            )


def _check_references(column: Column, cells: Coded, raw: RawTable, around: Around, findings: _Findings) -> None:
    if column.unique:
        repeated = np.isin(raw.lines, around.repeated[column.name])
        findings.add("duplicate_reference", column.name, repeated & ~cells.missing)
    if column.references:
        if column.references != PERSON_REFERENCE:
            raise DeclarationError(
                where=f"contract, {raw.table.name}.{column.name}",
                rule="it refers to something else than people.person_ref.",
                remedy="refer to people.person_ref, or leave the reference out.",
            )
        findings.add("unknown_person", column.name, cells.spread(~around.known(cells.values), False))


def _check_evidence(
    mapping: EvidenceMapping, columns: dict[str, Coded], vocabulary: Vocabulary, findings: _Findings
) -> None:
    """Codes and roles against the vocabulary, once per distinct combination of kind and value."""
    for part, allows in (("code", EvidenceKind.allows_code), ("role", EvidenceKind.allows_role)):
        source = mapping.code if part == "code" else mapping.role
        if source is None or source[0] != "column":
            continue
        values = columns[source[1]]
        if mapping.kind[0] == "column":
            kinds = columns[mapping.kind[1]]
        else:
            kinds = Coded(pa.array([mapping.kind[1]], pa.string()), np.zeros(len(values), dtype=np.int32))
        relevant = ~kinds.missing
        if mapping.when:
            wanted = columns[mapping.when[0]]
            relevant &= wanted.spread(np.asarray(pc.equal(wanted.values, mapping.when[1])).astype(np.bool_), False)
        width = len(values.values) + 1
        pairs, inverse = np.unique(kinds.codes.astype(np.int64) * width + values.codes + 1, return_inverse=True)
        names, texts = kinds.values.to_pylist(), [None, *values.values.to_pylist()]
        forbidden = np.array(
            [pair >= 0 and not allows(vocabulary.kind(names[pair // width]), texts[pair % width]) for pair in pairs],
            dtype=np.bool_,
        )
        if len(pairs):
            findings.add("unknown_code", source[1], forbidden[inverse.ravel()] & relevant)
