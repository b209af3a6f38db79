"""Belonging together: what tokens and blocks tell a holder of a full resident list, by the role that sees them.

No encoding is compared across people here; no encoding prevents this. The split-file roles each see a part: the linking
role tokens, encodings and sex; the evaluating role birth months, sex, places and areas (schemas/database/).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.attack.chain import same_in_block, spread
from pipeline.attack.ours import IDENTIFIERS, NAMES, PLACES, PassRows, clear_blocks
from pipeline.attack.structure import Seen
from pipeline.attack.world import NOBODY, Ints, Residents
from pipeline.contracts import Encoding

HOME = "uprn"
DATE_PARTS = ("day", "month", "year")
LINKER_ADDRESSES = "linker: address and identifier tokens"
LINKER_BLOCKS = "linker: all tokens, block tokens too"
LINKER_ALL = "linker: all tokens and encodings"
EVALUATOR = "evaluator: birth month, sex, place, area"
BOTH = "both roles: everything the hub holds"
ROLES = (LINKER_ADDRESSES, LINKER_BLOCKS, EVALUATOR, BOTH)
# Labels are written as digits: how many values each may have, so that all fit one number.
RADIX = {"sex": 2, "has nino": 2, "month": 4096, "area": 4096}
ENCODED = " seen equal in "


@dataclass(frozen=True)
class Side:
    """All that one side could show: labels by name, groups by relation."""

    labels: dict[str, Ints]
    groups: dict[str, Ints]


def hub_side(encoding: Encoding, passes: list[PassRows], tokens: dict[str, Ints], people: Residents) -> Side:
    """What tokens, encodings and evidence show of the hub's records. Sex and months come from the delivered columns."""
    groups = {name: tokens[name] for name in PLACES}
    for rows in passes:
        if rows.name in IDENTIFIERS:
            continue
        groups[rows.name] = spread(rows.person, rows.block, len(people))
        for name in NAMES:
            groups[f"{name}{ENCODED}{rows.name}"] = spread(rows.person, same_in_block(rows, name), len(people))
        for at, part in enumerate(DATE_PARTS):
            equal = _pairs(rows.block, rows.date_parts[:, at])
            groups[f"{part}{ENCODED}{rows.name}"] = spread(rows.person, equal, len(people))
    return Side(_delivered(people), groups)


def listed_side(encoding: Encoding, people: Residents) -> Side:
    """The same of the clear list, by the public rules."""
    blocks = clear_blocks(encoding, people)
    _, place = np.unique(people.place, return_inverse=True)
    groups: dict[str, Ints] = {"uprn": place.astype(np.int64), "address": people.address.codes.astype(np.int64)}
    day = people.born.astype("datetime64[D]")
    values = {
        "forename": people.forename.codes,
        "surname": people.surname.codes,
        "day": (day - day.astype("datetime64[M]")).astype(np.int64),
        "month": people.month % 12,
        "year": people.month // 12,
    }
    for one in encoding.passes:
        if one.name in IDENTIFIERS:
            continue
        groups[one.name] = blocks[one.name]
        for name, value in values.items():
            whole = _pairs(blocks[one.name], value)
            groups[f"{name}{ENCODED}{one.name}"] = np.where(blocks[one.name] == NOBODY, NOBODY, whole)
    return Side(_delivered(people), groups)


def _delivered(people: Residents) -> dict[str, Ints]:
    """Sex, birth month and area stand in clear in the delivered tables; who has a NINO is 16 or older."""
    return {
        "sex": people.sex,
        "has nino": (~people.nino.missing).astype(np.int64),
        "month": people.month + RADIX["month"] // 2,
        "area": people.area,
    }


def home_labels(side: Side) -> Ints:
    """What tokens say of each person beside the home: sex, who has a NINO, and with how many of the home a block is
    shared."""
    label = side.labels["sex"] * RADIX["has nino"] + side.labels["has nino"]
    for name in sorted(side.groups):
        if ENCODED not in name and name not in PLACES:
            together = _pairs(side.groups[HOME], side.groups[name])
            held = side.groups[name] != NOBODY
            label = label * 4 + np.where(held, np.minimum(np.bincount(together)[together] - 1, 3), 0)
    return label


def seen_by(role: str, side: Side) -> Seen:
    """The part of a side that a role sees. What is seen equal inside homes alone is left to `own_names`."""
    blocks = tuple(name for name in side.groups if ENCODED not in name and name not in PLACES)
    encoded = tuple(name for name in side.groups if ENCODED in name)
    labels, groups = {
        LINKER_ADDRESSES: (("sex", "has nino"), PLACES),
        LINKER_BLOCKS: (("sex", "has nino"), (*PLACES, *blocks)),
        LINKER_ALL: (("sex", "has nino"), (*PLACES, *blocks, *encoded)),
        EVALUATOR: (("sex", "month", "area"), (HOME,)),
        BOTH: (("sex", "has nino", "month", "area"), (*PLACES, *blocks, *encoded)),
    }[role]
    code = np.zeros(len(side.labels["sex"]), dtype=np.int64)
    for label in labels:
        code = code * RADIX[label] + side.labels[label]
    return Seen(code, {name: side.groups[name] for name in groups})


def _pairs(group: Ints, value: NDArray[np.integer]) -> Ints:
    key = np.stack([group.astype(np.int64), value.astype(np.int64)], axis=1)
    return np.unique(key, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
