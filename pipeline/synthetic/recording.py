"""What a partner wrote down of the people it sees, and of where they live: with slips, gaps and late changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.synthetic.calendar import Calendar
from pipeline.synthetic.declared import NEVER, NOBODY, Bools, Declared, Ints, Texts, happens
from pipeline.synthetic.dwellings import Dwellings
from pipeline.synthetic.identifiers import zero_padded
from pipeline.synthetic.moves import MAIN, OTHER_HOME
from pipeline.synthetic.people import MALE, People
from pipeline.synthetic.slips import blemish, slip_dates, slip_names
from pipeline.synthetic.views import View

FIRST_DAY = -40_000  # before anybody in the borough was born
SHORT_KINDS = {"Road": "Rd", "Street": "St", "Avenue": "Ave", "Close": "Cl", "Lane": "Ln", "Drive": "Dr"}


@dataclass(frozen=True)
class Identifiers:
    """Per person; None where they have none. `pnc_id` exists for who was ever arrested."""

    nino: Texts
    nhs_number: Texts
    upn: Texts
    pnc_id: Texts


@dataclass(frozen=True)
class DayText:
    """Days as text, by table look-up; NEVER and NOBODY become None."""

    iso: Texts
    dmy: Texts

    def of(self, days: Ints, iso: Bools) -> Texts:
        inside = (days < NEVER) & (days != NOBODY)
        place = np.where(inside, days - FIRST_DAY, 0)
        text = np.where(iso, self.iso[place], self.dmy[place]).astype(object)
        text[~inside] = None
        return text


def day_texts(until: int) -> DayText:
    """Every day up to a year after `until`, in both forms."""
    dates = np.arange(FIRST_DAY, until + 366).astype("datetime64[D]")
    iso = np.datetime_as_string(dates).astype(object)
    dmy = np.array([f"{text[8:10]}/{text[5:7]}/{text[0:4]}" for text in iso], dtype=object)
    return DayText(iso=iso, dmy=dmy)


def people_table(
    rng: np.random.Generator,
    declared: Declared,
    view: View,
    people: People,
    identifiers: Identifiers,
    texts: DayText,
    columns: tuple[str, ...],
    contacts: Bools,
) -> dict[str, Texts]:
    """The raw table `people`. `contacts`: who is only somebody's contact (schools ask less of them)."""
    who, partner = view.person, view.partner
    count = len(who)

    def gone(column: str, extra: float = 0.0) -> Bools:
        return happens(rng, declared.share(f"partners.{partner}.missing.{column}") + extra, count)

    surname = people.surname[who].copy()
    late = (people.old_surname[who] != None) & happens(rng, declared.share(f"partners.{partner}.old_surname"), count)  # noqa: E711
    surname[late] = people.old_surname[who][late]
    forename, surname = slip_names(rng, declared, partner, people.forename[who], surname)
    upper = happens(rng, declared.share(f"partners.{partner}.blemishes.upper"), count)
    male = people.sex[who] == MALE
    wrong_sex = happens(rng, declared.share(f"partners.{partner}.errors.sex"), count)
    born = slip_dates(rng, declared, partner, people.born[who])
    iso = happens(rng, declared.share(f"partners.{partner}.blemishes.iso_dates"), count)

    titled = happens(rng, declared.share(f"partners.{partner}.blemishes.title"), count)
    forename[titled] = [
        ("Mr " if man else "Ms ") + name for man, name in zip(male[titled], forename[titled], strict=True)
    ]
    table = {
        "person_ref": view.ref,
        "forename": blemish(rng, declared, partner, forename, upper),
        "middle_names": blemish(rng, declared, partner, people.middle[who], upper),
        "surname": blemish(rng, declared, partner, surname, upper),
        "date_of_birth": texts.of(born, iso),
        "sex": np.where(male ^ wrong_sex, "M", "F").astype(object),
    }
    if partner == "schools":
        unknown = contacts[who] & happens(rng, declared.share("partners.schools.contact_date_of_birth_missing"), count)
        table["date_of_birth"][unknown] = None
    for name in ("nino", "nhs_number", "upn", "pnc_id"):
        if name in columns:
            table[name] = getattr(identifiers, name)[who].copy()
            _misread(rng, table[name], declared.share(f"partners.{partner}.wrong_identifier"))
    if partner == "council":
        # Social care keeps the NHS number and the UPN of a child; the rest of the council does not.
        outside = ~view.social_care[who]
        table["nhs_number"][outside & happens(rng, 0.97, count)] = None
        table["upn"][outside & happens(rng, 0.8, count)] = None
    for name in columns:
        if name not in ("person_ref",):
            table[name][gone(name)] = None
    if partner == "schools":
        temporary = happens(rng, declared.share("partners.schools.temporary_upn"), count) & (table["upn"] != None)  # noqa: E711
        table["upn"][temporary] = [upn[:-1] + "ABC"[int(upn[-1]) % 3] for upn in table["upn"][temporary]]
    return {name: table[name] for name in columns}


def _misread(rng: np.random.Generator, values: Texts, share: float) -> None:
    """Put a wrong digit into a share of the identifiers, in place."""
    for row in np.flatnonzero((values != None) & happens(rng, share, len(values))):  # noqa: E711
        value = values[row]
        place = 3 + int(row) % 4
        if value[place].isdigit():
            values[row] = f"{value[:place]}{(int(value[place]) + 1 + int(row) % 8) % 10}{value[place + 1 :]}"


