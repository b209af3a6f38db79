"""Accounts of links as tables for the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from pipeline.explain.account import LinkAccount, RecordTold, joint_told, probability_of
from pipeline.explain.linkable import Linkable
from pipeline.explain.pair import LinkTold, PersonAccount, levels_told
from pipeline.reports.facts import RunFacts
from pipeline.reports.tables import number, percent, plain_table, words

FAR = 24.0  # bits: beyond, on either side, nothing is in doubt
DECISION_STYLE = {"match": "bold green", "possible": "bold yellow", "cut": "bold red", "non_match": "bold"}


def pair_table(account: LinkAccount) -> RenderableType:
    """The waterfall of one pair, with what was decided, by whom, and why."""
    title = f"Records {told(account.record_a)} and {told(account.record_b)}"
    parts: list[RenderableType] = []
    if account.found_by is None:
        parts.append(plain_table(title))
        parts.append("No blocking pass puts these two into one block, so they have never been compared.\n")
    else:
        parts.append(waterfall_table(account, title))
    if account.joint is not None:
        parts.append(f"{joint_told(account.joint)}\n")
    parts.append(_decision(account))
    if account.answers:
        parts.append(answers_table(account))
    return Group(*parts)


def waterfall_table(account: LinkAccount, title: str) -> Table:
    """Prior, each comparison's level and weight, and the sum after each step."""
    table = plain_table(title, "Step", "Level", "Bits", "Sum", left=2)
    running = account.prior
    table.add_row(
        "prior: two records drawn at random", "", f"{account.prior:+.2f}", f"{running:+.2f}", end_section=True
    )
    for term in account.terms:
        running += term.bits
        style = "green" if term.bits > 0 else "red" if term.bits < 0 else "dim"
        table.add_row(
            words(term.comparison), words(term.level), f"[{style}]{term.bits:+.2f}[/{style}]", f"{running:+.2f}"
        )
    table.add_section()
    table.add_row(
        "[bold]total[/bold]",
        f"probability {percent(account.probability, 2)}",
        "",
        f"[bold]{account.total:+.2f}[/bold]",
    )
    for name, bits in account.thresholds.items():
        table.add_row(
            f"threshold: {words(name)}", f"probability {percent(probability_of(bits), 0)}", "", f"{bits:+.2f}"
        )
    return table


def _decision(account: LinkAccount) -> str:
    style = DECISION_STYLE[account.decision]
    persons = (
        f"one person ({account.record_a.person_id})"
        if account.together
        else f"two persons ({account.record_a.person_id or 'none yet'} and {account.record_b.person_id or 'none yet'})"
    )
    found = f"Found by the pass {words(account.found_by)}. " if account.found_by else ""
    return (
        f"[{style}]{words(account.decision).capitalize()}[/{style}], decided by {escape(account.decided_by)}: "
        f"{escape(account.because)}. Tonight they are {persons}.\n{found}"
        f"Run {account.run_id}, link model {account.model_version}."
    )


def answers_table(account: LinkAccount) -> Table:
    """What people answered about the pair, the latest last."""
    table = plain_table("Answers", "Answer", "By", "Knew", "When", "Why", "State", left=6)
    for one in account.answers:
        cells = (
            words(one.answer),
            one.answered_by,
            one.source,
            one.answered_at[:16].replace("T", " "),
            one.why,
            one.state,
        )
        table.add_row(*map(escape, cells))
    return table


def person_table(account: PersonAccount, comparisons: Iterable[str]) -> RenderableType:
    """A person's records and links, then the links out of it that are possible or were cut."""
    names = list(comparisons)
    records = ", ".join(map(told, account.records))
    head = f"Person {account.person_id} (run {account.run_id}): {number(len(account.records))} records: {records}"
    parts: list[RenderableType] = [head, ""]
    if account.inside:
        parts.append(links_table("Links within the person", account.inside, names))
    else:
        parts.append("Links within the person: none; it is one record.\n")
    if account.outside:
        parts.append(links_table("Links to other persons that do not hold", account.outside, names))
    return Group(*parts)


def links_table(title: str, links: Iterable[LinkTold], names: list[str]) -> Table:
    table = plain_table(title, "Records", "Levels", "Pass", "Decision", "Bits", "Probability", left=4)
    for link in links:
        style = DECISION_STYLE[link.decision]
        answered = f" (review: {words(link.answer)})" if link.answer else ""
        table.add_row(
            f"{link.record_a} – {link.record_b}",
            levels_told(link.pattern, names),
            words(link.blocking_pass),
            f"[{style}]{words(link.decision)}[/{style}]{answered}",
            f"{link.total:+.1f}",
            percent(link.probability, 1),
        )
    return table


def told(record: RecordTold) -> str:
    return f"{record.record_id} ({escape(record.partner)})"


def links_tables(facts: RunFacts, linkable: Sequence[Linkable]) -> RenderableType:
    """How a night's links lie: candidate pairs by weight with the thresholds, unlinkable records, blocking."""
    from pipeline.explain.page import BLOCKING_HEADER, UNLINKABLE_HEADER, blocking_rows, unlinkable_rows

    unlinkable = plain_table("Records that could not be linked, whatever they are compared with", *UNLINKABLE_HEADER)
    for row in unlinkable_rows(linkable):
        unlinkable.add_row(*map(escape, row))
    blocking = plain_table("Blocking", *BLOCKING_HEADER)
    for row in blocking_rows(facts):
        blocking.add_row(*map(escape, row))
    return Group(weights_table(facts), unlinkable, blocking)


def weights_table(facts: RunFacts) -> Table:
    """Candidate pairs by weight in bits (prior included), the bars on a compressed scale."""
    from pipeline.reports.outcome_pictures import histogram, thresholds

    edges, counts = histogram(facts)
    limits = thresholds(facts.parameters)
    table = plain_table("Candidate pairs by weight (bits, prior included)", "Bits", "Pairs", "")
    table.columns[0].justify = "right"
    table.columns[2].justify = "left"
    most = math.log1p(max((count for *_, count in _gathered(edges, counts)), default=1))
    for left, right, count in _gathered(edges, counts):
        crossed = [name for name, bits in limits.items() if left <= bits < right]
        mark = "".join(f"  ← {words(name)} from {limits[name]:+.1f}" for name in crossed)
        table.add_row(_range(left, right), number(count), "█" * round(40 * math.log1p(count) / most) + mark)
    return table


def _gathered(edges: Sequence[float], counts: Sequence[int]) -> list[tuple[float, float, int]]:
    """Bars by their ends, those far out on either side as one."""
    bars = list(zip(edges[:-1], edges[1:], counts, strict=True))
    inner = [bar for bar in bars if -FAR <= bar[0] < FAR]
    below = sum(count for left, _, count in bars if left < -FAR)
    above = sum(count for left, _, count in bars if left >= FAR)
    return [(-math.inf, -FAR, below), *inner, (FAR, math.inf, above)]


def _range(left: float, right: float) -> str:
    if math.isinf(left):
        return f"below {right:+.0f}"
    return f"{left:+.0f} and more" if math.isinf(right) else f"{left:+.0f} to {right:+.0f}"
