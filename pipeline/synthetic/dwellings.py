"""Dwellings: UPRN, address and postcode in the fictional area XB, and which household lives in which.

Postcode districts XB1 to XB9 fill up with size. Rooms of a hostel or house in multiple occupation share their
building's UPRN and address; so do the flats of a divided house, but for "Flat 2" in front. Some dwellings stand
empty: movers came from there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.synthetic.declared import Bools, Chance, Declared, Ints, Texts, happens
from pipeline.synthetic.people import COMMUNAL_SHAPES, SHAPE, Households

PEOPLE_PER_DISTRICT = 40_000
INWARD_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"  # C, I, K, M, O, V are not used in the inward part
STREETS = """
Acacia Albert Alexandra Alma Ash Barley Beech Birch Bramble Bridge Brook Canal Castle Cedar Chapel Cherry Chestnut
Church Clarence Coronation Cranbourne Cross Dale Devonshire Eastfield Elm Fairfield Farm Foundry Garden George Glebe
Grange Granville Grove Hawthorn Hazel Heath High Hill Holly Hope Ivy Jubilee Kingfisher Kings Larch Laurel Lime Linden
Manor Maple Market Meadow Mill Nelson North Oak Orchard Park Pear Poplar Priory Queens Railway Raven Rectory River
Rosemary Rowan Salisbury School Silver Spring Station Stone Sycamore Tanner Thornhill Trinity Union Victoria Vine
Warren Water Wellington West Willow Windmill Windsor Woodland York
"""
STREET_KINDS = [
    "Road",
    "Street",
    "Avenue",
    "Close",
    "Lane",
    "Drive",
    "Way",
    "Crescent",
    "Gardens",
    "Terrace",
    "Grove",
    "Place",
]
SPARE = 0.12  # empty dwellings, as a share of households


@dataclass(frozen=True)
class Dwellings:
    """One entry per dwelling; several may share a UPRN."""

    uprn: Ints
    address: Texts
    postcode: Texts
    spare: Ints  # dwellings nobody lives in at the end

    def __len__(self) -> int:
        return len(self.uprn)


def house_everybody(chance: Chance, declared: Declared, households: Households, population: int) -> Dwellings:
    """Give every household a dwelling (`households.dwelling`)."""
    rng = chance.stage("dwellings")
    building = _buildings(rng, declared, households)
    houses = np.unique(building, return_inverse=True)[1].astype(np.int64)
    count = int(houses.max()) + 1
    spare = int(len(households) * SPARE) + 20
    divided, flat = _divided(rng, declared, households, houses)

    position = rng.permutation(count + spare).astype(np.int64)
    house_of = np.concatenate([np.arange(count), np.arange(count, count + spare)])
    # A flat of a divided house is a dwelling of its own at the house's place.
    extra = np.flatnonzero(flat > 0)
    households.dwelling = houses.copy()
    households.dwelling[extra] = count + spare + np.arange(len(extra))
    place = np.concatenate([position[house_of], position[divided[extra]]])
    label = np.concatenate([np.zeros(count + spare, dtype=np.int64), flat[extra]])
    uprn, address, postcode = _addresses(rng, place, label, count + spare, population)
    return Dwellings(uprn, address, postcode, spare=np.arange(count, count + spare))


def _buildings(rng: np.random.Generator, declared: Declared, households: Households) -> Ints:
    building = np.arange(len(households), dtype=np.int64)
    hostel = np.isin(households.shape, [SHAPE["hostel_single"], SHAPE["hostel_family"]])
    for rows, rooms in (
        (np.flatnonzero(households.shape == SHAPE["hmo_single"]), declared.number("households.buildings.hmo_rooms")),
        (np.flatnonzero(hostel), declared.number("households.buildings.hostel_rooms")),
    ):
        sizes = np.maximum(2, rng.poisson(rooms, len(rows) + 1))
        group = np.repeat(np.arange(len(sizes)), sizes)[: len(rows)]
        building[rows] = building[rows[np.unique(group, return_index=True)[1][group]]] if len(rows) else rows
    return building


def _divided(rng: np.random.Generator, declared: Declared, households: Households, houses: Ints) -> tuple[Ints, Ints]:
    """For flats of divided houses: whose house it is, and the flat's number (0: not in one)."""
    house, flat = houses.copy(), np.zeros(len(households), dtype=np.int64)
    own = ~np.isin(households.shape, COMMUNAL_SHAPES)
    rows = rng.permutation(np.flatnonzero(own & happens(rng, _divided_share(declared), len(households))))
    threes = len(rows) // 3 * 3
    rows = rows[:threes].reshape(-1, 3)
    for number in range(3):
        flat[rows[:, number]] = number + 1
        house[rows[:, number]] = houses[rows[:, 0]]
    return house, flat


def _divided_share(declared: Declared) -> float:
    return declared.share("households.buildings.divided_house")


def _addresses(
    rng: np.random.Generator, place: Ints, flat: Ints, places: int, population: int
) -> tuple[Ints, Texts, Texts]:
    districts = int(np.clip(-(-population // PEOPLE_PER_DISTRICT), 3, 9))
    per_postcode = max(15, -(-places // (districts * 3800)))
    postcodes = -(-places // per_postcode)
    per_district = -(-postcodes // districts)
    inward = _inward_parts(rng, per_district)
    number = np.arange(postcodes)
    outward = np.array([f"XB{d + 1}" for d in range(districts)], dtype=object)[number // per_district]
    codes = outward + " " + inward[number % per_district]

    # A street runs through one to three postcodes; some streets are blocks of flats.
    new_street = happens(rng, 0.5, postcodes)
    new_street[0] = True
    street = np.cumsum(new_street) - 1
    streets = int(street[-1]) + 1
    names = np.array(STREETS.split(), dtype=object)[rng.integers(0, len(STREETS.split()), streets)]
    kinds = np.array(STREET_KINDS, dtype=object)[rng.integers(0, len(STREET_KINDS), streets)]
    blocks: Bools = happens(rng, 0.14, streets)
    road = names + " " + kinds

    group = place // per_postcode
    first_of_street = np.flatnonzero(new_street)[street[group]]
    house = place - first_of_street * per_postcode + 1
    text = house.astype(str).astype(object)
    block = blocks[street[group]]
    address = np.where(block, "Flat " + text + ", " + names[street[group]] + " Court", text + " " + road[street[group]])
    divided = flat > 0
    address[divided] = "Flat " + flat[divided].astype(str).astype(object) + ", " + address[divided]
    uprn = 10_000_000_000 + np.sort(rng.choice(places * 9, places, replace=False))[place] * 7
    return uprn.astype(np.int64), address.astype(object), codes[group]


def _inward_parts(rng: np.random.Generator, count: int) -> Texts:
    letters = list(INWARD_LETTERS)
    parts = np.array(
        [f"{digit}{a}{b}" for digit in range(1, 10) for a in letters for b in letters]
        + [f"0{a}{b}" for a in letters for b in letters],
        dtype=object,
    )
    return parts[np.sort(rng.permutation(len(parts))[:count])]
