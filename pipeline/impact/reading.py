"""What an evaluation reads of the live database, as the evaluating role; and what families cost around their start."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.costs import CostModel, family_costs
from pipeline.errors import BuildError
from pipeline.impact.declared import NEW_MODEL, Impact
from pipeline.impact.evaluate import Material
from pipeline.impact.money import MONEY, Costed
from pipeline.impact.panel import AFTER, BEFORE, windows_of
from pipeline.nightly import EVALUATOR, read_coverage
from pipeline.publish import latest_run
from pipeline.settings import Settings
from pipeline.store.bulk import read_frame
from pipeline.store.database import Database


@dataclass(frozen=True)
class Published:
    """The run that users see, and what an evaluation needs of it."""

    run_id: int
    as_at: dt.date
    pack: str
    material: Material


def read_published(database: Database, settings: Settings, kinds: list[str]) -> Published:
    """The published families with their evidence of these kinds; the pool is every family with children.

    Today's members count in every window: when each came or went would change the family with the window. Raises
    BuildError when nothing has been published.
    """
    run_id = latest_run(database)
    with database.connect() as connection:
        row = connection.execute("select as_at, pack from registry.run where run_id = %s", (run_id,)).fetchone()
    assert row is not None
    as_at: dt.date = row[0]
    with database.adbc(role=EVALUATOR) as adbc:

        def frame(query: str, *parameters: str) -> pd.DataFrame:
            found = read_frame(adbc, query, parameters or None)
            return pd.DataFrame(found.to_pandas(date_as_object=False, strings_to_categorical=True))

        families = frame("select family_id, kind, adults, children from publication.family")
        members = frame(
            "select distinct family_id, person_id, role from publication.family_member"
            " where (start_date is null or start_date <= $1::date) and (end_date is null or end_date >= $1::date)",
            as_at.isoformat(),
        )
        persons = frame("select person_id, min(birth_month) as birth_month from publication.family_member group by 1")
        evidence = frame(
            "select f.evidence_id, p.person_id, f.kind, f.code, f.role, f.start_date, f.end_date, f.quantity, f.out_of,"
            " f.partner from evidence.fact f join evidence.person p using (record_id)"
            " where f.kind = any (string_to_array($1, ','))",
            ",".join(kinds),
        )
        ledger = frame("select old_id, new_id, change from publication.family_ledger order by run_id")
    contracts = load_contracts(settings.declarations, load_vocabulary(settings.declarations))
    coverage = read_coverage(database, contracts, as_at)
    covered = coverage[coverage["fresh"]].groupby("kind")["since"].max()
    pool = families.loc[families["kind"] == "with_children", "family_id"].to_numpy(dtype=np.int64)
    never = np.full(len(members), np.datetime64("NaT", "ns"))
    material = Material(
        families=families,
        members=members.assign(start_date=never, end_date=never),
        persons=persons,
        evidence=evidence,
        ledger=ledger,
        pool=np.sort(pool),
        covered_from={str(kind): pd.Timestamp(first) for kind, first in covered.items()},
        as_at=pd.Timestamp(as_at),
    )
    return Published(run_id, as_at, str(row[1]), material)


def read_in_programme(database: Database, pack: str) -> pd.DataFrame:
    """Families whose case has ever been in the programme, from the first day it was: ASSIGNMENT_COLUMNS.

    Who left early or was closed counts too: a programme is judged by all who came. Raises BuildError when there is
    none.
    """
    with database.connect(role=EVALUATOR) as connection:
        rows = connection.execute(
            "select family_id, attached_on from casework.family_case"
            " where pack = %s and attached_on is not null and merged_into is null order by family_id",
            (pack,),
        ).fetchall()
    if not rows:
        raise BuildError(
            where="evaluate-programme",
            rule="no family has entered a programme.",
            remedy="move cases on to in_programme (wholefamily cases move), or give --assignment FILE; to see what an "
            "evaluation says, with an effect planted, try --simulate 0.5.",
        )
    table = pd.DataFrame(rows, columns=["family_id", "start_date"])
    return table.assign(
        arm=NEW_MODEL,
        start_date=pd.to_datetime(table["start_date"]),
        cluster="family " + table["family_id"].astype(str),
    )


def costs_of(material: Material, model: CostModel, declared: Impact) -> Callable[[pd.DataFrame], Costed]:
    """What families cost in the cost model's months before their start and after it, each by its own start date."""
    kinds = {kind for rule in model.rules for kind in rule.kinds}
    firsts = [first for kind, first in material.covered_from.items() if kind in kinds]

    def of(starts: pd.DataFrame) -> Costed:
        windows = windows_of(starts["start_date"], model.window_months, declared.lag)
        covered = (windows[BEFORE].first >= np.datetime64(max(firsts, default=material.as_at), "D")) & (
            windows[AFTER].last <= np.datetime64(material.as_at, "D")
        )
        starts = starts[covered]
        ids = starts["family_id"].to_numpy(dtype=np.int64)
        here = material.members["role"].isin(("adult", "child"))  # of whom each is in one family
        own = material.members[here & material.members["family_id"].isin(ids)]
        persons = material.persons[material.persons["person_id"].isin(own["person_id"])]
        evidence = material.evidence[
            material.evidence["kind"].isin(kinds) & material.evidence["person_id"].isin(own["person_id"])
        ]
        start_of = own["family_id"].map(starts.set_index("family_id")["start_date"])
        people_of = dict(iter(own.groupby(start_of)))
        start_of_person = pd.Series(start_of.to_numpy(), index=own["person_id"]).groupby(level=0).first()
        facts_of = dict(iter(evidence.groupby(evidence["person_id"].map(start_of_person))))
        parts = []
        for start, people in people_of.items():
            facts = facts_of.get(start, evidence.iloc[:0])
            edges = windows_of(pd.Series([start]), model.window_months, declared.lag)
            for period in (BEFORE, AFTER):
                first, last = pd.Timestamp(edges[period].first[0]), pd.Timestamp(edges[period].last[0])
                over = facts["end_date"].notna() & (facts["end_date"] < first) & (facts["start_date"] < first)
                told = facts[(facts["start_date"] <= last) & ~over]
                asked = _rules_for(model, told)
                if asked.rules:
                    lines = family_costs(people, persons, told, asked, last)
                    parts.append(lines.assign(period=period)[["family_id", "agency", "period", *MONEY]])
        return Costed(_by_period(parts), ids)

    return of


def _rules_for(model: CostModel, facts: pd.DataFrame) -> CostModel:
    """The model with the rules that these facts can meet: hundreds of start dates each ask a few of them."""
    here = set(facts["kind"].unique())
    return replace(model, rules=tuple(rule for rule in model.rules if here.intersection(rule.kinds)))


def _by_period(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """family_id, agency, money, before, after."""
    if not parts:
        return pd.DataFrame(columns=["family_id", "agency", "money", BEFORE, AFTER])
    long = pd.concat(parts, ignore_index=True).melt(["family_id", "agency", "period"], list(MONEY), "money", "pounds")
    wide = long.pivot_table("pounds", ["family_id", "agency", "money"], "period", aggfunc="sum", fill_value=0.0)
    return wide.reindex(columns=[BEFORE, AFTER], fill_value=0.0).reset_index()
