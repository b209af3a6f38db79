"""Read what explains a link, as the linking role: links, tokens and answers of a few records, and the run's parameters.

The linking role sees no evidence, so nothing here can tell what a person did; and it sees no value of a person.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import psycopg
from psycopg.rows import dict_row

from pipeline.contracts import LinkModel, load_link_model
from pipeline.errors import BuildError
from pipeline.explain.account import JointTold
from pipeline.levels import Comparable, History
from pipeline.records import RECORD_TOKENS
from pipeline.settings import Settings
from pipeline.store.database import Database

LINKER, EVALUATOR = "wf_linker", "wf_evaluator"
Row = dict[str, Any]


@dataclass(frozen=True)
class Night:
    """The run that users see: its parameters, and the link model it used."""

    run_id: int
    started_at: dt.datetime
    parameters: Row
    blocking: list[Row]
    model: LinkModel


@dataclass(frozen=True)
class StoredAnswer:
    """A row of identity.review_answer, with the records its pseudonyms name now (negative: none)."""

    answer_id: int
    record_a: int
    record_b: int
    answer: str
    answered_by: str
    why: str
    source: str
    answered_at: dt.datetime


class Reader:
    """One connection under the linking role, for the questions that an account asks."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def rows(self, sql: str, *parameters: Any) -> list[Row]:
        with self.connection.cursor(row_factory=dict_row) as cursor:
            found: list[Row] = cursor.execute(sql.encode(), parameters).fetchall()
            return found

    def night(self, settings: Settings) -> Night:
        """The published run. Raises BuildError where there is none."""
        runs = self.rows(
            "select run_id, started_at, parameters, blocking, model_version from registry.run"
            " where state = 'published' order by run_id desc limit 1"
        )
        if not runs:
            raise BuildError(
                where="the live database", rule="nothing has been published yet.", remedy="run: wholefamily build"
            )
        run = runs[0]
        model = load_link_model(settings.declarations, run["model_version"])
        return Night(run["run_id"], run["started_at"], run["parameters"], run["blocking"], model)

    def records(self, record_ids: Sequence[int]) -> dict[int, Row]:
        """record_id, partner, person_ref, sex, key_version, tokens and person_id of these records."""
        found = self.rows(f"{RECORDS} where record_id = any(%s)", list(record_ids))
        return {row["record_id"]: row for row in found}

    def members(self, person_ids: Iterable[int]) -> list[Row]:
        """The same of every record of these persons."""
        return self.rows(f"{RECORDS} where person_id = any(%s) order by record_id", list(person_ids))

    def link(self, record_a: int, record_b: int) -> Row | None:
        """The kept link of a pair (record_a < record_b); `compared_under`: the version of the linkage key."""
        found = self.rows(f"{LINKS} where record_a = %s and record_b = %s", record_a, record_b)
        return found[0] if found else None

    def links_of(self, record_ids: Sequence[int]) -> list[Row]:
        """Every kept link of these records."""
        return self.rows(
            f"{LINKS} where record_a = any(%s) or record_b = any(%s) order by record_a, record_b",
            list(record_ids),
            list(record_ids),
        )

    def answers(self) -> list[StoredAnswer]:
        """All answers, in order of time."""
        return [StoredAnswer(**row) for row in self.rows(ANSWERS)]

    def blocks(self, record_ids: Sequence[int]) -> list[Row]:
        """Every block token of these records."""
        return self.rows(
            "select record_id, pass, block from identity.encoding where record_id = any(%s)", list(record_ids)
        )

    def shared_block(self, record_a: int, record_b: int) -> tuple[str, Row, Row] | None:
        """The first pass (in the order linking takes them) that puts two records into one block, and their encodings
        in it; None where there is none."""
        found = self.rows(SHARED_BLOCK, record_a, record_b)
        if not found:
            return None
        row = found[0]
        sides = [{name: row[f"{side}_{name}"] for name in ENCODED} for side in ("a", "b")]
        return row["pass"], sides[0], sides[1]


