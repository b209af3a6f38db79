"""The anonymity of an extract as a page that stands alone: columns and counts, no value of any row."""

from __future__ import annotations

from pathlib import Path

import jinja2

from pipeline.disclosure.anonymity import Anonymity
from pipeline.store.published import PublishedRun

Rows = list[list[str]]


def page_of(found: Anonymity, title: str, run: PublishedRun) -> str:
    """The page as text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("anonymity.html.j2").render(
        title=title, found=found, headline=headline(found), run=run,
        columns=[name.replace("_", " ") for name in found.columns],
        diversity=[[name.replace("_", " "), str(number)] for name, number in found.l.items()],
        sizes=size_rows(found), raises=raises_rows(found),
    )  # fmt: skip


def headline(found: Anonymity) -> str:
    """What an information governance lead wants to know first."""
    if not found.rows:
        return "there are no rows."
    verdict = "may leave as it is" if found.enough else "may not leave as it is"
    return (
        f"k is {found.k} ({found.asked_k} asked), l is {found.least_l} ({found.asked_l} asked): it {verdict}. "
        f"{found.rows:,} rows in {found.classes:,} classes; {found.unique:,} rows are alone in theirs, "
        f"{found.rows_below:,} are in classes under {found.asked_k}."
    )


def size_rows(found: Anonymity) -> Rows:
    """How many rows are alike, in how many classes."""
    return [
        [str(low) if low == high else f"{low} to {high}" if high else f"{low} or more", f"{classes:,}", f"{rows:,}"]
        for low, high, classes, rows in found.sizes
    ]


def raises_rows(found: Anonymity) -> Rows:
    """Each single step, then the way to what is asked."""
    told = [[one.words, str(one.k), str(one.l), f"{one.rows_below:,}"] for one in found.single]
    if found.enough:
        return told
    if found.way is None:
        return [*told, ["no way among these steps: leave rows out, or columns", "", "", ""]]
    return [
        *told,
        [f"enough together: {found.way.words}", str(found.way.k), str(found.way.l), f"{found.way.rows_below:,}"],
    ]