def residence_rows(
    rng: np.random.Generator,
    declared: Declared,
    view: View,
    people: People,
    spells: pd.DataFrame,
    calendar: Calendar,
) -> pd.DataFrame:
    """The spells the partner holds: record (index into the view), dwelling, start, end.

    A late change of address shows the home before as if it lasted; mostly late for the whole household. Of who did
    not move within the years, the partner has the one home.
    """
    who, partner = view.person, view.partner
    share = declared.share
    count = len(who)
    together = rng.random(int(people.household.max()) + 1)[people.household[who]]
    alone = rng.random(count)
    throw = np.where(happens(rng, share("recording.same_slip_in_household"), count), together, alone)
    nowhere = throw > 1 - share(f"partners.{partner}.no_address")
    late = throw < share(f"partners.{partner}.stale_address")

    person = spells["person"].to_numpy()
    main = spells[spells["kind"].to_numpy() == MAIN]
    held = main["end"].to_numpy() >= calendar.since
    main = main[held]
    row_of = np.arange(count)
    order = np.argsort(who, kind="stable")
    first = np.searchsorted(who[order], main["person"].to_numpy(), side="left")
    last = np.searchsorted(who[order], main["person"].to_numpy(), side="right")
    times = last - first
    index = np.repeat(np.arange(len(main)), times)
    offset = np.arange(len(index)) - np.repeat(np.cumsum(times) - times, times)
    frame = main.iloc[index].assign(record=row_of[order[np.repeat(first, times) + offset]])
    frame = frame.sort_values(["record", "start"], kind="stable", ignore_index=True)

    record = frame["record"].to_numpy()
    last_of = np.append(record[1:] != record[:-1], True)
    second_last = np.append(last_of[1:] & (record[1:] == record[:-1]), False)
    has_before = np.zeros(count, dtype=bool)
    has_before[record[second_last]] = True
    stale = late & has_before
    end = frame["end"].to_numpy().copy()
    end[second_last & stale[record]] = NEVER
    kept = np.where(last_of, ~stale[record], happens(rng, share(f"partners.{partner}.history_held"), len(frame)))
    kept |= second_last & stale[record]
    kept &= ~nowhere[record]
    start = frame["start"].to_numpy() + rng.integers(0, 15, len(frame)) * happens(rng, 0.4, len(frame))
    frame = frame.assign(start=np.minimum(start, end), end=end)[kept]

    second_homes = spells[spells["kind"].to_numpy() == OTHER_HOME]
    likely = {"schools": 0.6, "council": 0.2, "dwp": 0.0, "police": 0.1}.get(partner, 0.0)
    record_of = np.full(len(people), NOBODY, dtype=np.int64)
    record_of[who] = row_of
    record = record_of[second_homes["person"].to_numpy()]
    told = (record != NOBODY) & happens(rng, likely, len(second_homes))
    frame = pd.concat([frame, second_homes[told].assign(record=record[told])])
    assert len(person) == len(spells)
    held_spells: pd.DataFrame = frame[["record", "dwelling", "start", "end"]]
    return held_spells.sort_values("record", kind="stable", ignore_index=True)


def residence_table(
    rng: np.random.Generator,
    declared: Declared,
    view: View,
    rows: pd.DataFrame,
    dwellings: Dwellings,
    texts: DayText,
) -> dict[str, Texts]:
    """The raw table `residences`."""
    partner, count = view.partner, len(rows)
    share = declared.share
    dwelling = rows["dwelling"].to_numpy()
    uprn = dwellings.uprn[dwelling].astype(str).astype(object)
    padded = happens(rng, share(f"partners.{partner}.blemishes.padded_uprn"), count)
    uprn[padded] = zero_padded(dwellings.uprn[dwelling[padded]], 12)
    uprn[happens(rng, share(f"partners.{partner}.missing.uprn"), count)] = None

    address = dwellings.address[dwelling].copy()
    short = np.flatnonzero(happens(rng, 0.25, count))
    for row in short.tolist():
        front, _, kind = address[row].rpartition(" ")
        address[row] = f"{front} {SHORT_KINDS.get(kind, kind)}"
    address = blemish(
        rng, declared, partner, address, happens(rng, share(f"partners.{partner}.blemishes.upper"), count)
    )
    postcode = dwellings.postcode[dwelling].copy()
    closed = happens(rng, 0.06, count)
    postcode[closed] = [code.replace(" ", "").lower() for code in postcode[closed]]
    postcode[happens(rng, share(f"partners.{partner}.missing.postcode"), count)] = None
    iso = happens(rng, share(f"partners.{partner}.blemishes.iso_dates"), count)
    start = texts.of(rows["start"].to_numpy(), iso)
    start[happens(rng, share(f"partners.{partner}.missing.start_date"), count)] = None
    return {
        "person_ref": view.ref[rows["record"].to_numpy()],
        "uprn": uprn,
        "address": address,
        "postcode": postcode,
        "start_date": start,
        "end_date": texts.of(rows["end"].to_numpy(), iso),
    }
