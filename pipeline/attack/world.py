"""The made-up people of an attack: who is in the hub's data, who else lives there, and what everybody may know.

Records are clean: no slips, nothing missing, every household whole. That is the best case for the attacker.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.partner.coded import Coded, coded, each
from pipeline.partner.normalise import house, name, outward
from pipeline.synthetic.borough import make_borough
from pipeline.synthetic.declared import NEVER, Chance, load_declared
from pipeline.synthetic.dwellings import Dwellings
from pipeline.synthetic.moves import MAIN

Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Texts: TypeAlias = NDArray[np.object_]

UNTIL = dt.date(2014, 7, 31)
OVERLAPS = (1.0, 0.8, 0.5, 0.3)
SPARE = 1.75  # people made for one in the hub's data: a list that shares only 0.3 needs 0.7 others
NOBODY = -1
FIRST_DECADE, DECADES = 1910, 11


@dataclass(frozen=True)
class Residents:
    """People in clear, one entry each. Names are normal forms; `born` counts days since 1970; `place` is the UPRN,
    `address` house and postcode."""

    forename: Coded
    surname: Coded
    born: Ints
    sex: Ints
    place: Ints
    address: Coded
    area: Ints
    nino: Coded
    nhs_number: Coded
    upn: Coded
    pnc_id: Coded

    def __len__(self) -> int:
        return len(self.born)

    def __repr__(self) -> str:
        return f"Residents({len(self)})"

    def take(self, rows: Ints) -> Residents:
        return Residents(**{field: getattr(self, field).take(rows) for field in self.__dataclass_fields__})

    @cached_property
    def dates(self) -> Coded:
        """Dates of birth as ISO texts."""
        days, codes = np.unique(self.born, return_inverse=True)
        texts = np.datetime_as_string(days.astype("datetime64[D]"))
        return Coded(pa.array(texts.tolist(), pa.string()), codes.astype(np.int32))

    @property
    def month(self) -> Ints:
        """Month of birth, counted from January 1970: what the evaluating role holds."""
        return self.born.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)

    @property
    def generation(self) -> Ints:
        """Sex and decade of birth as one number below `GENERATIONS`: what name tables are published by."""
        year = self.born.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        return np.clip((year - FIRST_DECADE) // 10, 0, DECADES - 1) * 2 + self.sex


GENERATIONS = DECADES * 2


@dataclass(frozen=True)
class World:
    """`hub`: the people of the hub's records; `others`: who else lives there; `elsewhere`: people of another place,
    whose names the public tables count."""

    hub: Residents
    others: Residents
    elsewhere: Residents


def make_world(people: int, seed: int, declarations: Path, *, elsewhere: int = 100_000) -> World:
    """People by whole addresses: about `people` in the hub's data, enough others for every overlap."""
    everybody = make_residents(int(people * SPARE), seed, declarations)
    rng = np.random.default_rng([seed, people])
    _, place = np.unique(everybody.place, return_inverse=True)
    order = rng.permutation(place.max() + 1)
    turn = order[place]  # addresses in random order, whole
    rows = np.argsort(turn, kind="stable")
    end = int(np.searchsorted(turn[rows], turn[rows][people - 1], side="right"))
    return World(
        hub=everybody.take(rng.permutation(rows[:end])),
        others=everybody.take(rows[end:]),
        elsewhere=make_residents(elsewhere, seed + 1, declarations),
    )


def make_residents(people: int, seed: int, declarations: Path) -> Residents:
    """A made-up borough's people as they are, each at the home they live at now."""
    borough = make_borough(Chance(seed, people), load_declared(declarations), people, UNTIL)
    spells = borough.spells[(borough.spells["end"] == NEVER) & (borough.spells["kind"] == MAIN)]
    home = np.zeros(people, dtype=np.int64)
    home[spells["person"].to_numpy()] = spells["dwelling"].to_numpy()
    outwards = np.array([outward(code) for code in borough.dwellings.postcode], dtype=object)
    areas = np.unique(outwards.astype(str), return_inverse=True)[1]
    return Residents(
        forename=_names(borough.people.forename),
        surname=_names(borough.people.surname),
        born=borough.people.born.astype(np.int64),
        sex=borough.people.sex.astype(np.int64),
        place=borough.dwellings.uprn[home].astype(np.int64),
        address=_texts(_address_keys(borough.dwellings)[home]),
        area=areas[home].astype(np.int64),
        nino=_texts(borough.identifiers.nino),
        nhs_number=_texts(borough.identifiers.nhs_number),
        upn=_texts(borough.identifiers.upn),
        pnc_id=_texts(borough.identifiers.pnc_id),
    )


def _address_keys(dwellings: Dwellings) -> Texts:
    pairs = zip(dwellings.address, dwellings.postcode, strict=True)
    return np.array([f"{house(address) or ''} {postcode}" for address, postcode in pairs], dtype=object)


def resident_list(world: World, overlap: float, seed: int) -> tuple[Residents, Ints]:
    """The attacker's clear list, as long as the hub's data: whole addresses, a share of them in the hub's data.

    Also where each of the hub's records stands in it (-1: not in it).
    """
    rng = np.random.default_rng([seed, round(overlap * 100)])
    wanted = round(overlap * len(world.hub))
    known = _whole_addresses(world.hub.place, wanted, rng)
    other = _whole_addresses(world.others.place, len(world.hub) - len(known), rng)
    joined = _joined(world.hub.take(known), world.others.take(other))
    shuffled = rng.permutation(len(joined))
    position = np.empty(len(joined), dtype=np.int64)
    position[shuffled] = np.arange(len(joined))
    truth = np.full(len(world.hub), NOBODY, dtype=np.int64)
    truth[known] = position[: len(known)]
    return joined.take(shuffled), truth


def _whole_addresses(place: Ints, wanted: int, rng: np.random.Generator) -> Ints:
    _, code = np.unique(place, return_inverse=True)
    order = rng.permutation(code.max() + 1)[code]
    rows = np.argsort(order, kind="stable")
    return rows[: int(np.searchsorted(order[rows], order[rows][wanted - 1], side="right"))] if wanted else rows[:0]


def _joined(left: Residents, right: Residents) -> Residents:
    joined: dict[str, Any] = {}
    for field in left.__dataclass_fields__:
        a, b = getattr(left, field), getattr(right, field)
        joined[field] = coded(pa.concat_arrays([a.texts(), b.texts()])) if isinstance(a, Coded) else np.append(a, b)
    return Residents(**joined)


def _names(texts: Texts) -> Coded:
    column = _texts(texts)
    return column.mapped(each(column.values, name)[0])


def _texts(texts: Texts) -> Coded:
    return coded(pa.array(texts.tolist(), pa.string()))
