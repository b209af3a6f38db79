"""Commands of the partner's data officer about the hub's questions: look at them, answer them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import Home, contract_of, settings_of
from pipeline.terminal import console

if TYPE_CHECKING:
    from pipeline.contracts import Contract, Encoding
    from pipeline.contracts.review import ReviewRules
    from pipeline.partner.keys import PartnerKeys
    from pipeline.partner.own_records import OwnRecord
    from pipeline.questions import QuestionFile
    from pipeline.settings import Settings

PANEL = "At the partner"
questions_app = typer.Typer(help="Answer the hub's questions about your own records.", no_args_is_help=True)

Partner = Annotated[str, typer.Argument(help="The partner, as its contract is named.")]
File = Annotated[Path, typer.Argument(help="The hub's file of questions.")]
Raw = Annotated[Path, typer.Option("--raw", help="Folder with the partner's own extract.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(questions_app, name="questions", rich_help_panel=PANEL)


@questions_app.command("show")
def questions_show(partner: Partner, file: File, raw: Raw, home: Home = None) -> None:
    """Show what is asked, with your own records in clear. Nothing is sent, and nothing is written.

    Example: `wholefamily questions show schools questions-schools.json --raw extracts/schools`
    """
    from pipeline.partner.interview import record_table

    asked, found, *_ = _opened(settings_of(home), partner, file, raw)
    for question in asked.questions:
        console().print(record_table(question, found))
    typer.echo(f"{len(asked.questions)} questions, to be answered by {asked.answer_by}.")


@questions_app.command("answer")
def questions_answer(
    partner: Partner,
    file: File,
    raw: Raw,
    by: Annotated[str, typer.Option("--by", help="Who answers; sealed to the hub with the replies.")],
    out: Annotated[Path | None, typer.Option("--out", help="The reply file (default: beside the questions).")] = None,
    decisions: Annotated[
        Path | None, typer.Option("--decisions", help="What was found, as JSON, instead of being asked here.")
    ] = None,
    partly: Annotated[bool, typer.Option("--partly", help="Reply only to questions that are in --decisions.")] = False,
    home: Home = None,
) -> None:
    """Check your own records one by one and write a sealed, signed reply for the hub.

    Example: `wholefamily questions answer schools questions-schools.json --raw extracts/schools --by "A. Khan"`
    """
    import datetime as dt

    from pipeline.partner.asked import LOG_FILE, AskedLog
    from pipeline.partner.interview import interview, read_decisions, record_table
    from pipeline.partner.questions import Said, new_name, reply_to, seal_replies
    from pipeline.questions import QuestionError

    settings = settings_of(home)
    asked, found, contract, encoding, keys, rules = _opened(settings, partner, file, raw)
    told = read_decisions(decisions) if decisions else None
    replies = []
    for question in asked.questions:
        if any(record not in found for record in question.records):
            said = Said()
        elif told is None:
            console().print(record_table(question, found))
            said = interview(question, found, rules, _ask)
        elif question.question_id in told:
            said = told[question.question_id]
        elif partly:
            continue
        else:
            raise QuestionError(
                where=f"{decisions}, question {question.question_id}",
                rule="nothing is said about this question.",
                remedy="add it, or give --partly.",
            )
        replies.append(reply_to(question, said, found, contract, encoding, keys, rules))
    log = AskedLog(settings.partner_home(partner) / LOG_FILE, rules)
    text = seal_replies(asked, tuple(replies), keys, log, by=by, now=dt.datetime.now(dt.UTC))
    target = out or file.with_name(new_name(asked))
    target.write_text(text, encoding="utf-8")
    typer.echo(f"{len(replies)} replies sealed to the hub: {target}")


def _opened(
    settings: Settings, partner: str, file: Path, raw: Path
) -> tuple[QuestionFile, dict[str, OwnRecord], Contract, Encoding, PartnerKeys, ReviewRules]:
    """The questions, and the partner's own records that they are about."""
    import datetime as dt

    from pipeline.contracts import load_encoding, load_vocabulary
    from pipeline.contracts.review import load_review
    from pipeline.partner.keys import held_versions, load_partner_keys
    from pipeline.partner.own_records import find_records
    from pipeline.partner.questions import read_questions, version_asked

    contract = contract_of(settings, partner)
    encoding = load_encoding(settings.declarations)
    held = held_versions(settings, partner)
    version = version_asked(file)
    keys = load_partner_keys(settings, partner, version if version in held else None)
    rules = load_review(settings.declarations)
    asked = read_questions(file, contract, encoding, keys, rules, dt.date.today())
    wanted = {record for question in asked.questions for record in question.records}
    found = find_records(contract, load_vocabulary(settings.declarations), keys, raw, wanted)
    return asked, found, contract, encoding, keys, rules


def _ask(prompt: str, choices: Sequence[str]) -> str:
    """Ask on the terminal; of choices, the first letters will do."""
    if not choices:
        return str(typer.prompt(prompt, default="", show_default=False))
    while True:
        said = str(typer.prompt(f"{prompt} [{' / '.join(choices)}]")).strip().lower().replace(" ", "_")
        fitting = [one for one in choices if said and one.startswith(said)]
        if len(fitting) == 1 or said in choices:
            return said if said in choices else fitting[0]
        typer.echo("Please say one of these; the first letters will do.")