def read_context(database: Database, record_a: int, record_b: int) -> JointTold | None:
    """What homes and relatives said of a pair (record_a < record_b), read as the evaluating role; None where they were
    not asked. It says which context holds, and no row of evidence."""
    with database.connect(EVALUATOR) as connection:
        found = Reader(connection).rows(CONTEXT, record_a, record_b)
    return JointTold(**found[0]) if found else None


CONTEXT = """
select context, bits, probability, decision from publication.link_context where record_a = %s and record_b = %s
"""
ENCODED = ("forename", "surname", "date_parts")
TOKENS = ", ".join(f"r.{name}_token as {name}" for name in RECORD_TOKENS)
RECORDS = (
    f"select r.record_id, r.partner, r.person_ref, r.sex, r.key_version, p.person_id, {TOKENS}"  # noqa: S608 - declared names only
    " from identity.record r left join identity.person p using (record_id)"
)
LINKS = (
    "select record_a, record_b, l.blocking_pass, l.pattern, weight, probability, decision, model_version,"
    " p.key_version as compared_under from identity.link l left join identity.link_pair p using (record_a, record_b)"
)
ANSWERS = """
select answer_id, b.record_a, b.record_b, answer, a.answered_by, a.why, a.source, a.answered_at
from identity.review_binding b join identity.review_answer a using (answer_id, answer) order by answer_id
"""
SHARED_BLOCK = """
select a.pass, a.forename as a_forename, a.surname as a_surname, a.date_parts as a_date_parts,
       b.forename as b_forename, b.surname as b_surname, b.date_parts as b_date_parts
from identity.encoding a join identity.encoding b using (pass, block)
where a.record_id = %s and b.record_id = %s
  and (select key_version from identity.record r where r.record_id = a.record_id)
    = (select key_version from identity.record r where r.record_id = b.record_id)
order by a.pass collate "C", a.block limit 1
"""


def answers_frame(answers: Sequence[StoredAnswer]) -> pd.DataFrame:
    """The form in which answers bind (pipeline.link.answers)."""
    rows = [(one.record_a, one.record_b, one.answer) for one in answers]
    return pd.DataFrame(rows, columns=["record_a", "record_b", "answer"])


def comparable(
    model: LinkModel, records: tuple[Row, Row], encodings: tuple[Row, Row], blocks: Sequence[Row]
) -> Comparable:
    """Two records with their encodings in one block, as rows 0 and 1 of what comparisons take.

    `blocks`: all their block tokens (record_id, pass, block), which are the histories of some columns.
    """
    columns = {column for comparison in model.comparisons for column in comparison.columns}
    ids = [row["record_id"] for row in records]
    held = {
        column: [
            [bytes(row["block"]) for row in blocks if row["record_id"] == one and row["pass"] in passes] for one in ids
        ]
        for column, passes in model.histories.items()
    }
    return Comparable(
        names={name: _packed([side[name] for side in encodings], np.uint64, 8) for name in ENCODED[:2]},
        date_parts=_packed([side["date_parts"] for side in encodings], np.uint16, 3),
        codes={name: _codes([row.get(name) for row in records]) for name in columns},
        histories={column: history_of(values) for column, values in held.items()},
    )


def history_of(values: Sequence[Sequence[Hashable]]) -> History:
    """Each row's values of a column as a history: equal values have equal codes."""
    known: dict[Hashable, int] = {}
    rows = [sorted({known.setdefault(value, len(known)) for value in row}) for row in values]
    starts = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    return History(starts, np.array([code for row in rows for code in row], dtype=np.int64))


def _packed(values: list[bytes | None], word: type[Any], words: int) -> np.ndarray[Any, Any]:
    return np.stack([np.zeros(words, word) if value is None else np.frombuffer(value, word) for value in values])


def _codes(values: list[Any]) -> np.ndarray[Any, Any]:
    known: dict[Any, int] = {}
    return np.array([-1 if value is None else known.setdefault(value, len(known)) for value in values], dtype=np.int64)
