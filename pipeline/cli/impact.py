"""Commands on what the programme changed: evaluate-programme, and estimates."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.casework import PANEL, show
from pipeline.cli.options import DatabaseUrl, Home, Json, day, settings_of
from pipeline.progress import silent
from pipeline.terminal import console, progress_bar

if TYPE_CHECKING:
    from pipeline.impact.live import Draw

Out = Annotated[Path | None, typer.Option("--out", help="Write the page here (.html), or only the picture (.svg).")]
EFFECT_SHOWN = {
    "title": "outcome or issue", "new_before": "new, before", "new_after": "after", "usual_before": "usual, before",
    "usual_after": "after ", "effect": "effect", "relative": "as a share", "verdict": "verdict",
}  # fmt: skip


def add_to(app: typer.Typer) -> None:
    app.command("evaluate-programme", rich_help_panel=PANEL)(evaluate_programme)
    app.command(rich_help_panel=PANEL)(estimates)


def evaluate_programme(
    assignment: Annotated[
        Path | None, typer.Option("--assignment", help="CSV: family_id,arm,start_date[,cluster]; default: the cases.")
    ] = None,
    programme_costs: Annotated[
        Path | None, typer.Option("--programme-costs", help="CSV: arm,agency,staff,pounds_a_family.")
    ] = None,
    simulate: Annotated[
        float | None, typer.Option("--simulate", help="Made up: draw families, take this share of contacts away.")
    ] = None,
    chosen: Annotated[str, typer.Option("--chosen", help="With --simulate: by-lot or by-record.")] = "by-lot",
    start: Annotated[str | None, typer.Option("--start", help="With --simulate: the day everybody starts.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="With --simulate: of the draw.")] = 2012,
    name: Annotated[str | None, typer.Option("--name", help="Name to keep it under (default: programme).")] = None,
    out: Out = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Does the programme work: what it changed beside what would have happened anyway, and what came back per pound.

    Compares the families of the cases that entered the programme with families alike (matched on what was recorded
    before), or the two groups of an assignment file. With `--simulate` nothing is found out about a programme: it shows
    what an evaluation would say, on families drawn here.

    Example: `wholefamily evaluate-programme --assignment groups.csv --programme-costs costs.csv`

    Example: `wholefamily evaluate-programme --simulate 0.5 --json`
    """
    from pipeline.impact.live import evaluate
    from pipeline.reports.programme_page import MADE_UP, verdict_of, write_programme
    from pipeline.store.database import open_database

    draw, default_name = _whom(assignment, simulate, chosen, start, seed)
    named = name or default_name
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,59}", named):
        raise typer.BadParameter("give small letters, digits, - and _", param_hint="--name")
    _suffix(out)
    settings = settings_of(home, database_url)
    bar = nullcontext(silent) if as_json else progress_bar("Evaluate the programme", console())
    with open_database(settings) as database, bar as progress:
        answer = evaluate(database, settings, named, draw, programme_costs, progress).answer()
    path = out or settings.reports / f"programme-{named}.html"
    write_programme(answer, path)
    if as_json:
        typer.echo(json.dumps(answer, default=str))
        return
    terminal, head = console(), answer["evaluation"]
    if head["made_up"]:
        terminal.print(
            f"[bold red]{MADE_UP}[/bold red] Planted: {head['planted']:.0%} fewer contacts.", highlight=False
        )
    terminal.print(f"[bold]{verdict_of(answer)}[/bold]", highlight=False)
    terminal.print(
        f"{head['families_new_model']:,} families of the new model, {head['families_usual']:,} in business as usual "
        f"({head['design']}). {head['method']}",
        highlight=False,
    )
    _tables(answer)
    terminal.print(f"Page with pictures: {path}", highlight=False, soft_wrap=True)


