"""Sort delivered rows: each is loaded, or quarantined with one reason. Pure: tables in, tables out.

Reasons are tried in this order, and the first that holds is the row's: what the partner's kit found; then the
cells, column by column in the contract's order (required_missing, bad_pattern, date_form, unknown_code,
out_of_range); then codes and roles against the vocabulary (unknown_code); end_before_start; duplicate_reference;
unknown_person. Of rows that share a unique reference all are quarantined: nobody can tell which of them is right.
A row of a person who is not loaded is of an unknown person, also where that person came and was quarantined.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contracts import DeliveredColumn, EvidenceMapping, Table, Vocabulary
from pipeline.errors import DeclarationError
from pipeline.ingest.columns import (
    BAD_PATTERN,
    DATE_FORM,
    HEX,
    OUT_OF_RANGE,
    PSEUDONYM_BYTES,
    REQUIRED_MISSING,
    UNKNOWN_CODE,
    Mask,
    failing,
    hex_to_bytes,
    mask,
    values,
)
from pipeline.records import PEOPLE, PROBLEM, ROW

DUPLICATE_REFERENCE, UNKNOWN_PERSON, END_BEFORE_START = "duplicate_reference", "unknown_person", "end_before_start"
KIT_PROBLEMS = (
    DATE_FORM, UNKNOWN_CODE, REQUIRED_MISSING, DUPLICATE_REFERENCE, UNKNOWN_PERSON, OUT_OF_RANGE, BAD_PATTERN,
    END_BEFORE_START,
)  # fmt: skip
PERSON = "person_ref"
QUARANTINE_SCHEMA = pa.schema(
    [(ROW, pa.int64()), ("column", pa.string()), ("reason", pa.string()), (PERSON, pa.binary(PSEUDONYM_BYTES))]
)
SPELL = ("start_date", "end_date")


@dataclass(frozen=True)
class Sorted:
    """A delivered table in two: `loaded` (row, then the contract's columns as values) and `quarantined` (row,
    column, reason, person_ref: 16 bytes, null where the row names nobody). `suppressed`: rows of people who were erased
    or are restricted, of which nothing is kept; delivered = loaded + quarantined + suppressed."""

    table: str
    loaded: pa.Table
    quarantined: pa.Table
    suppressed: int = 0

    @property
    def delivered(self) -> int:
        return int(self.loaded.num_rows + self.quarantined.num_rows) + self.suppressed

    def reasons(self) -> Counter[tuple[str, str]]:
        """Rows by (reason, column)."""
        pairs = zip(self.quarantined["reason"].to_pylist(), self.quarantined["column"].to_pylist(), strict=True)
        return Counter(pairs)

    def first_rows(self, reason: str, column: str, most: int = 5) -> list[int]:
        """Line numbers in the partner's extract of the first rows with a reason."""
        chosen = pc.and_(pc.equal(self.quarantined["reason"], reason), pc.equal(self.quarantined["column"], column))
        return sorted(self.quarantined.filter(chosen)[ROW].to_pylist())[:most]


def hex_references(cells: pa.ChunkedArray) -> pa.Array:
    """References of delivered text as 16 bytes; null where a cell has not their form."""
    if not len(cells):
        return pa.array([], pa.binary(PSEUDONYM_BYTES))
    right = pc.match_substring_regex(cells, HEX)
    return hex_to_bytes(pc.if_else(right, cells, pa.scalar(None, pa.string())).combine_chunks())


def unknown_problems(content: pa.Table, table: Table) -> int:
    """How many rows carry a problem that is neither empty nor a known `code:column` of this table."""
    columns = [*(column.name for column in table.columns), *(column.name for column in table.delivered_columns())]
    known = pa.array([f"{code}:{name}" for code in KIT_PROBLEMS for name in dict.fromkeys(columns)])
    return int(np.sum(mask(pc.is_valid(content[PROBLEM])) & ~mask(pc.is_in(content[PROBLEM], value_set=known))))


