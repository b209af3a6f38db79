"""Commands of the information desk: whose involvement with services is rising, and a family's journey."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.casework import PANEL, Family, show
from pipeline.cli.options import DatabaseUrl, Home, Json, contracts_of, day, settings_of

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from pipeline.escalation.declared import Escalation
    from pipeline.escalation.night import Night
    from pipeline.escalation.reading import Told
    from pipeline.settings import Settings
    from pipeline.store.database import Database

ANALYST = "analyst"
Reader = Annotated[
    str, typer.Option("--as", help="Who reads: analyst, caseworker or a partner; what is closed to them is left out.")
]
FIGURES = (
    "agency",
    "state",
    "contacts",
    "expected",
    "contacts_before",
    "times_expected",
    "p_value",
    "q_value",
    "reason",
)


def add_to(app: typer.Typer) -> None:
    for command in (escalation, chronology):
        app.command(rich_help_panel=PANEL)(command)


def escalation(
    family: Family = None,
    reader: Reader = ANALYST,
    as_at: Annotated[
        str | None, typer.Option("--as-at", help="Test as at another day; shown, and not written.")
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="How often the test cries wolf on these families; takes longer.")
    ] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Selected families whose contacts with an agency have risen beyond chance; with --family, one family's months.

    Example: `wholefamily escalation --family 12 --as council`
    """
    from pipeline.escalation import declaration
    from pipeline.escalation.reading import read_night
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    declared = declaration(settings)
    who = declared.reader(reader)
    when = day(as_at, "--as-at")
    with open_database(settings) as database:
        if measure:
            _say_measured(database, settings, declared, when, as_json)
            return
        told = read_night(database)
        if when is not None:
            told = _as_at(database, settings, declared, told, when)
    told = told.kept_for(who, declared)
    if family is None:
        _say_all(told, as_json)
    else:
        _say_family(told, family, as_json)


