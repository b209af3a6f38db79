"""Put a question before the partner's officer, with the partner's own record in clear, and take what they say.

It is shown on the terminal of the partner's own machine; nothing of it is written anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import TypeAdapter, ValidationError

from pipeline.contracts.review import ReviewRules
from pipeline.partner.own_records import SPELL, OwnRecord
from pipeline.partner.questions import PLACES, RESIDENCE, Said, asked_details
from pipeline.questions import Answer, Question, QuestionError, Status, damaged

if TYPE_CHECKING:
    from rich.table import Table

ANSWERS: tuple[Answer, ...] = get_args(Answer)
STATUSES: tuple[Status, ...] = ("confirmed", "corrected", "doubted", "unchecked")
NAMES = ("forename", "surname")
Ask = Callable[[str, Sequence[str]], str]  # the prompt and what may be said; without choices, any text


def interview(question: Question, found: Mapping[str, OwnRecord], rules: ReviewRules, ask: Ask) -> Said:
    """Take an officer's reply to one question, detail by detail."""
    if question.kind == "duplicate":
        answer = ask("Are these two one person?", ANSWERS)
        return Said(
            answer=TypeAdapter[Answer](Answer).validate_python(answer), basis=ask("How do you know?", rules.bases)
        )
    checked: dict[str, Status] = {}
    right: dict[str, tuple[str, ...]] = {}
    also: dict[str, tuple[str, ...]] = {}
    record = found[question.records[0]]
    for name in asked_details(question, record):
        called = "addresses" if name == RESIDENCE else name.replace("_", " ")
        allowed = [one for one in STATUSES if one != "corrected" or name != RESIDENCE]
        checked[name] = TypeAdapter[Status](Status).validate_python(ask(f"The {called}?", allowed))
        if checked[name] == "corrected":
            right[name] = (ask(f"The right {called}", ()),)
        if name in NAMES and record.normal.get(name):
            other = ask(f"Another {called} this person has or had (empty: none)", ())
            if other.strip():
                also[name] = (other,)
    return Said(checked=checked, right=right, also=also)


def record_table(question: Question, found: Mapping[str, OwnRecord]) -> Table:
    """The partner's own record or records of a question, in clear, for the officer's eyes."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    title = "One person, or two?" if question.kind == "duplicate" else "Is this right?"
    records = [found[one] for one in question.records if one in found]
    table = Table(title=f"{title} (question {question.question_id[:8]})", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("Detail")
    for place in range(len(records)):
        table.add_column("Your record" if len(records) == 1 else f"Your record {place + 1}")
    names = [name for name in dict.fromkeys(n for one in records for n in one.shown) if name not in (*PLACES, *SPELL)]
    for name in names:
        table.add_row(name.replace("_", " "), *(escape(", ".join(one.shown.get(name, ())) or "–") for one in records))
    table.add_row("addresses, latest first", *(escape(_addresses(one)) or "–" for one in records))
    return table


def read_decisions(path: Path) -> dict[str, Said]:
    """What was said, by question id, from a JSON file: for those who check their records in a system of their own.

    Each entry: answer and basis, or checked, right, also (see `Said`). Raises QuestionError where it is not so.
    """
    try:
        content: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        adapter = TypeAdapter(Said)
        return {question_id: adapter.validate_python(said) for question_id, said in content.items()}
    except FileNotFoundError:
        raise QuestionError(where=str(path), rule="there is no such file.", remedy="check its name.") from None
    except (ValueError, ValidationError, AttributeError, TypeError):
        raise damaged(str(path)) from None


def _addresses(record: OwnRecord) -> str:
    columns = [record.shown[name] for name in (*PLACES, *SPELL) if name in record.shown]
    return "\n".join(", ".join(cell for cell in row if cell) for row in zip(*columns, strict=True))
