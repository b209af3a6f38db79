"""The review queue, the questions about a pair, and what became of replies, as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from pipeline.explain.account import LinkAccount
from pipeline.explain.console import DECISION_STYLE, pair_table
from pipeline.explain.pair import levels_told
from pipeline.explain.read import LINKER, Reader, Row, answers_frame
from pipeline.link.answers import settle
from pipeline.reports.tables import number, percent, plain_table, words
from pipeline.review.queue import QueueEntry
from pipeline.review.replies import Taken
from pipeline.store.database import Database


@dataclass(frozen=True)
class Standing:
    """How answers stand: how many bind, and those that later ones contradict (record ids; negative: not delivered)."""

    same: int
    different: int
    set_aside: tuple[tuple[int, int, str, str], ...]


def queue_table(entries: Sequence[QueueEntry], names: Sequence[str], of: int) -> RenderableType:
    """The queue: pairs that a flag hangs on, then by value."""
    title = f"Links to review: those that a flag hangs on, then by value ({len(entries)} of {number(of)})"
    table = plain_table(
        title, "Records", "Levels", "Decision", "Asked", "Flags", "Bits", "Probability", "Value", left=4
    )
    for one in entries:
        records = f"{one.record_a} ({escape(one.partner_a)})\n{one.record_b} ({escape(one.partner_b)})"
        style = DECISION_STYLE[one.decision]
        more = f"\n+ {one.also} more between the two" if one.also else ""
        together = "\none person now" if one.together else "\ntwo persons now"
        table.add_row(
            records,
            levels_told(one.pattern, names) + more,
            f"[{style}]{words(one.decision)}[/{style}]{together}",
            "\n".join(map(escape, one.asked)) or "–",
            number(one.flags) if one.flags else "–",
            f"{one.total:+.1f}",
            percent(one.probability),
            f"{one.value:.2f}",
        )
    if not entries:
        return "Nothing waits for review."
    first = entries[0]
    hint = f"Look at one: wholefamily review show {first.record_a} {first.record_b}"
    return Group(table, hint)


def show_table(account: LinkAccount, questions: Iterable[Row]) -> RenderableType:
    """A pair's waterfall and answers, and what partners were asked about it."""
    rows = list(questions)
    if not rows:
        return pair_table(account)
    columns = ("Question", "Kind", "Partner", "Asked by", "Answer by", "Reply", "Said")
    table = plain_table("Questions to partners", *columns, left=7)
    for row in rows:
        said: dict[str, Any] = row["said"] or {}
        checked = said.get("checked") or {}
        told = ", ".join(f"{words(name)} {words(status)}" for name, status in checked.items())
        outright = " ".join(words(said[name]) for name in ("answer", "basis") if said.get(name))
        table.add_row(
            bytes(row["question_id"]).hex()[:8],
            row["kind"],
            escape(row["partner"]),
            escape(row["asked_by"]),
            str(row["expires_on"]),
            f"{row['received_at']:%Y-%m-%d} by {escape(row['answered_by'])}" if said else "waits",
            escape(told or outright or ("not in the extract" if said and not said.get("found", True) else "–")),
        )
    return Group(pair_table(account), table)


def taken_table(partner: str, taken: Iterable[Taken]) -> Table:
    """What became of a partner's replies. Covers are told as what they are only here, at the hub."""
    table = plain_table(f"Replies of {escape(partner)}", "Question", "Kind", "Outcome", "Answer", "Why", left=5)
    for one in taken:
        table.add_row(one.question_id[:8], one.kind, one.outcome, words(one.answer or "–"), escape(one.why or "–"))
    return table


def read_questions_about(database: Database, record_a: int, record_b: int) -> list[Row]:
    """Every question about a pair, one row per partner asked, with its reply."""
    with database.connect(LINKER) as connection:
        return Reader(connection).rows(ABOUT, record_a, record_b, record_b, record_a)


def read_standing(database: Database) -> Standing:
    """How the answers stand: those that later ones contradict are reported here until somebody answers again."""
    with database.connect(LINKER) as connection:
        spoken = Reader(connection).answers()
    settled = settle(answers_frame(spoken))
    aside = tuple(
        (one.record_a, one.record_b, one.answer, one.answered_by) for one in (spoken[at] for at in settled.set_aside)
    )
    return Standing(len(settled.same), len(settled.different), aside)


def standing_text(standing: Standing) -> str:
    """The standing in a line, and a line per answer set aside."""
    lines = [f"Answers in force: {standing.same} same, {standing.different} different."]
    lines += [
        f"[bold red]Contradicted:[/bold red] '{words(answer)}' of {escape(by)} about records {a} and {b} is set aside "
        "by later answers; answer again to settle it."
        for a, b, answer, by in standing.set_aside
    ]
    return "\n".join(lines)


ABOUT = """
select q.question_id, q.kind, q.asked_by, q.expires_on, side.partner, r.answered_by, r.received_at, r.said
from identity.review_question q
join identity.record a on (a.partner, a.person_ref) = (q.partner_a, q.person_ref_a)
join identity.record b on (b.partner, b.person_ref) = (q.partner_b, q.person_ref_b)
cross join lateral (select distinct partner from (values (q.partner_a), (q.partner_b)) as two (partner)) as side
left join identity.review_reply r on r.question_id = q.question_id and r.partner = side.partner
where (a.record_id = %s and b.record_id = %s) or (a.record_id = %s and b.record_id = %s)
order by q.asked_at, q.question_id, side.partner
"""
