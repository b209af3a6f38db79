"""Commands about links: explain one, see how a night's links lie, review the doubtful ones."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import DatabaseUrl, Home, Json, contract_of, settings_of
from pipeline.terminal import console

PANEL = "Links and their review"
review_app = typer.Typer(
    help="Review doubtful links without clear text; answers bind from the next build on.", no_args_is_help=True
)

Record = Annotated[int, typer.Argument(help="Record id at the hub (see review list, or explain --person).")]
By = Annotated[str, typer.Option("--by", help="Who says so; kept with it, and in the audit log.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="Also write a page (.html) or picture (.svg) that works offline.")
]


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(explain)
    app.command(rich_help_panel=PANEL)(links)
    app.add_typer(review_app, name="review", rich_help_panel=PANEL)


def explain(
    record: Annotated[int | None, typer.Argument(help="A record id at the hub.")] = None,
    other: Annotated[int | None, typer.Argument(help="The other record id.")] = None,
    person: Annotated[int | None, typer.Option("--person", help="All links of this person instead.")] = None,
    out: Out = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Why two records are, or are not, one person: each comparison's level and weight, and who decided.

    Example: `wholefamily explain 431 665 --out link.html`
    """
    from pipeline.contracts import load_link_model
    from pipeline.explain import explain_pair, explain_person
    from pipeline.explain.console import pair_table, person_table
    from pipeline.explain.page import write_account
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    if (person is None) == (record is None or other is None):
        raise typer.BadParameter("give two record ids, or --person PERSON")
    with open_database(settings) as database:
        if person is not None:
            account = explain_person(database, settings, person)
            names = [one.name for one in load_link_model(settings.declarations).comparisons]
            shown, told = person_table(account, names), asdict(account)
        else:
            pair = explain_pair(database, settings, record or 0, other or 0)
            shown, told = pair_table(pair), {**asdict(pair), "together": pair.together}
            if out is not None:
                write_account(pair, out)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        console().print(shown)


def links(out: Out = None, home: Home = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """How the links of the last build lie: weights and thresholds, records that cannot be linked, blocking.

    Example: `wholefamily links --out links.html`
    """
    from pipeline.explain.console import links_tables
    from pipeline.explain.linkable import read_linkable
    from pipeline.explain.page import write_links_page
    from pipeline.publish import latest_run
    from pipeline.reports.facts import read_run_facts
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        facts = read_run_facts(database, latest_run(database))
        found = read_linkable(database, settings)
    if out is not None:
        write_links_page(facts, found, out)
    if as_json:
        told = {
            "run_id": facts.run_id,
            "thresholds": facts.parameters.get("thresholds"),
            "histogram": facts.parameters.get("histogram"),
            "linkable": [{**asdict(one), "unlinkable": one.unlinkable} for one in found],
            "blocking": facts.blocking,
        }
        typer.echo(json.dumps(told, indent=2))
    else:
        console().print(links_tables(facts, found))


@review_app.command("list")
def review_list(
    top: Annotated[int, typer.Option("--top", help="How many to show.")] = 20,
    decision: Annotated[str, typer.Option("--decision", help="possible, cut, match; several with commas.")] = (
        "possible,cut"
    ),
    partner: Annotated[str | None, typer.Option("--partner", help="Only links with a record of this partner.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Also those answered 'cannot tell'.")] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Doubtful links without an answer, the most valuable answer first.

    Example: `wholefamily review list --top 10`
    """
    from pipeline.contracts import load_link_model
    from pipeline.review import review_queue
    from pipeline.review.console import queue_table, read_standing, standing_text
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    decisions = [one.strip() for one in decision.split(",")]
    if not set(decisions) <= {"possible", "cut", "match"}:
        raise typer.BadParameter("give possible, cut or match", param_hint="--decision")
    with open_database(settings) as database:
        entries = review_queue(database, settings, decisions=decisions, partner=partner, again=again)
        standing = read_standing(database)
    if as_json:
        typer.echo(
            json.dumps({"entries": [asdict(one) for one in entries[:top]], "answers": asdict(standing)}, indent=2)
        )
        return
    names = [one.name for one in load_link_model(settings.declarations).comparisons]
    console().print(queue_table(entries[:top], names, len(entries)))
    console().print(standing_text(standing))


@review_app.command("show")
def review_show(record: Record, other: Record, home: Home = None, database_url: DatabaseUrl = None) -> None:
    """One link with its answers, and what partners were asked about it.

    Example: `wholefamily review show 431 665`
    """
    from pipeline.explain import explain_pair
    from pipeline.review.console import read_questions_about, show_table
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        account = explain_pair(database, settings, record, other)
        console().print(show_table(account, read_questions_about(database, record, other)))


@review_app.command("answer")
def review_answer(
    record: Record,
    other: Record,
    answer: Annotated[str, typer.Argument(help="same, different, or cannot_tell (takes an earlier answer back).")],
    by: By,
    why: Annotated[str, typer.Option("--why", help="The reason, without anything that identifies somebody.")],
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Say whether two records are one person. It binds from the next build on, and holds through others.

    Example: `wholefamily review answer 431 665 different --by "J. Smith" --why "two siblings at one address"`
    """
    from pipeline.review import answer_pair
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        new = answer_pair(database, settings, record, other, answer.replace("-", "_"), by=by, why=why)
    if new:
        typer.echo(f"Noted: records {record} and {other}, {answer}. It binds from the next build on: wholefamily build")
    else:
        typer.echo("The same has been said by the same person already; nothing was added.")


@review_app.command("export")
def review_export(
    partner: Annotated[str, typer.Argument(help="The partner to be asked.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write and to send to the partner.")],
    by: By,
    most: Annotated[int | None, typer.Option("--most", help="At most so many questions.")] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write questions for one partner: only its own pseudonyms, and nothing about anybody else.

    Example: `wholefamily review export schools --out questions-schools.json --by "J. Smith"`
    """
    from pipeline.review import export_questions
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    contract_of(settings, partner)
    with open_database(settings) as database:
        done = export_questions(database, settings, partner, out, by=by, most=most)
    typer.echo(
        f"Written to {done.path}: {done.duplicates} pairs of its own, {done.details} records to check, {done.covers} "
        f"covers; {done.again} of them were asked before."
    )
    typer.echo(f"At the partner: wholefamily questions answer {partner} {done.path.name} --raw RAW --by NAME")


@review_app.command("import")
def review_import(
    file: Annotated[Path, typer.Argument(help="The partner's reply file.")],
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Take a partner's replies in; where both sides of a link have replied, the answer follows by rule.

    Example: `wholefamily review import replies-schools.json`
    """
    from pipeline.review import import_replies
    from pipeline.review.console import taken_table
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        partner, taken = import_replies(database, settings, file)
    console().print(taken_table(partner, taken))
