"""The made-up borough in one look: `synthesise`.

Writes `out/raw/<partner>/<table>.csv` in exactly the raw layouts of the contracts, and the truth:

- `truth/people.csv`: partner, person_ref, true_person_id; one row per record of a person
- `truth/families.csv`: true_person_id, true_family_id; one row per person of the borough, as at `until`
- `truth/criteria.csv`: true_family_id, pack, criterion, state; families with a child under 18 only
- `truth/people_details.csv`: true_person_id, age_band, sex, naming_culture, mover, household_shape

A true family is one household: people who live together as one unit. Three generations under one roof are one
family; a child at two addresses belongs to the main carer's; a parent who lives elsewhere, to their own household;
every unit of a hostel or house in multiple occupation is a family of its own, so a lone room is a family of one; adults
without children who share an ordinary home are kept as one household.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.contracts import Contract, load_contracts, load_vocabulary
from pipeline.errors import DeclarationError
from pipeline.synthetic import bad_rows, recording, tables
from pipeline.synthetic.assessments import drift
from pipeline.synthetic.calendar import Calendar, make_calendar
from pipeline.synthetic.council import look_after
from pipeline.synthetic.crime import offend
from pipeline.synthetic.declared import Bools, Chance, Declared, Texts, load_declared
from pipeline.synthetic.dwellings import Dwellings, house_everybody
from pipeline.synthetic.households import choose_tenure, make_households
from pipeline.synthetic.identifiers import national_insurance_numbers, nhs_numbers, pnc_ids, pupil_numbers
from pipeline.synthetic.moves import MAIN, live
from pipeline.synthetic.names import CULTURES, choose_cultures, name_everybody
from pipeline.synthetic.people import SHAPES, Households, People
from pipeline.synthetic.plan import Plan, make_plan
from pipeline.synthetic.schooling import Schooling, choose_pupils, go_to_school
from pipeline.synthetic.ties import tie_households
from pipeline.synthetic.truth import CRITERIA, criteria_rows, judge
from pipeline.synthetic.views import LETTERS, PARTNERS, View, look
from pipeline.synthetic.work import claim
from pipeline.synthetic.write import raw_header, write_frame, write_table

Progress = Callable[[str, float], None]
AGE_BANDS = ((0, "0-9"), (10, "10-17"), (18, "18-29"), (30, "30-44"), (45, "45-64"), (65, "65+"))


@dataclass(frozen=True)
class SynthesisSummary:
    """What was made: counts of people, families, rows by partner and table, and families by criterion."""

    people: int
    families: int
    families_with_children: int
    rows: dict[str, dict[str, int]]
    bad_rows: dict[str, dict[str, int]]
    met: dict[str, int]  # families by criterion, and `selected`
    two_or_more: int
    all_three: int


@dataclass(frozen=True)
class Borough:
    """Everything that is true, and everything that was recorded as a fact."""

    people: People
    households: Households
    dwellings: Dwellings
    spells: pd.DataFrame
    plan: Plan
    schooling: Schooling
    facts: pd.DataFrame
    identifiers: recording.Identifiers
    calendar: Calendar


def synthesise(
    population: int,
    seed: int,
    out: Path,
    *,
    declarations: Path,
    until: dt.date = dt.date(2014, 7, 31),
    progress: Progress | None = None,
) -> SynthesisSummary:
    """Make a borough of exactly `population` people and write what its partners hold, and the truth.

    The same population, seed, declarations and date give the same files, byte for byte. Raises DeclarationError when
    the size is outside the declared range.
    """
    declared = load_declared(declarations)
    contracts = load_contracts(declarations, load_vocabulary(declarations))
    _check_size(declared, population)
    chance = Chance(seed=seed, population=population)
    tell = progress or (lambda description, fraction: None)
    tell("People and households", 0.0)
    borough = make_borough(chance, declared, population, until, tell)
    tell("What each partner sees", 0.35)
    views = look(
        chance, declared, borough.people, borough.households, borough.schooling, borough.facts, borough.calendar
    )
    rows: dict[str, dict[str, int]] = {}
    bad: dict[str, dict[str, int]] = {}
    for step, partner in enumerate(PARTNERS):
        tell(f"Writing the extract of {contracts[partner].name}", 0.4 + 0.13 * step)
        rows[partner], bad[partner] = _write_partner(
            chance, declared, borough, views[partner], contracts[partner], out / "raw" / partner
        )
    tell("Writing the truth", 0.93)
    judged = _write_truth(borough, views, out / "truth")
    tell("Done", 1.0)
    three = judged[["crime_asb", "education", "work"]].sum(axis=1)
    return SynthesisSummary(
        people=population,
        families=len(borough.households),
        families_with_children=len(judged),
        rows=rows,
        bad_rows=bad,
        met={name: int(judged[name].sum()) for name in (*CRITERIA, "selected")},
        two_or_more=int((three >= 2).sum()),
        all_three=int((three == 3).sum()),
    )


def _check_size(declared: Declared, population: int) -> None:
    smallest, largest = int(declared.number("size.smallest")), int(declared.number("size.largest"))
    if not smallest <= population <= largest:
        raise DeclarationError(
            where="synthesise --population",
            rule=f"a made-up borough has {smallest:,} to {largest:,} people.",
            remedy="choose a size in this range.",
        )


def make_borough(
    chance: Chance, declared: Declared, population: int, until: dt.date, tell: Progress = lambda d, f: None
) -> Borough:
    """People, homes, lives: everything but what the partners wrote down."""
    calendar = make_calendar(until, int(declared.number("years")))
    people, households = make_households(chance, declared, population, calendar.until)
    choose_tenure(chance, declared, households)
    tie_households(chance, declared, people, households, calendar.until)
    tell("Names", 0.08)
    choose_cultures(chance, declared, people, households)
    name_everybody(chance, declared, people, households)
    tell("Homes and moves", 0.16)
    dwellings = house_everybody(chance, declared, households, population)
    spells = live(chance, declared, people, households, dwellings, calendar.until)
    tell("Three years of events", 0.22)
    reception, pupil, compulsory = choose_pupils(chance, declared, people, calendar)
    plan = make_plan(chance, declared, people, households, compulsory, calendar.until)
    main = spells[spells["kind"] == MAIN]
    arrived = people.born.copy()
    first = main.drop_duplicates("person")
    arrived[first["person"].to_numpy()] = first["start"].to_numpy()
    schooling = go_to_school(
        chance, declared, people, households, plan, calendar, arrived, reception, pupil, compulsory
    )
    facts = pd.concat(
        [
            schooling.facts,
            offend(chance, declared, people, households, plan, calendar),
            claim(chance, declared, people, households, plan, calendar),
            look_after(chance, declared, people, households, plan, calendar),
            drift(chance, declared, people, schooling.pupil, calendar),
        ],
        ignore_index=True,
    )
    tell("Identifiers", 0.3)
    identifiers = _identifiers(chance, people, schooling, facts, calendar)
    return Borough(people, households, dwellings, spells, plan, schooling, facts, identifiers, calendar)


def _identifiers(
    chance: Chance, people: People, schooling: Schooling, facts: pd.DataFrame, calendar: Calendar
) -> recording.Identifiers:
    count = len(people)
    nino = national_insurance_numbers(chance, count)
    nino[people.age(calendar.until) < 16] = None
    upn = np.full(count, None, dtype=object)
    # Since 1999 every child at a state school has one; who left school keeps it, for who still asks.
    pupils = np.flatnonzero(schooling.pupil)
    schools = max(3, count // 3500)
    upn[pupils] = pupil_numbers(2000 + people.household[pupils] % schools, schooling.reception[pupils] % 100)
    pnc = np.full(count, None, dtype=object)
    arrested = facts[(facts["partner"] == "police") & facts["kind"].isin(["arrest", "proven_offence", "custody"])]
    earliest = arrested.groupby("person")["start"].min()
    year = earliest.to_numpy().astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    pnc[earliest.index.to_numpy()] = pnc_ids(chance, year)
    return recording.Identifiers(nino=nino, nhs_number=nhs_numbers(chance, count), upn=upn, pnc_id=pnc)


def _write_partner(
    chance: Chance, declared: Declared, borough: Borough, view: View, contract: Contract, folder: Path
) -> tuple[dict[str, int], dict[str, int]]:
    """Every table of the contract that this generator knows how to fill; rows and bad rows by table."""
    rng = chance.stage(f"records of {view.partner}")
    texts = recording.day_texts(borough.calendar.until)
    rows: dict[str, int] = {}
    bad: dict[str, int] = {}
    for table in contract.tables:
        columns = tuple(column.name for column in table.columns)
        raw = _raw_table(rng, declared, borough, view, table.name, columns, texts)
        share = declared.share(f"partners.{view.partner}.bad_rows")
        raw, bad[table.name] = bad_rows.spoil(
            rng, table, raw, share, LETTERS[view.partner], _long_over(raw, borough.calendar)
        )
        rows[table.name] = write_table(folder / table.file, raw_header(table), [raw[name] for name in columns])
    return rows, bad


def _raw_table(
    rng: np.random.Generator,
    declared: Declared,
    borough: Borough,
    view: View,
    name: str,
    columns: tuple[str, ...],
    texts: recording.DayText,
) -> dict[str, Texts]:
    people, calendar = borough.people, borough.calendar
    if name == "people":
        contacts: Bools = ~borough.schooling.pupil
        return recording.people_table(rng, declared, view, people, borough.identifiers, texts, columns, contacts)
    if name == "residences":
        spells = recording.residence_rows(rng, declared, view, people, borough.spells, calendar)
        return recording.residence_table(rng, declared, view, spells, borough.dwellings, texts)
    if name == "relationships":
        return tables.relationship_table(rng, declared, view, people, texts, calendar)
    if name == "events":
        return tables.event_table(rng, declared, view, borough.facts, texts)
    if name == "attendance":
        return tables.attendance_table(rng, view, borough.schooling.attendance, calendar, texts)
    if name == "enrolments":
        return tables.enrolment_table(rng, view, borough.schooling.enrolments, texts)
    if name == "nominations":
        return tables.nomination_table(rng, declared, view, people, borough.plan, borough.facts, calendar, texts)
    raise DeclarationError(
        where=f"contract of {view.partner}",
        rule=f"the made-up borough cannot fill a table '{name}'.",
        remedy="make the borough with declarations without it, or teach pipeline.synthetic to fill it.",
    )


def _long_over(raw: dict[str, Texts], calendar: Calendar) -> np.ndarray:
    """Rows of events of one day more than two years before the as-at date: no criterion looks so far back."""
    if "event_ref" not in raw:
        return np.empty(0, dtype=np.int64)
    iso = pd.to_datetime(pd.Series(raw["start_date"]), format="%Y-%m-%d", errors="coerce")
    slash = pd.to_datetime(pd.Series(raw["start_date"]), format="%d/%m/%Y", errors="coerce")
    days = iso.fillna(slash)
    over = pd.Timestamp("1970-01-01") + pd.Timedelta(days=calendar.until - 730)
    ended = pd.Series(raw["end_date"]).isna() & ~pd.Series(raw["kind"]).isin(["out_of_work_benefit", "rent_arrears"])
    return np.flatnonzero((days < over) & ended)


def _write_truth(borough: Borough, views: dict[str, View], folder: Path) -> pd.DataFrame:
    people, households, calendar = borough.people, borough.households, borough.calendar
    partner = np.concatenate([np.full(len(views[p].person), p, dtype=object) for p in PARTNERS])
    write_frame(
        folder / "people.csv",
        {
            "partner": partner,
            "person_ref": np.concatenate([views[p].ref for p in PARTNERS]),
            "true_person_id": np.concatenate([views[p].person for p in PARTNERS]),
        },
    )
    everybody = np.arange(len(people))
    write_frame(folder / "families.csv", {"true_person_id": everybody, "true_family_id": people.household})
    judged = judge(
        people.household,
        people.born,
        borough.facts,
        borough.schooling.enrolments,
        borough.schooling.attendance,
        calendar,
    )
    rows = criteria_rows(judged)
    write_frame(folder / "criteria.csv", {name: rows[name].to_numpy() for name in rows.columns})
    band = np.searchsorted([first for first, _ in AGE_BANDS], people.age(calendar.until), side="right") - 1
    moved = np.zeros(len(people), dtype=bool)
    recent = borough.spells[(borough.spells["kind"] == MAIN) & (borough.spells["start"] >= calendar.since)]
    moved[recent["person"].to_numpy()] = True
    moved &= people.born < calendar.since
    write_frame(
        folder / "people_details.csv",
        {
            "true_person_id": everybody,
            "age_band": np.array([name for _, name in AGE_BANDS], dtype=object)[band],
            "sex": np.array(["F", "M"], dtype=object)[people.sex],
            "naming_culture": np.array(CULTURES, dtype=object)[people.culture],
            "mover": np.where(moved, "true", "false").astype(object),
            "household_shape": np.array(SHAPES, dtype=object)[households.shape[people.household]],
        },
    )
    return judged
