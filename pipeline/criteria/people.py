"""Who belongs to which family as at a date, and as what: child, adult, parent. Frames in, one frame out.

PEOPLE: one row per person and family; the rows of residents (adults and children, each in one family) come first.
person_id · family (position among the families) · resident · birth (month index, NaN when not known) · sex ·
says_child (the role the family gives) · joined (first day of the present stay, NaT: always) · child · adult · parent.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.criteria.packs import Pack
from pipeline.criteria.windows import Mask, Months, age_in_months, month_index

RESIDENT = ("adult", "child")
ELSEWHERE = "non_resident_parent"
YEAR = 12  # months


def belonging(
    families: pd.Index, members: pd.DataFrame, persons: pd.DataFrame, pack: Pack, as_at: pd.Timestamp
) -> pd.DataFrame:
    """PEOPLE of these families, with child, adult and parent by age and role (young people may be added later).

    A person who lives in two families is of the one that is surer (then the lower id) and counts once. Parents who
    live elsewhere are there only when the pack lets them account for something; an associated person never is.
    """
    now = (members["start_date"].isna() | (members["start_date"] <= as_at)) & (
        members["end_date"].isna() | (members["end_date"] >= as_at)
    )
    current = members[now].sort_values(["person_id", "confidence", "family_id"], ascending=[True, False, True])
    resident = current[current["role"].isin(RESIDENT)].drop_duplicates("person_id")
    resident = resident[resident["family_id"].isin(families)]
    belong = resident.assign(resident=True)
    if pack.elsewhere_at_most is not None:
        elsewhere = current[(current["role"] == ELSEWHERE) & current["family_id"].isin(families)]
        elsewhere = elsewhere.drop_duplicates(["person_id", "family_id"]).assign(resident=False)
        at_home = pd.MultiIndex.from_frame(resident[["person_id", "family_id"]])
        apart = ~pd.MultiIndex.from_frame(elsewhere[["person_id", "family_id"]]).isin(at_home)
        belong = pd.concat([belong, elsewhere[apart]], ignore_index=True)
    known = persons.drop_duplicates("person_id").set_index("person_id")
    of_person = pd.Index(belong["person_id"])
    sex = known["sex"].reindex(of_person).to_numpy(dtype=object) if "sex" in known else np.full(len(belong), None)
    people = pd.DataFrame(
        {
            "person_id": belong["person_id"].to_numpy(dtype=np.int64),
            "family": families.get_indexer(pd.Index(belong["family_id"])),
            "resident": belong["resident"].to_numpy(dtype=bool),
            "birth": month_index(pd.to_datetime(known["birth_month"].reindex(of_person))),
            "sex": sex,
            "says_child": (belong["role"] == "child").to_numpy(dtype=bool),
            "joined": _joined(belong, members, pack),
        }
    )
    age = age_of(people, as_at)
    unknown = np.isnan(age)
    people["child"] = people["resident"].to_numpy() & np.where(
        unknown, people["says_child"], age < pack.child_under * YEAR
    )
    return settle(people, pack, as_at)


def settle(people: pd.DataFrame, pack: Pack, as_at: pd.Timestamp) -> pd.DataFrame:
    """Adults and parents, once it is known who is a dependent child."""
    age, child = age_of(people, as_at), people["child"].to_numpy(dtype=bool)
    elsewhere = ~people["resident"].to_numpy(dtype=bool)
    grown = np.where(np.isnan(age), ~people["says_child"].to_numpy(dtype=bool), age >= pack.adult_from * YEAR)
    adult = ~child & (grown | elsewhere)
    birth, family = people["birth"].to_numpy(), people["family"].to_numpy()
    youngest = _per_family(family[child], birth[child], family, np.fmax)
    old_enough = ~(birth > youngest - pack.parent_older_by * YEAR)  # not known of either: taken to be
    return people.assign(adult=adult, parent=adult & (old_enough | elsewhere))


def live_with_parents(people: pd.DataFrame, pack: Pack, as_at: pd.Timestamp) -> Mask:
    """Of each resident, whether an adult of an age to be the parent, or of an age not known, lives in the family."""
    age, resident = age_of(people, as_at), people["resident"].to_numpy(dtype=bool)
    grown = resident & np.where(
        np.isnan(age), ~people["says_child"].to_numpy(dtype=bool), age >= pack.adult_from * YEAR
    )
    birth, family = people["birth"].to_numpy(), people["family"].to_numpy()
    oldest = _per_family(family[grown], np.where(np.isnan(birth[grown]), -np.inf, birth[grown]), family, np.fmin)
    with np.errstate(invalid="ignore"):
        return np.asarray(resident & (oldest <= birth - pack.parent_older_by * YEAR), dtype=bool)


def age_of(people: pd.DataFrame, as_at: pd.Timestamp) -> Months:
    """Age in months on the as-at date, NaN when the birth is not known."""
    return age_in_months(people["birth"].to_numpy(dtype=np.float64), float(as_at.year * 12 + as_at.month))


def _per_family(of: npt.NDArray[np.int64], values: Months, family: npt.NDArray[np.int64], keep: np.ufunc) -> Months:
    """The greatest or least known value in each row's family; NaN where there is none."""
    found = np.full(int(family.max()) + 1 if len(family) else 0, np.nan)
    keep.at(found, of, values)
    return np.asarray(found[family], dtype=np.float64)


def _joined(belong: pd.DataFrame, members: pd.DataFrame, pack: Pack) -> npt.NDArray[np.datetime64]:
    """First day of each row's present stay: periods that follow each other without a gap are one stay."""
    start = belong["start_date"].to_numpy(dtype="datetime64[ns]")
    if not _asks_when_joined(pack):
        return start
    key = ["person_id", "family_id"]
    spells = members[members["role"].isin((*RESIDENT, ELSEWHERE))].sort_values(
        [*key, "start_date"], na_position="first"
    )
    several = spells.duplicated(key, keep=False)
    if not several.any():
        return start
    spells = spells[several]
    endless = pd.Timestamp.max.normalize() - pd.Timedelta(days=2)
    reach = spells["end_date"].fillna(endless).groupby([spells["person_id"], spells["family_id"]]).cummax()
    before = reach.groupby([spells["person_id"], spells["family_id"]]).shift()
    begins = before.isna() | (spells["start_date"] > before + pd.Timedelta(days=1))
    stay = spells.assign(stay=begins.cumsum())
    first = stay.groupby("stay")["start_date"].agg(lambda days: days.iloc[0])
    stay["joined"] = stay["stay"].map(first)
    keyed = stay.drop_duplicates([*key, "start_date"]).set_index([*key, "start_date"])["joined"]
    wanted = pd.MultiIndex.from_frame(belong[[*key, "start_date"]])
    found = keyed.reindex(wanted).to_numpy(dtype="datetime64[ns]")
    listed = wanted.isin(keyed.index)
    return np.where(listed, found, start)


def _asks_when_joined(pack: Pack) -> bool:
    return any(test.since_joining for criterion in pack.criteria for rule in criterion.any_of for test in rule.tests)
