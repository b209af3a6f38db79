"""Commands on payment by results: progress, claims."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.casework import ByWhom, Family, Why, declared_of, show
from pipeline.cli.options import DatabaseUrl, Home, Json, day, settings_of

PANEL = "The cohort"
claims_app = typer.Typer(
    help="Payment by results: what can be claimed now, and making claims.\n\nExample: `wholefamily claims`",
    invoke_without_command=True,
)
On = Annotated[str | None, typer.Option("--on", help="Day of it (default: today).")]
Year = Annotated[str | None, typer.Option("--year", help="Only families attached in this financial year, as 2013/14.")]


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(progress)
    app.add_typer(claims_app, name="claims", rich_help_panel=PANEL)


def progress(
    family: Family = None,
    state: Annotated[
        str | None, typer.Option("--state", help="Only tests in this state, e.g. needs_certificate.")
    ] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Each result test of the programme: how many families pass; with --family or --state, every test with its figures.

    Example: `wholefamily progress --state needs_certificate`
    """
    from pipeline.casework.reading import read_rows
    from pipeline.store.database import open_database
    from pipeline.store.published import published_run

    with open_database(settings_of(home, database_url)) as database:
        last = published_run(database)
        if family is None and state is None:
            rows = read_rows(
                database,
                "select title as test, count(*) filter (where state = 'passed') as passed,"
                " count(*) filter (where state = 'failed') as failed,"
                " count(*) filter (where state = 'needs_certificate') as to_certify,"
                " count(*) filter (where state = 'not_applicable') as not_applicable,"
                " count(*) filter (where state = 'too_early') as too_early,"
                " count(*) filter (where state = 'unknown') as unknown, bool_or(contains_dwp) as dwp"
                " from cohort.progress where pack = %s group by test, title order by cohort.progress.test",
                last.pack,
            )  # fmt: skip
        else:
            rows = read_rows(
                database,
                "select case_id as case, family_id as family, test, state, reason, before, now, contains_dwp as dwp"
                " from cohort.progress"
                " where pack = %s and (%s::bigint is null or family_id = %s) and (%s::text is null or state = %s)"
                " order by case_id, test",
                last.pack, family, family, state, state,
            )  # fmt: skip
    show(rows, f"Progress as at {last.as_at}", as_json, left=1 if family is None and state is None else 5)


@claims_app.callback()
def claims(
    context: typer.Context,
    year: Year = None,
    every: Annotated[bool, typer.Option("--all", help="Every claim, also those that cannot be made, and why.")] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Payment by results: which families can be claimed for now, for how much, and which results were lost again.

    Example: `wholefamily claims --all`

    Example: `wholefamily claims --year 2013/14 --json`
    """
    if context.invoked_subcommand is not None:
        return
    from pipeline.casework.reading import read_rows
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        declared, last = declared_of(settings, database)
        if year is not None and declared.tariffs is not None:
            declared.tariffs.tariff(year)
        rows = read_rows(
            database,
            "select case_id as case, family_id as family, title as claim, state, reason, pounds, tariff_year as year,"
            " claimed_on as claimed, holds_now as holds, contains_dwp as dwp from cohort.claim"
            " where pack = %s and (%s::text is null or tariff_year = %s)"
            " and (%s or state in ('claimable', 'beyond_cap') or holds_now is false)"
            " order by case_id, cohort.claim.claim",
            last.pack, year, year, every,
        )  # fmt: skip
    sums = {state: sum(row["pounds"] for row in rows if row["state"] == state) for state in ("claimable", "claimed")}
    if as_json:
        typer.echo(json.dumps({"as_at": last.as_at, "pounds": sums, "claims": rows}, default=str))
        return
    show(rows, f"Claims as at {last.as_at}: £{sums['claimable']:,} can be claimed now", False, left=5)


@claims_app.command("make")
def make(
    by_whom: ByWhom = "",
    why: Why = "",
    year: Year = None,
    on: On = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Record every claim that can be made now, with the evidence it is made on. Never the same family twice.

    Example: `wholefamily claims make --by "C. Finance" --why "July claim window"`
    """
    from pipeline.casework.claiming import make_claims
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        declared, last = declared_of(settings, database)
        made = make_claims(
            database, declared, as_at=last.as_at, on=day(on, "--on") or dt.date.today(), by_whom=by_whom, why=why,
            year=year,
        )  # fmt: skip
    show([vars(one) for one in made], f"Claimed: £{sum(one.pounds for one in made):,}", as_json, left=5)


@claims_app.command("certify")
def certify(
    case: Annotated[int, typer.Argument(help="The case's number.")],
    test: Annotated[str, typer.Argument(help="The test that needs a certificate, e.g. continuous_employment.")],
    by_whom: ByWhom = "",
    why: Why = "",
    on: On = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Certify for the council what no feed shows: that an adult is in continuous work.

    Example: `wholefamily claims certify 3 continuous_employment --by "C. Lead" --why "payslips seen, April to July"`
    """
    from pipeline.casework import claiming
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        declared, last = declared_of(settings, database)
        when = day(on, "--on") or dt.date.today()
        claiming.certify(database, declared, case, test, on=when, by_whom=by_whom, why=why)
        claiming.refresh_lines(database, declared, last.as_at)
    typer.echo("Certified.")


@claims_app.command("evidence")
def evidence(
    out: Annotated[Path, typer.Option("--out", help="Folder to write one JSON file per claim into.")],
    case: Annotated[int | None, typer.Option("--case", help="Only this case's claims.")] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write the evidence pack of each claim made, as it was kept when the claim was made.

    Example: `wholefamily claims evidence --out claims-july`
    """
    from pipeline.casework.reading import read_rows
    from pipeline.store.database import open_database

    with open_database(settings_of(home, database_url)) as database:
        rows = read_rows(
            database,
            "select claim_id, case_id, claim, claimed_on, by_whom, why, evidence from casework.claim"
            " where %s::bigint is null or case_id = %s order by claim_id",
            case, case,
        )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    for row in rows:
        path = out / f"claim-{row['claim_id']:05d}-case-{row['case_id']}-{row['claim']}.json"
        path.write_text(json.dumps(row, default=str, indent=2) + "\n", encoding="utf-8")
    typer.echo(
        f"Written to {out}: {len(rows)} evidence packs. They hold DWP-derived facts where they say contains_dwp."
    )
