"""Commands on the cohort's life: who is where, and moving cases along."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.casework import PANEL, ByWhom, Why, declared_of, show
from pipeline.cli.options import DatabaseUrl, Home, Json, day, settings_of

cases_app = typer.Typer(help="The cohort's life: who is where, and moving cases along.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(cases_app, name="cases", rich_help_panel=PANEL)


@cases_app.command("list")
def list_cases(
    state: Annotated[str | None, typer.Option("--state", help="Only cases in this state.")] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """List the cases, in the order of priority.

    Example: `wholefamily cases list --state identified`
    """
    from pipeline.casework.reading import read_rows
    from pipeline.store.database import open_database

    with open_database(settings_of(home, database_url)) as database:
        rows = read_rows(
            database,
            "select c.case_id as case, c.family_id as family, p.place, c.state, c.since, c.identified_on as identified,"
            " c.attached_on as attached, c.district, c.team, c.contains_dwp as dwp, c.split_from, c.merged_into"
            " from cohort.family_case c left join cohort.priority p using (pack, family_id)"
            " where %s::text is null or c.state = %s order by p.place nulls last, c.case_id",
            state, state,
        )  # fmt: skip
    if not as_json:
        rows = [{name: row[name] for name in list(row)[:-2]} for row in rows]
    show(rows, "Cases", as_json, left=9)


@cases_app.command("show")
def show_case(
    case: Annotated[int, typer.Argument(help="The case's number.")],
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Show one case: its steps with who and why, its score's parts, its tests and claims.

    Example: `wholefamily cases show 3`
    """
    from pipeline.casework.reading import read_rows
    from pipeline.errors import CaseworkError
    from pipeline.store.database import open_database

    with open_database(settings_of(home, database_url)) as database:
        about = read_rows(database, "select * from casework.family_case where case_id = %s", case)
        if not about:
            raise CaseworkError(
                where=f"case {case}", rule="there is no such case.", remedy="look it up: wholefamily cases list"
            )
        family, pack = about[0]["family_id"], about[0]["pack"]
        parts = {
            "steps": read_rows(
                database, "select on_date, from_state, to_state, role, by_whom, why, login from casework.step"
                " where case_id = %s order by step_id", case),
            "family ids": read_rows(
                database, "select family_id, change, run_id from casework.case_family where case_id = %s"
                " order by recorded_at", case),
            "priority": read_rows(
                database, "select title, value, unit, full_marks, weight, points, contains_dwp"
                " from cohort.priority_part where pack = %s and family_id = %s", pack, family),
            "progress": read_rows(
                database, "select title, state, reason, contains_dwp from cohort.progress where case_id = %s"
                " order by test", case),
            "claims": read_rows(
                database, "select title, state, tariff_year, pounds, reason, claimed_on, holds_now from cohort.claim"
                " where case_id = %s order by claim", case),
        }  # fmt: skip
    if as_json:
        typer.echo(json.dumps({"case": about[0], **parts}, default=str))
        return
    show(about, f"Case {case}", False, left=20)
    for title, rows in parts.items():
        show(rows, title.capitalize(), False, left=7)


