"""Pages that stand alone (no script, nothing to fetch): one link's waterfall, and a night's links as a whole."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import altair as alt
import jinja2

from pipeline.errors import DeclarationError
from pipeline.explain.account import LinkAccount, joint_told
from pipeline.explain.linkable import Linkable
from pipeline.explain.picture import standalone, waterfall
from pipeline.reports.drawing import ORANGE, Picture, bars, draw
from pipeline.reports.facts import RunFacts
from pipeline.reports.outcome_pictures import match_weights
from pipeline.reports.tables import number, percent, words

TEMPLATE = "page.html.j2"
NOTE = "For the data team. Levels of agreement, weights and counts; the page holds no person's values."


@dataclass(frozen=True)
class PageTable:
    """A table of a page; the first `left` columns are names, the others numbers."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1


def write_account(account: LinkAccount, path: Path) -> None:
    """Write one link's waterfall as `.html` or `.svg`. Raises DeclarationError for any other ending."""
    if path.suffix not in (".html", ".svg"):
        raise DeclarationError(
            where="--out", rule="a picture is written as .html or .svg.", remedy="end the file's name with one of them."
        )
    picture = waterfall(account)
    if path.suffix == ".svg":
        write(path, standalone(picture))
        return
    tables = []
    if account.answers:
        rows = [
            [words(one.answer), one.answered_by, one.source, one.answered_at, one.why, one.state]
            for one in account.answers
        ]
        tables.append(PageTable("Answers", ["Answer", "By", "Knew", "When", "Why", "State"], rows, 6))
    lead = (
        f"{words(account.decision).capitalize()}, decided by {account.decided_by}: {account.because}. Tonight they are "
        f"{'one person' if account.together else 'two persons'}. Run {account.run_id}, link model "
        f"{account.model_version}, found by the pass {words(account.found_by)}."
    )
    if account.joint is not None:
        lead += f" {joint_told(account.joint)}"
    title = f"Records {account.record_a.record_id} and {account.record_b.record_id}"
    write(path, render(title, lead, [picture], tables))


def write_links_page(facts: RunFacts, linkable: Sequence[Linkable], path: Path) -> None:
    """Write the page about a night's links: distribution of weights, unlinkable records, blocking, the model."""
    pictures = [picture for picture in (match_weights(facts), unlinkables(linkable)) if picture]
    blocking = PageTable("Blocking: where candidate pairs came from", BLOCKING_HEADER, blocking_rows(facts))
    lacking = PageTable("Records that lack a field, by partner", *missing_rows(linkable))
    lead = (
        f"Run {facts.run_id}, link model {facts.model_version}: how the weights of candidate pairs lie, which records "
        "could not be linked whatever they are compared with, and which pass found what."
    )
    write(path, render(f"Links of run {facts.run_id}", lead, pictures, [blocking, lacking]))


def unlinkables(linkable: Sequence[Linkable]) -> Picture | None:
    """The share of each partner's records that no comparison could link."""
    if not linkable:
        return None
    rows = [
        {
            "name": one.partner,
            "value": one.unlinkable / max(one.records, 1),
            "label": f"{percent(one.unlinkable / max(one.records, 1), 2)} ({number(one.unlinkable)})",
        }
        for one in linkable
    ]
    return draw(
        bars(rows, colour=alt.value(ORANGE), title=""),
        id="unlinkables",
        title="Records that could not be linked, whatever they are compared with",
        caption="The share of each partner's records that are in no block, or whose fields, were all of them to agree "
        "with a record of another partner, would still not reach the threshold of a match. Only better data helps.",
        description="; ".join(f"{row['name']}: {row['label']}" for row in rows) + ".",
        header=UNLINKABLE_HEADER,
        rows=unlinkable_rows(linkable),
    )


UNLINKABLE_HEADER = ["Partner", "Records", "In no block", "At best no match", "At best possible", "Unlinkable", "Share"]
BLOCKING_HEADER = ["Blocking pass", "Blocks", "Largest block", "Candidate pairs", "Blocks left out", "Pairs left out"]
BLOCKING_COLUMNS = ("blocks", "largest_block", "candidate_pairs", "dropped_blocks", "dropped_pairs")


def unlinkable_rows(linkable: Sequence[Linkable]) -> list[list[str]]:
    return [
        [
            one.partner,
            *map(number, (one.records, one.in_no_block, one.never_possible, one.never_match, one.unlinkable)),
            percent(one.unlinkable / max(one.records, 1), 2),
        ]
        for one in linkable
    ]


def missing_rows(linkable: Sequence[Linkable]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: per partner, the share of records that lack each compared field."""
    fields = sorted({name for one in linkable for name in one.missing})
    rows = [
        [one.partner, *(percent(one.missing.get(name, 0) / max(one.records, 1)) for name in fields)] for one in linkable
    ]
    return ["Partner", *map(words, fields)], rows


def blocking_rows(facts: RunFacts) -> list[list[str]]:
    return [
        [words(row["blocking_pass"]), *(number(row.get(name)) for name in BLOCKING_COLUMNS)] for row in facts.blocking
    ]


def render(title: str, lead: str, pictures: Sequence[Picture], tables: Sequence[PageTable]) -> str:
    """The page as text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(TEMPLATE).render(
        title=title, lead=lead, pictures=pictures, tables=tables, note=NOTE
    )


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