def chronology(
    family: Annotated[int, typer.Argument(help="The family, by its id.")],
    reader: Reader = ANALYST,
    why: Annotated[str, typer.Option("--why", help="Why it is read; kept in the audit log.")] = "not said",
    since: Annotated[str | None, typer.Option("--from", help="From this day on.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Up to this day.")] = None,
    page: Annotated[Path | None, typer.Option("--page", help="Also write a page to print, with a picture.")] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """What happened to a family, when and with which agency, as a reader may see it. Reading it is logged.

    Example: `wholefamily chronology 12 --as schools --why "meeting of 3 June" --page journey.html`
    """
    from pipeline.contracts import load_vocabulary
    from pipeline.escalation import declaration
    from pipeline.escalation.reading import read_chronology
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    declared = declaration(settings)
    who = declared.reader(reader)
    with open_database(settings) as database:
        rows = read_chronology(
            database, declared, load_vocabulary(settings.declarations), family, who, why,
            day(since, "--from"), day(until, "--to"),
        )  # fmt: skip
    if page is not None:
        from pipeline.reports.chronology_page import write_chronology

        write_chronology(page, rows, family, who.title, declared.agencies)
    told = _records(rows.assign(day=rows["day"].dt.date, until=rows["until"].dt.date))
    if as_json:
        typer.echo(json.dumps({"family_id": family, "as": who.id, "rows": told}, default=str))
        return
    short = [{name: row[name] for name in ("day", "until", "agency", "member", "what", "role")} for row in told]
    for row in short:
        row["agency"] = declared.agencies.get(row["agency"], row["agency"])
    show(short, f"Family {family}, as the reader {who.id} may see it", False, left=6)
    if page is not None:
        typer.echo(f"Page: {page}")


def _as_at(database: Database, settings: Settings, declared: Escalation, told: Told, when: dt.date) -> Told:
    """The published families, tested as at another day."""
    import pandas as pd

    from pipeline.escalation import work_out
    from pipeline.escalation.reading import read_grounds, told_of
    from pipeline.nightly import read_coverage

    grounds = read_grounds(database, declared)
    coverage = read_coverage(database, contracts_of(settings), when)
    night: Night = work_out(declared, grounds.watched, grounds.members, grounds.evidence, coverage, pd.Timestamp(when))
    return told_of(told, night, declared)


def _say_measured(
    database: Database, settings: Settings, declared: Escalation, when: dt.date | None, as_json: bool
) -> None:
    import pandas as pd

    from pipeline.escalation.calibrate import false_alarms
    from pipeline.escalation.contacts import count_contacts
    from pipeline.escalation.night import covered_from
    from pipeline.escalation.reading import read_grounds
    from pipeline.nightly import read_coverage
    from pipeline.spans import own_members
    from pipeline.store.published import published_run

    date = when or published_run(database).as_at
    moment = pd.Timestamp(date)
    grounds = read_grounds(database, declared)
    coverage = read_coverage(database, contracts_of(settings), date)
    contacts = count_contacts(
        grounds.evidence, own_members(grounds.members, moment), grounds.with_children, covered_from(coverage),
        declared, moment, declared.test.months + 9,
    )  # fmt: skip
    rows = _records(false_alarms(contacts, declared.test))
    show(rows, f"{len(grounds.with_children):,} families with children, nothing planted", as_json)


def _say_all(told: Told, as_json: bool) -> None:
    alerts = told.rows[told.rows["state"] == "rising"]
    families = int(told.rows["family_id"].nunique())
    model = told.model[["agency", "title", "state", "peers", "mean_per_month", "families_tested", "alerts"]]
    peer_group = str(told.model["peer_group"].iloc[0]) if len(told.model) else None
    if as_json:
        document = {
            "run_id": told.run.run_id, "as_at": told.as_at.isoformat(), "families": families,
            "held_against": peer_group, "closed": told.closed, "agencies": _records(model),
            "could_be_tested": bool((model["state"] == "tested").any()),
            "alerts": _records(alerts[["family_id", *FIGURES]]),
        }  # fmt: skip
        typer.echo(json.dumps(document, default=str))
        return
    titles = {"title": "with", "state": "what was done", "mean_per_month": "average peer a year",
              "families_tested": "tested", "alerts": "rising"}  # fmt: skip
    yearly = model.assign(mean_per_month=12 * model["mean_per_month"])
    agencies = yearly.drop(columns="agency").rename(columns=titles)
    show(_records(agencies), f"As at {told.as_at}, held against {peer_group or 'nobody'}", False, left=2)
    if told.closed:
        typer.echo("Which families are selected rests on a feed that is closed to this reader: counts only.")
        return
    if not families or not (told.model["state"] == "tested").any():
        typer.echo("Whether anybody is rising cannot be said: no agency could be tested as at this day.")
        return
    found = _rounded(alerts)[["family_id", "agency", *FIGURES[2:-1]]]
    show(
        _records(found), f"Rising, of {families:,} selected families: a reason to look, never a finding", False, left=2
    )


def _say_family(told: Told, family: int, as_json: bool) -> None:
    from pipeline.errors import BuildError

    rows = told.rows[told.rows["family_id"] == family]
    if rows.empty:
        raise BuildError(
            where=f"family {family}",
            rule="it is not among the selected families that this reader may see.",
            remedy="list the selected: select family_id from cohort.cohort where cohort_end_date is null.",
        )
    monthly = told.monthly[told.monthly["family_id"] == family]
    months = monthly.assign(month_end=_dates(monthly["month_end"]))[["agency", "month_end", "contacts"]]
    if as_json:
        document = {"family_id": family, "as_at": told.as_at.isoformat(), "agencies": _records(rows[list(FIGURES)]),
                    "months": _records(months)}  # fmt: skip
        typer.echo(json.dumps(document, default=str))
        return
    show(
        _records(_rounded(rows)[list(FIGURES)]),
        f"Family {family}, as at {told.as_at}",
        False,
        left=2,
    )
    wide = months.assign(agency=monthly["title"]).pivot_table("contacts", "month_end", "agency", fill_value=0)
    show(_records(wide.astype(int).reset_index()), "Contact days by month", False)


def _rounded(rows: pd.DataFrame) -> pd.DataFrame:
    """For people: the agency's title, and chances to three digits as text."""
    told = rows.assign(agency=rows["title"])
    for name in ("p_value", "q_value"):
        told[name] = [None if p != p else "< 0.001" if p < 0.001 else f"{p:.3f}" for p in rows[name].astype(float)]
    return told


def _dates(column: pd.Series) -> pd.Series:
    import pandas as pd

    return pd.to_datetime(column).dt.date


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dicts, a missing value as None."""
    import pandas as pd

    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]