@cases_app.command("move")
def move(
    case: Annotated[int | None, typer.Argument(help="The case's number; or give --csv.")] = None,
    to: Annotated[str | None, typer.Argument(help="The state to move it to.")] = None,
    role: Annotated[str, typer.Option("--role", help="reviewer, coordinator or key_worker.")] = "coordinator",
    by_whom: ByWhom = "",
    why: Why = "",
    on: Annotated[str | None, typer.Option("--on", help="Day it happened (default: today).")] = None,
    file: Annotated[
        Path | None, typer.Option("--csv", help="Many moves: case_id or family_id, to_state, on_date, …")
    ] = None,
    team: Annotated[str | None, typer.Option("--team", help="Key worker's team, for allocated.")] = None,
    key_worker: Annotated[str | None, typer.Option("--key-worker", help="Key worker, for allocated.")] = None,
    district: Annotated[str | None, typer.Option("--district", help="District, for allocated.")] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Move a case, or many by a CSV file: all of it or nothing. `cases rules` shows what can follow what.

    Example: `wholefamily cases move 3 verified --role reviewer --by "A. Reviewer" --why "checked with school"`

    Example: `wholefamily cases move --csv moves.csv --role coordinator --by "B. Coordinator" --why "panel of 3 June"`
    """
    from pipeline.casework.claiming import refresh_lines
    from pipeline.casework.moves import Move, move_cases, read_moves
    from pipeline.store.database import open_database

    if (file is None) == (case is None or to is None):
        raise typer.BadParameter("give a case and a state, or --csv with a file", param_hint="CASE TO")
    if file is not None:
        moves, source = read_moves(file, why or None)
    else:
        moves = [Move(to or "", day(on, "--on") or dt.date.today(), why, case, None, team, key_worker, district)]
        source = "the command line"
    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        declared, last = declared_of(settings, database)
        moved = move_cases(database, declared.life, last.pack, moves, role=role, by_whom=by_whom, source=source)
        refresh_lines(database, declared, last.as_at)
    typer.echo(f"Moved: {moved}.")


@cases_app.command("identify")
def identify(
    as_at: Annotated[str | None, typer.Option("--as-at", help="Day to identify at (default: the last run's).")] = None,
    family: Annotated[
        list[int] | None, typer.Option("--family", help="This family, selected or not (again for more).")
    ] = None,
    by_whom: ByWhom = "",
    why: Why = "",
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Open cases as at an earlier day, with baselines of that day; or of families that people name.

    The nightly build opens the cases of newly selected families by itself. Progress follows with the next build.

    Example: `wholefamily cases identify --as-at 2013-07-31 --by "A. Lead" --why "programme began before this system"`
    """
    from pipeline.identify import identify as identify_families
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        declared, last = declared_of(settings, database)
        on = day(as_at, "--as-at") or last.as_at
        done = identify_families(settings, database, declared, on, by_whom=by_whom, why=why, named=family or ())
    typer.echo(f"Opened: {done.opened}. Moved back to {on}: {done.moved_back}. Next: wholefamily build")


@cases_app.command("status")
def status(home: Home = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """How many cases are in each state, and how often reviewers overrode the flag.

    Example: `wholefamily cases status`
    """
    from pipeline.casework.reading import read_rows
    from pipeline.store.database import open_database

    with open_database(settings_of(home, database_url)) as database:
        states = read_rows(
            database,
            "select pack, s.state, count(*) as cases from casework.family_case c join casework.state s"
            " using (state) group by pack, s.state, s.place order by pack, s.place",
        )
        reviews = read_rows(
            database, "select pack, sum(reviewed)::int as reviewed, sum(overridden)::int as overridden,"
            " (sum(overridden) / sum(reviewed))::float8 as override_rate"
            " from cohort.review_outcome group by pack")  # fmt: skip
    if as_json:
        typer.echo(json.dumps({"states": states, "reviews": reviews}, default=str))
        return
    show(states, "Cases by state", False, left=2)
    show(reviews, "Flags reviewed", False)


@cases_app.command("rules")
def rules(home: Home = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Which state can follow which, who may move a case there, and what must be said.

    Example: `wholefamily cases rules`
    """
    from pipeline.casework.life import load_life

    life = load_life(settings_of(home, database_url).declarations / "casework" / "life.yaml")
    pairs = sorted({(start, end) for start, end, _ in life.moves if end != "merged"})
    order = {name: state.place for name, state in life.states.items()} | {"none": -1}
    rows = [
        {
            "from": start, "to": end, "needs": list(life.states[end].needs),
            "who": sorted(role for one, other, role in life.moves if (one, other) == (start, end)),
        }
        for start, end in sorted(pairs, key=lambda pair: (order[pair[0]], order[pair[1]]))
    ]  # fmt: skip
    show(rows, "Moves", as_json, left=4)


@cases_app.command("worker")
def worker(
    login: Annotated[str, typer.Argument(help="A database login that belongs to wf_caseworker.")],
    role: Annotated[str, typer.Option("--role", help="reviewer, coordinator or key_worker.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take the role back.")] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Give a database login a role in casework, for the SQL function cohort.move_cases.

    Example: `wholefamily cases worker jsmith --role key_worker`
    """
    from pipeline.casework.moves import set_worker
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        declared, _ = declared_of(settings, database)
        set_worker(database, declared.life, login, role, remove=remove)
    typer.echo("Done.")