def sort_rows(content: pa.Table, table: Table, vocabulary: Vocabulary, people: pa.Array | None) -> Sorted:
    """Sort the rows of a delivered table of text (see parse.read_table).

    `people` holds the pseudonyms (16 bytes) of the people loaded; None for the table of people itself.
    """
    columns = {column.name: column for column in table.delivered_columns()}
    typed = {name: values(column, content[name]) for name, column in columns.items()}
    verdict = _Verdict(content.num_rows)
    verdict.take_over(content[PROBLEM])
    for name, column in columns.items():
        for reason, failed in failing(column, content[name]):
            verdict.mark(failed, reason, name)
    for mapping in table.evidence:
        _judge_codes(verdict, content, columns, mapping, vocabulary)
    for start, end in _spells(table, columns):
        verdict.mark(mask(pc.less(typed[end], typed[start])), END_BEFORE_START, end)
    for name, column in columns.items():
        if column.source.unique:
            verdict.mark(_shared(content[name]), DUPLICATE_REFERENCE, name)
    for name, column in columns.items():
        if column.source.references is not None:
            verdict.mark(_unknown(table, column, typed[name], people), UNKNOWN_PERSON, name)
    clean = pa.array(verdict.clean())
    loaded = pa.table({ROW: content[ROW], **typed}).filter(clean)
    return Sorted(table=table.name, loaded=loaded, quarantined=verdict.quarantined(content[ROW], typed[PERSON]))


class _Verdict:
    """Which reason each row has; the first that was marked stays."""

    def __init__(self, rows: int) -> None:
        self._reason = np.full(rows, -1, dtype=np.int32)
        self._known: list[tuple[str, str]] = []

    def mark(self, failed: Mask, reason: str, column: str) -> None:
        if failed.any():
            self._known.append((reason, column))
            self._reason[failed & self.clean()] = len(self._known) - 1

    def take_over(self, problems: pa.ChunkedArray) -> None:
        for problem in sorted(value for value in pc.unique(problems).to_pylist() if value is not None):
            reason, _, column = problem.partition(":")
            self.mark(mask(pc.equal(problems, problem)), reason, column)

    def clean(self) -> Mask:
        return self._reason < 0

    def quarantined(self, rows: pa.ChunkedArray, people: pa.Array) -> pa.Table:
        dirty = ~self.clean()
        chosen = self._reason[dirty]
        reasons, columns = ([pair[part] for pair in self._known] for part in (0, 1))
        return pa.table(
            [
                rows.filter(pa.array(dirty)),
                pa.array(columns, pa.string()).take(pa.array(chosen)),
                pa.array(reasons, pa.string()).take(pa.array(chosen)),
                people.filter(pa.array(dirty)),
            ],
            schema=QUARANTINE_SCHEMA,
        )


def _judge_codes(
    verdict: _Verdict,
    content: pa.Table,
    columns: dict[str, DeliveredColumn],
    mapping: EvidenceMapping,
    vocabulary: Vocabulary,
) -> None:
    how, kind_source = mapping.kind
    applies = np.ones(content.num_rows, dtype=bool)
    if mapping.when is not None:
        applies = mask(pc.equal(content[mapping.when[0]], mapping.when[1]))
    kinds = [kind_source] if how == "value" else sorted(columns[kind_source].source.allowed or ())
    for name in kinds:
        kind = vocabulary.kind(name)
        of_kind = applies if how == "value" else applies & mask(pc.equal(content[kind_source], name))
        for source, allows in ((mapping.code, kind.allows_code), (mapping.role, kind.allows_role)):
            if source is None or source[0] != "column":
                continue
            distinct = pc.unique(content[source[1]].filter(pa.array(of_kind))).to_pylist()
            refused = [value for value in distinct if not allows(value)]
            cells = content[source[1]]
            bad = mask(pc.is_in(cells, value_set=pa.array([v for v in refused if v is not None], pa.string())))
            if None in refused:
                bad |= mask(pc.is_null(cells))
            verdict.mark(of_kind & bad, UNKNOWN_CODE, source[1])


def _spells(table: Table, columns: dict[str, DeliveredColumn]) -> list[tuple[str, str]]:
    found = [SPELL] if set(SPELL) <= set(columns) else []
    found += [(m.start[1], m.end[1]) for m in table.evidence if m.end and m.start[0] == m.end[0] == "column"]
    return list(dict.fromkeys(found))


def _shared(cells: pa.ChunkedArray) -> Mask:
    counts = pc.value_counts(cells.drop_null().combine_chunks())
    twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    return mask(pc.is_valid(cells)) & mask(pc.is_in(cells, value_set=twice))


def _unknown(table: Table, column: DeliveredColumn, references: pa.Array, people: pa.Array | None) -> Mask:
    if column.source.references != f"{PEOPLE}.person_ref" or people is None:
        raise DeclarationError(
            where=f"contract, column {table.name}.{column.name}",
            rule="a column can refer to people.person_ref only, from another table than people.",
            remedy="take the relationship out of the contract.",
        )
    return mask(pc.is_valid(references)) & ~mask(pc.is_in(references, value_set=people))
