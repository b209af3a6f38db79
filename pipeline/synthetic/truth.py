"""The truth: which criteria of `troubled-families-2012` each true family meets, worked out by hand-written logic.

Independent of the pipeline's own evaluation on purpose: it reads no pack and shares no code, so that one can be
measured against the other. The definitions are those of `schemas/criteria/troubled-families-2012.yaml`:

- a fact of one day falls in the last twelve months when (as-at - 12 months) < day <= as-at; a spell, when it overlaps
  that period; the last three terms are the calendar terms begun by the as-at date (September, January, April);
- a child is under 18 at the as-at date; for a proven offence, under 18 on the day of the offence;
- unauthorised absence is added up over the last three terms, child by child: sessions missed / sessions possible;
- a spell is current when it covers the as-at date.

Only facts some partner recorded count, of members of the family: people of one true household. A parent who lives
elsewhere is a member of another family. Families without a child under 18 are not judged and have no rows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.synthetic.calendar import Calendar
from pipeline.synthetic.declared import Bools, Ints
from pipeline.synthetic.people import age_on

PACK = "troubled-families-2012"
CRITERIA = ("crime_asb", "education", "work", "local")
ASB_ACTIONS = ("asb_order", "asb_injunction", "asb_contract", "housing_asb_action")
BENEFITS = ("JSA", "IS", "ESA", "IB", "CA", "SDA", "UC_SEARCHING", "UC_PREPARING", "UC_PLANNING", "UC_NO_REQUIREMENTS")


def judge(
    family: Ints,
    born: Ints,
    facts: pd.DataFrame,
    enrolments: pd.DataFrame,
    attendance: pd.DataFrame,
    calendar: Calendar,
) -> pd.DataFrame:
    """Per true family with a child: family, the criteria as booleans, and `selected`.

    `family` and `born` have one entry per person; the frames name persons by their index into them.
    """
    child = age_on(born, calendar.until) < 18
    children = _families(family, child)
    met = {
        "crime_asb": _families(family, _offended(born, facts, calendar)),
        "education": _families(family, child & _missed_school(len(born), facts, enrolments, attendance, calendar)),
        "work": _families(family, ~child & _out_of_work(len(born), facts, calendar)),
        "local": _families(family, _of_concern(child, facts, calendar)),
    }
    judged = pd.DataFrame({"family": np.flatnonzero(children), **{name: met[name][children] for name in CRITERIA}})
    of_three = judged[["crime_asb", "education", "work"]].sum(axis=1)
    judged["selected"] = (of_three == 3) | ((of_three >= 2) & judged["local"])
    return judged


def _families(family: Ints, persons: Bools) -> Bools:
    """Per family: is one of the persons in it."""
    count = int(family.max()) + 1 if len(family) else 0
    found: Bools = np.bincount(family[persons], minlength=count) > 0
    return found


def _persons(count: int, rows: pd.DataFrame) -> Bools:
    found = np.zeros(count, dtype=bool)
    found[rows["person"].to_numpy()] = True
    return found


def _within(rows: pd.DataFrame, after: int, until: int) -> pd.DataFrame:
    """Rows whose day, or some day of whose spell, lies after `after` and not after `until`."""
    last = np.maximum(rows["end"], rows["start"])
    return rows[(rows["start"] <= until) & (last > after)]


def _offended(born: Ints, facts: pd.DataFrame, calendar: Calendar) -> Bools:
    recent = _within(facts, calendar.year_ago, calendar.until)
    recent = recent[recent["role"] == "offender"]
    offences = recent[recent["kind"] == "proven_offence"]
    age = age_on(born[offences["person"].to_numpy()], offences["start"].to_numpy())
    actions = recent[recent["kind"].isin(ASB_ACTIONS)]
    return _persons(len(born), offences[age < 18]) | _persons(len(born), actions)


def _missed_school(
    count: int, facts: pd.DataFrame, enrolments: pd.DataFrame, attendance: pd.DataFrame, calendar: Calendar
) -> Bools:
    in_terms = _within(facts, calendar.last_terms_start - 1, calendar.until)
    expelled = _persons(count, in_terms[in_terms["kind"] == "permanent_exclusion"])
    fixed = in_terms.loc[in_terms["kind"] == "suspension", "person"].to_numpy()
    suspended = np.bincount(fixed, minlength=count) >= 3

    current = enrolments[(enrolments["start"] <= calendar.until) & (enrolments["end"] >= calendar.until)]
    elsewhere = current["setting"].isin(["pupil_referral_unit", "alternative_provision"])
    placed = _persons(count, current[elsewhere & current["because_excluded"]])
    no_roll = _persons(count, current[current["setting"] == "none"])

    recent = [i for i, term in enumerate(calendar.terms) if term.start >= calendar.last_terms_start]
    sessions = attendance[attendance["term"].isin(recent)]
    person = sessions["person"].to_numpy()
    missed = np.bincount(person, weights=sessions["unauthorised"].to_numpy(dtype=float), minlength=count)
    possible = np.bincount(person, weights=sessions["possible"].to_numpy(dtype=float), minlength=count)
    # 15 % in whole sessions, so that no rounding decides.
    absent = (possible > 0) & (missed * 100 >= possible * 15)
    answer: Bools = expelled | suspended | placed | no_roll | absent
    return answer


def _out_of_work(count: int, facts: pd.DataFrame, calendar: Calendar) -> Bools:
    spells = facts[(facts["kind"] == "out_of_work_benefit") & facts["code"].isin(BENEFITS)]
    return _persons(count, spells[(spells["start"] <= calendar.until) & (spells["end"] >= calendar.until)])


def _of_concern(child: Bools, facts: pd.DataFrame, calendar: Calendar) -> Bools:
    count = len(child)
    recent = _within(facts, calendar.year_ago, calendar.until)
    kind = recent["kind"]
    care = _persons(count, recent[kind.isin(["child_in_need", "child_protection_plan"])]) & child
    anybody = kind.isin(["domestic_abuse_incident", "eviction_notice"])
    return care | _persons(count, recent[anybody])


def criteria_rows(judged: pd.DataFrame) -> pd.DataFrame:
    """The rows of truth/criteria.csv: true_family_id, pack, criterion, state."""
    names = [*CRITERIA, "selected"]
    flags = judged[names].to_numpy(dtype=bool)
    return pd.DataFrame(
        {
            "true_family_id": np.repeat(judged["family"].to_numpy(), len(names)),
            "pack": PACK,
            "criterion": np.tile(np.array(names, dtype=object), len(judged)),
            "state": np.where(flags.ravel(), "met", "not_met").astype(object),
        }
    )
