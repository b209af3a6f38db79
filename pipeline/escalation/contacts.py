"""Contacts: on how many days of each month a family met each agency, from dated evidence. Pure, whole arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.escalation.declared import TOGETHER, Escalation
from pipeline.spans import OWN_ROLES

Counts = npt.NDArray[np.int16]
Ints = npt.NDArray[np.int64]
NOT_ONE = -1


@dataclass(frozen=True)
class Contacts:
    """Contact days by family, agency and month; the last agency is all open ones together.

    `days[f, a, m]`: family_ids[f] (ascending), agencies[a], month m back from the as-at date (0: the month that ends on
    it). `months[a]`: how many of these months the feeds of the agency cover, counted back from the as-at date; 0 where
    the last is not covered. `restricted[a]`: whether a feed that is blocked for onward disclosure speaks of the agency.
    """

    as_at: pd.Timestamp
    family_ids: Ints
    agencies: tuple[str, ...]
    days: Counts
    months: tuple[int, ...]
    restricted: tuple[bool, ...]


def count_contacts(
    evidence: pd.DataFrame,
    members: pd.DataFrame,
    family_ids: npt.ArrayLike,
    covered_from: Mapping[str, pd.Timestamp],
    declared: Escalation,
    as_at: pd.Timestamp,
    months: int,
) -> Contacts:
    """Contact days of these families in the months up to the as-at date.

    `evidence`: person_id, kind, start_date, partner; `members`: family_id, person_id, role, one row per person (who
    lives there counts: adult, child). `covered_from`: by kind, the first day its feeds cover, only for kinds whose
    feeds are fresh on the as-at date. Several rows of one family, agency and day are one contact day: an arrest, its
    call-out and the offence are told by one meeting.
    """
    families = np.unique(np.asarray(family_ids, dtype=np.int64))
    agencies = tuple(declared.agencies)
    family, agency, day, blocked = _rows(evidence, members, families, declared)
    back = months_back(day, as_at)
    kept = (back >= 0) & (back < months)
    family, agency, day, blocked, back = family[kept], agency[kept], day[kept], blocked[kept], back[kept]

    shape = (len(families), len(agencies) + 1, months)
    days = np.zeros(shape, dtype=np.int16)
    days[:, :-1] = _distinct_days(family, agency, day, back, (shape[0], shape[1] - 1, months))
    opened = ~blocked
    parted = _distinct_days(family[opened], agency[opened], day[opened], back[opened], (shape[0], shape[1] - 1, months))
    days[:, -1] = parted.sum(axis=1)
    restricted = (*(name in declared.closed for name in agencies), False)
    return Contacts(
        as_at, families, (*agencies, TOGETHER), days, _covered(declared, covered_from, as_at, months), restricted
    )


def months_back(days: npt.NDArray[np.datetime64], as_at: pd.Timestamp) -> Ints:
    """How many months before the as-at date each day lies: 0 for the month that ends on it, negative after it.

    Months run from the day after the same day of the month before (the last of a shorter month), as in windows of
    criteria.
    """
    whole = days.astype("datetime64[M]")
    of_month = (days.astype("datetime64[D]") - whole.astype("datetime64[D]")).astype(np.int64) + 1
    length = ((whole + 1).astype("datetime64[D]") - whole.astype("datetime64[D]")).astype(np.int64)
    ends_on = np.minimum(as_at.day, length)  # that month's day on which a month ends
    last = as_at.to_datetime64().astype("datetime64[M]")
    return np.asarray((last - whole).astype(np.int64) - (of_month > ends_on), dtype=np.int64)


def monthly_rows(contacts: Contacts) -> pd.DataFrame:
    """One row per family, agency and month with a contact: family_id, agency, month_end, contacts, contains_dwp.

    `month_end` is the last day of the month counted.
    """
    family, agency, month = np.nonzero(contacts.days)
    ends = pd.DatetimeIndex([contacts.as_at - pd.DateOffset(months=int(m)) for m in range(contacts.days.shape[2])])
    return pd.DataFrame(
        {
            "family_id": contacts.family_ids[family],
            "agency": np.array(contacts.agencies, dtype=object)[agency],
            "month_end": ends[month],
            "contacts": contacts.days[family, agency, month],
            "contains_dwp": np.array(contacts.restricted)[agency],
        }
    )


def _rows(
    evidence: pd.DataFrame, members: pd.DataFrame, families: Ints, declared: Escalation
) -> tuple[Ints, Ints, npt.NDArray[np.datetime64], npt.NDArray[np.bool_]]:
    """Contact rows as arrays: place of the family, place of the agency, day, from a blocked feed."""
    place_of = {agency: place for place, agency in enumerate(declared.agencies)}
    agency_of_kind = {kind: place_of[agency] for kind, agency in declared.contacts.items()}
    kinds = pd.Categorical(evidence["kind"])
    agency = _looked_up(kinds, agency_of_kind)

    living = members[members["role"].isin(OWN_ROLES)].drop_duplicates("person_id")
    persons = pd.Index(living["person_id"].to_numpy())
    found = persons.get_indexer(pd.Index(evidence["person_id"]))
    home = np.searchsorted(families, living["family_id"].to_numpy())
    known = home < len(families)
    known[known] = families[home[known]] == living["family_id"].to_numpy()[known]
    home = np.where(known, home, NOT_ONE)
    family = np.where(found >= 0, home[found], NOT_ONE) if len(home) else np.full(len(evidence), NOT_ONE)

    start = evidence["start_date"].to_numpy().astype("datetime64[D]")
    kept = (agency >= 0) & (family >= 0) & ~np.isnat(start)
    partners = pd.Categorical(evidence["partner"])
    blocked = np.array([name in declared.blocked for name in partners.categories], dtype=np.bool_)
    from_blocked = blocked[partners.codes] if len(blocked) else np.zeros(len(evidence), dtype=np.bool_)
    return family[kept].astype(np.int64), agency[kept], start[kept], from_blocked[kept]


def _looked_up(kinds: pd.Categorical, places: Mapping[str, int]) -> Ints:
    by_code = np.array([places.get(kind, NOT_ONE) for kind in kinds.categories] + [NOT_ONE], dtype=np.int64)
    return np.asarray(by_code[kinds.codes])  # code -1, a missing kind, takes the last


def _distinct_days(
    family: Ints, agency: Ints, day: npt.NDArray[np.datetime64], back: Ints, shape: tuple[int, int, int]
) -> Counts:
    """How many different days: a family, agency and day counted once, then added up by month."""
    if not len(family):
        return np.zeros(shape, dtype=np.int16)
    number = day.astype(np.int64)
    number = number - number.min()
    span = int(number.max()) + 1
    _, first = np.unique((family * shape[1] + agency) * span + number, return_index=True)
    cell, count = np.unique((family[first] * shape[1] + agency[first]) * shape[2] + back[first], return_counts=True)
    counted = np.zeros(shape, dtype=np.int16)
    counted.reshape(-1)[cell] = count
    return counted


def _covered(
    declared: Escalation, covered_from: Mapping[str, pd.Timestamp], as_at: pd.Timestamp, months: int
) -> tuple[int, ...]:
    """By agency, the months that every one of its kinds that is sent at all covers; together: by the shortest."""
    covered = []
    for agency in declared.agencies:
        firsts = [covered_from[kind] for kind, of in declared.contacts.items() if of == agency and kind in covered_from]
        if not firsts:
            covered.append(0)
            continue
        latest = max(firsts)
        whole = int(months_back(np.array([latest.to_datetime64()], dtype="datetime64[D]"), as_at)[0]) + 1
        begins_on = as_at - pd.DateOffset(months=whole) + pd.Timedelta(days=1)
        covered.append(min(months, whole if latest <= begins_on else whole - 1))
    fed = [number for number in covered if number > 0]
    return (*(max(number, 0) for number in covered), min(fed, default=0))
