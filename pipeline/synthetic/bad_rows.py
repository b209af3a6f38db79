"""Rows that no partner should send and every partner sends: so that quarantine has work.

Bad rows are added; no good row is spoilt. People: entries of a test or of a botched import, nobody's,
with an impossible date of birth. Elsewhere: copies of real rows with one cell broken, or rows of persons the people
table does not have. A reference stands twice only where nothing depends on which of the two rows is kept: an event
long over. They carry no truth.
"""

from __future__ import annotations

import numpy as np

from pipeline.contracts import Table
from pipeline.records import NOMINATIONS, PEOPLE, RELATIONSHIPS, RESIDENCES
from pipeline.synthetic.declared import Ints, Texts

IMPOSSIBLE_ISO = np.array(["2013-02-30", "2012-13-01", "2013-06-31", "0000-00-00", "not known"], dtype=object)
IMPOSSIBLE_DMY = np.array(["30/02/2013", "01/13/2012", "31/06/2013", "00/00/0000", "not known"], dtype=object)
MOST = 0.015  # of a table's rows: under every contract's tolerance of 2 %


def spoil(
    rng: np.random.Generator, table: Table, rows: dict[str, Texts], share: float, letter: str, old: Ints
) -> tuple[dict[str, Texts], int]:
    """The table with bad rows put in at random places, and how many. `old`: rows whose facts are long over."""
    count = len(rows["person_ref"])
    wanted = min(int(np.ceil(count * share)), int(count * MOST))
    if wanted == 0:
        return rows, 0
    source = rng.integers(0, count, wanted)
    bad = {name: values[source].copy() for name, values in rows.items()}
    slash = "dd/MM/yyyy" in {form for column in table.columns for form in column.date_formats}
    impossible = (IMPOSSIBLE_DMY if slash else IMPOSSIBLE_ISO)[rng.integers(0, 5, wanted)]
    mark = "X" if table.name == PEOPLE else "Y"  # whom other tables name must not stand among the people
    stranger = np.array([f"{letter}{mark}{number:07d}" for number in range(wanted)], dtype=object)
    if "event_ref" in bad:
        bad["event_ref"] = np.array([f"{letter}EX{number:07d}" for number in range(wanted)], dtype=object)
    for row in range(wanted):
        _break(table, bad, rows, row, source, impossible, stranger, old)
    place = np.sort(rng.integers(0, count + 1, wanted))
    return {name: np.insert(values, place, bad[name]) for name, values in rows.items()}, wanted


def _break(
    table: Table,
    bad: dict[str, Texts],
    rows: dict[str, Texts],
    row: int,
    source: Ints,
    impossible: Texts,
    stranger: Texts,
    old: Ints,
) -> None:
    """Break one cell of one bad row; the ways take turns."""
    if table.name == PEOPLE:
        bad["person_ref"][row] = stranger[row]
        for name in bad:
            if name not in ("person_ref", "sex"):
                bad[name][row] = None
        bad["forename"][row], bad["surname"][row] = "TEST", "RECORD"
        bad["date_of_birth"][row] = impossible[row]
        return
    ways = {
        RESIDENCES: ("date:start_date", "stranger"),
        RELATIONSHIPS: ("code:relation", "stranger", "missing:related_person_ref"),
        NOMINATIONS: ("code:reason_code",),
        "attendance": ("range:sessions_possible", "stranger", "pattern:term"),
        "enrolments": ("code:setting", "date:start_date", "missing:start_date"),
        "events": ("date:start_date", "code:kind", "stranger", "twice", "missing:start_date"),
    }.get(table.name, ("stranger",))
    way, _, column = ways[row % len(ways)].partition(":")
    if way == "twice":
        if len(old):
            twin = old[row % len(old)]
            for name in bad:
                bad[name][row] = rows[name][twin]
            return
        way = "stranger"
    broken = {"date": impossible[row], "code": "unlisted", "range": "999", "pattern": "2013-Winter", "missing": None}
    if way == "stranger":
        bad["person_ref"][row] = stranger[row]
    else:
        bad[column][row] = broken[way]