def estimates(
    file: Annotated[Path, typer.Argument(help="CSV: area,low,high, and district or population where known.")],
    place: Annotated[
        str | None, typer.Option("--place", help="Spread this place's estimate over the areas here, by people.")
    ] = None,
    low_column: Annotated[str, typer.Option("--low-column", help="Column of the estimate's lower end.")] = "low",
    high_column: Annotated[str, typer.Option("--high-column", help="Column of its upper end.")] = "high",
    out: Out = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Families found per district and area, beside an indicative estimate. Neither corrects the other.

    Example: `wholefamily estimates examples/programme/estimates.csv`
    """
    from pipeline.impact.estimates import read_estimates
    from pipeline.impact.live import compare_estimates
    from pipeline.impact.shown import records
    from pipeline.reports.programme_page import write_estimates
    from pipeline.store.database import open_database

    _suffix(out)
    given = read_estimates(file, low_column, high_column)
    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        answer = compare_estimates(database, settings, given, place)
    answer["rows"] = records(answer["rows"])
    path = out or settings.reports / "estimates.html"
    write_estimates(answer, path)
    if as_json:
        typer.echo(json.dumps(answer, default=str))
        return
    title = f"Families selected by {answer['pack']} as at {answer['as_at']}, beside {answer['source']}"
    rows = [{**row, "found": "hidden" if row["found"] is None else row["found"]} for row in answer["rows"]]
    show(rows, title, False, left=2)
    console().print(f"Page with picture: {path}", highlight=False, soft_wrap=True)


def _whom(
    assignment: Path | None, simulate: float | None, chosen: str, start: str | None, seed: int
) -> tuple[Draw, str]:
    """Whom to compare, and the name it is kept under by default."""
    from pipeline.impact import read_assignment
    from pipeline.impact.live import BY_LOT, BY_RECORD, from_assignment, from_cohort, simulated

    begins = day(start, "--start")
    if chosen not in (BY_LOT, BY_RECORD):
        raise typer.BadParameter(f"give {BY_LOT} or {BY_RECORD}", param_hint="--chosen")
    if simulate is None:
        if begins:
            raise typer.BadParameter("only with --simulate", param_hint="--start")
        return (from_assignment(read_assignment(assignment)), "programme") if assignment else (from_cohort, "programme")
    if assignment is not None:
        raise typer.BadParameter("not together with --assignment", param_hint="--simulate")
    if not 0 <= simulate < 1:
        raise typer.BadParameter("give a share from 0 to below 1", param_hint="--simulate")
    return simulated(simulate, chosen=chosen, start=begins, seed=seed), "simulated"


def _suffix(out: Path | None) -> None:
    if out is not None and out.suffix not in (".html", ".svg"):
        raise typer.BadParameter("a file that ends in .html or .svg", param_hint="--out")


def _tables(answer: dict[str, Any]) -> None:
    """The main tables on the terminal; all of them are in the page, the JSON and cohort.programme_…"""
    from pipeline.reports.programme_pictures import ARMS

    effects = [{shown: row[key] for key, shown in EFFECT_SHOWN.items()} for row in answer["effects"]]
    for line, row in zip(effects, answer["effects"], strict=True):
        line["as a share"] = _between(row)
    show(effects, "Before and after, averages of a family; the effect beside what would have happened", False)
    issues = [
        {"issue": row["title"], "group": ARMS[row["arm"]],
         **{when: _share(row[key]) for when, key in (
             ("on entry", "share_on_entry"), ("on exit", "share_on_exit"), ("published entry", "published_entry"),
             ("published exit", "published_exit"))}}
        for row in answer["issues"] if row["families"]
    ]  # fmt: skip
    show(issues, "Share of families with the issue", False, left=2)
    far = sorted(answer["balance"], key=lambda row: -abs(row["difference_after"] or row["difference_before"] or 0))[:5]
    show(far, "Balance: the largest standardised mean differences before the start", False)
    money = [
        {"money": row["money"], "group": ARMS[row["arm"]],
         "before": _pounds(row["before"]), "after": _pounds(row["after"]),
         "avoided": _pounds(row["avoided"]), "interval": _ends(row, "avoided", _pounds),
         "cost": _pounds(row["programme"]), "back per £1": _pence(row["per_pound"]),
         "interval ": _ends(row, "per_pound", _pence)}
        for row in answer["returns"]
    ]  # fmt: skip
    show(money, "Pounds a family; kinds of money are not to be added up", False, left=2)
    keys = ("avoided_fiscal", "avoided_cashable", "pays_now", "by_headcount", "by_benefit", "hybrid")
    shares = [
        {
            "group": ARMS[row["arm"]],
            "agency": row["agency"].replace("_", " "),
            **{key: _pounds(row[key]) for key in keys},
        }
        for row in answer["shares"]
    ]
    show(
        shares,
        "Whose benefit, whose cost: pounds a family; the cost as it is paid and shared three ways",
        False,
        left=2,
    )
    left = [
        {**row, "arm": ARMS[row["arm"]], "families": row["families"] or "fewer than 10"} for row in answer["left_out"]
    ]
    show(left, "Left out", False, left=2)


def _between(row: dict[str, Any]) -> str:
    if row["relative"] is None:
        return ""
    ends = "" if row["relative_low"] is None else f" ({row['relative_low']:+.0%} to {row['relative_high']:+.0%})"
    return f"{row['relative']:+.0%}{ends}"


def _ends(row: dict[str, Any], key: str, told: Callable[[float | None], str]) -> str:
    return "" if row[f"{key}_low"] is None else f"{told(row[f'{key}_low'])} to {told(row[f'{key}_high'])}"


def _pounds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _pence(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"
