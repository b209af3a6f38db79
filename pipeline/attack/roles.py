"""Structure alone: what who belongs together tells a holder of a full resident list, by the role that sees it.

No filter is compared across people here; no encoding prevents this. The split-file roles each see a part: the linking
role tokens, encodings and sex; the evaluating role birth months, sex, places and areas (schemas/database/).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.attack.chain import same_in_block
from pipeline.attack.filters import grams_seen
from pipeline.attack.ours import NAMES, PassRows, Scheme, clear_blocks, gram_counts
from pipeline.attack.structure import NONE, Seen
from pipeline.attack.world import Ints, Residents

HOME = "residence"
ADDRESSES = (HOME, "address")
BLOCKS = ("date_of_birth", "surname_year", "forename_month")
DATE_PARTS = ("day", "month", "year")
LINKER_ADDRESSES = "linker: address and identifier tokens"
LINKER_BLOCKS = "linker: all tokens, block tokens too"
LINKER_ALL = "linker: all tokens and encodings"
EVALUATOR = "evaluator: birth month, sex, place, area"
BOTH = "both roles: everything the hub holds"
ROLES = (LINKER_ADDRESSES, LINKER_BLOCKS, LINKER_ALL, EVALUATOR, BOTH)
IN_HOMES = "in homes: lengths, equal names and dates, sex"
# Labels are written as digits: how many values each may have, so that all fit one number.
RADIX = {"sex": 2, "has nino": 2, "forename": 128, "surname": 128, "month": 4096, "area": 4096}


@dataclass(frozen=True)
class Side:
    """All that one side could show: labels by name, groups by relation."""

    labels: dict[str, Ints]
    groups: dict[str, Ints]


def hub_side(scheme: Scheme, passes: list[PassRows], people: Residents) -> Side:
    """What tokens, encodings and evidence show of the hub's records. Sex and months come from the delivered columns."""
    groups: dict[str, Ints] = {}
    grams = {name: np.zeros(len(people)) for name in NAMES}
    times = np.zeros(len(people))
    for rows in passes:
        groups[rows.name] = _spread(rows.person, rows.block, len(people))
        times[rows.person] += 1
        for name in NAMES:
            grams[name][rows.person] += np.bitwise_count(rows.filters[name]).sum(axis=1)
        if rows.name == HOME:
            for name in NAMES:
                groups[f"home {name}"] = _spread(rows.person, same_in_block(rows, name), len(people))
            for at, part in enumerate(DATE_PARTS):
                groups[f"home {part}"] = _spread(rows.person, _pairs(rows.block, rows.date_parts[:, at]), len(people))
    lengths = {name: grams_seen(grams[name] / np.maximum(times, 1), scheme.encoding) for name in NAMES}
    return Side({**_delivered(people), **lengths}, groups)


def listed_side(scheme: Scheme, people: Residents) -> Side:
    """The same of the clear list, by the public rules."""
    groups = clear_blocks(scheme, people)
    home = groups[HOME]
    columns = {"forename": people.forename, "surname": people.surname}
    for name, column in columns.items():
        groups[f"home {name}"] = _pairs(home, column.codes)
    day = people.born.astype("datetime64[D]")
    month = people.month % 12 + 1
    parts = ((day - day.astype("datetime64[M]")).astype(np.int64) + 1, month, people.month // 12 + RADIX["month"])
    for part, values in zip(DATE_PARTS, parts, strict=True):
        groups[f"home {part}"] = _pairs(home, values)
    lengths = {name: gram_counts(scheme, name, column.values)[column.codes] for name, column in columns.items()}
    return Side({**_delivered(people), **lengths}, groups)


def _delivered(people: Residents) -> dict[str, Ints]:
    """Sex, birth month and area stand in clear in the delivered tables; who has a NINO is 16 or older."""
    return {
        "sex": people.sex,
        "month": people.month + RADIX["month"] // 2,
        "area": people.area,
        "has nino": (~people.nino.missing).astype(np.int64),
    }


def seen_by(role: str, side: Side) -> Seen:
    """The part of a side that a role sees."""
    homes = tuple(name for name in side.groups if name.startswith("home "))
    encodings = ("sex", "has nino", "forename", "surname")
    labels, groups = {
        LINKER_ADDRESSES: (("sex", "has nino"), ADDRESSES),
        LINKER_BLOCKS: (("sex", "has nino"), (*ADDRESSES, *BLOCKS)),
        LINKER_ALL: (encodings, (*ADDRESSES, *BLOCKS, *homes)),
        EVALUATOR: (("sex", "month", "area"), (HOME,)),
        BOTH: ((*encodings, "month", "area"), (*ADDRESSES, *BLOCKS, *homes)),
        IN_HOMES: (("sex", "forename", "surname"), (HOME, *homes)),
    }[role]
    code = np.zeros(len(side.labels["sex"]), dtype=np.int64)
    for label in labels:
        code = code * RADIX[label] + side.labels[label]
    return Seen(code, {name: side.groups[name] for name in groups if name in side.groups})


def _spread(person: Ints, group: Ints, people: int) -> Ints:
    whole = np.full(people, NONE, dtype=np.int64)
    whole[person] = group
    return whole


def _pairs(group: Ints, value: NDArray[np.integer]) -> Ints:
    key = np.stack([group.astype(np.int64), value.astype(np.int64)], axis=1)
    return np.unique(key, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
