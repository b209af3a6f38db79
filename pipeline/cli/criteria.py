"""Commands for the rules themselves: criteria list, show, test, docs, what-if; and compare-packs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.options import DatabaseUrl, Home, Json, day, settings_of
from pipeline.terminal import console

if TYPE_CHECKING:
    from pipeline.comparison import Live

PANEL = "Criteria"
DEFAULT = "troubled-families-2012"
PackName = Annotated[str, typer.Argument(help="A pack, as wholefamily criteria list names it.")]
AsAt = Annotated[str | None, typer.Option("--as-at", help="Day to evaluate at (default: that of the last build).")]
Ids = Annotated[bool, typer.Option("--families", help="Name the families gained and lost, not just count them.")]
Local = Annotated[str | None, typer.Option("--local", help="A local filter in the place of the pack's own.")]

group = typer.Typer(no_args_is_help=True, help="The programmes' rules: list, show, test, and try a change before.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="criteria", rich_help_panel=PANEL)
    app.command("compare-packs", rich_help_panel=PANEL)(compare_packs)


@group.command("list")
def list_packs(home: Home = None, as_json: Json = False) -> None:
    """List the packs and local filters, and what no partner sends yet.

    Example: `wholefamily criteria list`
    """
    from pipeline.comparison.console import packs_table
    from pipeline.criteria.reference import read_packs

    rows = [told.summary() for told in read_packs(settings_of(home).declarations)]
    if as_json:
        typer.echo(json.dumps(rows))
    else:
        console().print(packs_table(rows))


@group.command()
def show(pack: PackName, home: Home = None) -> None:
    """Show a pack or local filter: each rule in words, its source, its evidence, its cases.

    Example: `wholefamily criteria show troubled-families-2012`
    """
    from rich.markdown import Markdown

    from pipeline.criteria.reference import read_pack, reference

    console().print(Markdown(reference(read_pack(settings_of(home).declarations, pack))))


@group.command("test")
def run_cases(
    pack: Annotated[str | None, typer.Argument(help="One pack or local filter; without it, all of them.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Run the packs' cases (facts in, state out) through the engine; exit code 1 when one comes out otherwise.

    Example: `wholefamily criteria test troubled-families-2012`
    """
    from pipeline.comparison.console import trials_table
    from pipeline.criteria.reference import read_pack, read_packs
    from pipeline.criteria.trial import try_cases

    declarations = settings_of(home).declarations
    told = [read_pack(declarations, pack)] if pack else read_packs(declarations)
    tried = {one.name: try_cases(one.cases, one.pack) for one in told}
    failed = sum(not case.passed for cases in tried.values() for case in cases)
    if as_json:
        rows = [
            {"pack": name, "cases": len(cases), "failed": [_failed(one) for one in cases if not one.passed]}
            for name, cases in tried.items()
        ]
        typer.echo(json.dumps(rows))
    else:
        console().print(trials_table(tried))
    if failed:
        raise typer.Exit(1)


def _failed(one: Any) -> dict[str, Any]:
    case = one.case
    return {"line": case.line, "criterion": case.criterion, "case": case.label, "expected": case.out, "got": one.got}


@group.command()
def docs(
    out: Annotated[Path, typer.Option("--out", help="Folder of the reference.")] = Path("docs/criteria"),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 when a page is out of date.")
    ] = False,
    home: Home = None,
) -> None:
    """Write the reference of every pack and local filter from its rules and cases.

    Example: `wholefamily criteria docs --check`
    """
    from pipeline.criteria.reference import pages

    old = []
    for name, text in pages(settings_of(home).declarations).items():
        path = out / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        old.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    typer.echo(f"{'Out of date' if check else 'Written'}: {', '.join(old)}" if old else "Every page is up to date.")
    if check and old:
        raise typer.Exit(1)


@group.command("what-if")
def what_if(
    pack: PackName = DEFAULT,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="A change, as criterion.rule.key=value or selection.route.key=value; repeatable."),
    ] = None,
    local: Local = None,
    as_at: AsAt = None,
    families: Ids = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Try a threshold, window, route or local filter before it is in force: families gained and lost. Nothing changes.

    Example: `wholefamily criteria what-if troubled-families-2012 --set education.unauthorised_absence.at_least=0.10`
    """
    from pipeline.comparison import what_if as work_out
    from pipeline.comparison.console import what_if_table

    wanted = dict(_change(text) for text in changes or [])
    if not wanted and local is None:
        raise typer.BadParameter("say what to change, with --set or --local", param_hint="--set")
    settings = settings_of(home, database_url)
    live = _live(home, database_url, as_at)
    answer = work_out(live, settings.declarations / "criteria", pack, changes=wanted, local=local, ids=families)
    if as_json:
        typer.echo(json.dumps(answer))
    else:
        console().print(what_if_table(answer))


def compare_packs(
    packs: Annotated[list[str] | None, typer.Argument(help="The packs to compare; without any, all of them.")] = None,
    reference: Annotated[
        str, typer.Option("--reference", help="The pack beside which others gain and lose.")
    ] = DEFAULT,
    as_at: AsAt = None,
    out: Annotated[Path | None, typer.Option("--out", help="Also draw it: a page (.html) or a picture (.svg).")] = None,
    families: Ids = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Who qualifies under which definition, how the definitions overlap, families gained and lost. Publishes nothing.

    Example: `wholefamily compare-packs fmp-2010 troubled-families-2012 --out var/packs.html`
    """
    from pipeline.comparison import compare_packs as work_out
    from pipeline.comparison.console import comparison_tables

    criteria = settings_of(home).declarations / "criteria"
    chosen = packs or sorted(path.stem for path in criteria.glob("*.yaml"))
    if out is not None and out.suffix not in (".html", ".svg"):
        raise typer.BadParameter("name a file that ends in .html or .svg", param_hint="--out")
    live = _live(home, database_url, as_at)
    answer = work_out(live, criteria, chosen, reference, ids=families)
    if out is not None:
        from pipeline.comparison.picture import write_comparison

        write_comparison(answer, out)
    if as_json:
        typer.echo(json.dumps(answer))
        return
    for table in comparison_tables(answer):
        console().print(table)
    if out is not None:
        typer.echo(f"Drawn: {out}. Counts are exact: for the data team, not to publish.")


def _live(home: Path | None, database_url: str | None, as_at: str | None) -> Live:
    from pipeline.comparison import read_live
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        return read_live(database, settings, day(as_at, "--as-at"))


def _change(text: str) -> tuple[str, Any]:
    """A --set option as path and value; the value is read as in the pack."""
    import yaml

    path, sign, value = text.partition("=")
    if not sign or not path.strip():
        raise typer.BadParameter("write criterion.rule.key=value", param_hint="--set")
    try:
        return path.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        raise typer.BadParameter("the value is not as a pack writes one", param_hint="--set") from None
