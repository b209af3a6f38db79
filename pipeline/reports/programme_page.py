"""The page of an evaluation, and of families beside estimates: stands alone, nothing to fetch. Or one picture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from pipeline.reports.drawing import Picture
from pipeline.reports.programme_pictures import (
    ARMS,
    balance_picture,
    effects_picture,
    estimates_picture,
    issues_picture,
    returns_picture,
)
from pipeline.reports.tables import number, percent, words

MADE_UP = "Made up: these families were drawn here and an effect was planted. No finding about any programme."
_STYLE = (
    "body{font:16px/1.5 Arial,Helvetica,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}"
    "table{border-collapse:collapse;margin:1rem 0;font-size:.9rem}th,td{padding:.3rem .7rem;text-align:right;"
    "border-bottom:1px solid #d5d9de}th:first-child,td:first-child{text-align:left}svg{width:100%;height:auto}"
    ".made-up{border:3px solid #D55E00;padding:.6rem 1rem;font-weight:bold}figure{margin:0}"
    "details{margin:.5rem 0 1.5rem}.verdict{font-size:1.3rem}"
)


def write_programme(answer: Mapping[str, Any], path: Path) -> None:
    """Write the page (.html) or the picture of the effects (.svg); an older file is replaced."""
    _write(path, programme_page(answer) if path.suffix == ".html" else _standalone(effects_picture(answer)))


def write_estimates(answer: Mapping[str, Any], path: Path) -> None:
    """Write the page (.html) or the picture (.svg) of families beside estimates; an older file is replaced."""
    _write(path, estimates_page(answer) if path.suffix == ".html" else _standalone(estimates_picture(answer)))


def verdict_of(answer: Mapping[str, Any]) -> str:
    """What is said of the primary outcome, in a sentence."""
    row = next(row for row in answer["effects"] if row["is_primary"])
    level = percent(answer["evaluation"]["level"], 0)
    if row["verdict"] in ("hidden", "cannot tell"):
        return f"{row['title']}: {row['verdict']}."
    between = ""
    if row["relative_low"] is not None:
        ends = f"{row['relative_low']:+.0%} to {row['relative_high']:+.0%}".replace("%", " %")
        between = f" ({row['relative']:+.0%}; {level} interval {ends})".replace("%;", " %;")
    said = {"fewer": "fewer than would have happened", "more": "more than would have happened"}
    return f"{row['title']}: {said.get(row['verdict'], row['verdict'])}{between}."


def programme_page(answer: Mapping[str, Any]) -> str:
    """One evaluation as an HTML page."""
    head = answer["evaluation"]
    parts: list[Markup] = []
    if head["made_up"]:
        planted = Markup("<p class='made-up'>{} Planted: {} of the new model's contacts taken away.</p>")
        parts.append(planted.format(MADE_UP, percent(head["planted"], 0)))
    parts.append(Markup("<p class='verdict'>{}</p><p>{}</p><p>{}</p>").format(
        verdict_of(answer),
        f"{number(head['families_new_model'])} families of the new model beside {number(head['families_usual'])} in "
        f"business as usual ({head['design']}); started {head['first_start']} to {head['last_start']}; "
        f"{head['months']} months before the start and after it; evidence up to {head['as_at']}.",
        head["method"],
    ))  # fmt: skip
    if head["largest_difference"] is not None and head["largest_difference"] > head["balanced_below"]:
        parts.append(Markup("<p><strong>{}</strong></p>").format(
            f"The groups were not alike in everything recorded: the largest standardised difference is "
            f"{head['largest_difference']:.2f}, beyond {head['balanced_below']:g}. Read with care."
        ))  # fmt: skip
    drawn = (effects_picture(answer), issues_picture(answer), returns_picture(answer), balance_picture(answer))
    parts += [_figure(picture) for picture in drawn if picture is not None]
    if answer["shares"]:
        parts.append(_agencies(answer["shares"]))
    if answer["left_out"]:
        parts.append(Markup("<h2>Left out</h2>{}").format(_table(
            ["Group", "Why", "Families"],
            [[ARMS[row["arm"]], row["reason"], "fewer than 10" if row["families"] is None else number(row["families"])]
             for row in answer["left_out"]],
        )))  # fmt: skip
    parts.append(Markup("<p>{}</p>").format(
        "Counts are rounded to 5, and what rests on fewer than ten families is hidden. The tables are "
        "cohort.programme_evaluation and cohort.programme_effect, _issue, _balance, _return, _share, _left_out."
    ))  # fmt: skip
    return _page(f"Does the programme work? {words(head['name']).capitalize()}", parts)


def estimates_page(answer: Mapping[str, Any]) -> str:
    """Families beside estimates as an HTML page."""
    drawn = estimates_picture(answer)
    about = Markup("<p>{}</p>").format(
        f"Families that the pack {answer['pack']} selects as at {answer['as_at']}, beside {answer['source']}."
    )
    return _page("Families found beside the estimate", [about, *([_figure(drawn)] if drawn else [])])


def _agencies(rows: Iterable[Mapping[str, Any]]) -> Markup:
    header = ["Agency", "Group", "Spared, fiscal", "of it cashable", "Pays now", "By headcount", "By benefit", "Hybrid"]
    keys = ("avoided_fiscal", "avoided_cashable", "pays_now", "by_headcount", "by_benefit", "hybrid")
    cells = [[words(row["agency"]), ARMS[row["arm"]], *(number(row[key]) for key in keys)] for row in rows]
    return Markup("<h2>{}</h2><p>{}</p>{}").format(
        "Whose benefit, whose cost",
        "Pounds a family: what each agency is spared, what it pays for the programme now, and what it would pay if the "
        "cost were shared by its staff in the programme, by modelled gross benefit, or by a hybrid of the two.",
        _table(header, cells),
    )


def _figure(drawn: Picture) -> Markup:
    table = _table(drawn.header, drawn.rows)
    return Markup("<h2>{}</h2><p>{}</p><figure>{}</figure><details><summary>The numbers</summary>{}</details>").format(
        drawn.title, drawn.caption, drawn.svg, table
    )


def _page(title: str, parts: Iterable[Markup]) -> str:
    body = Markup("").join([Markup("<h1>{}</h1>").format(title), *parts])
    return (
        '<!doctype html><html lang="en-GB"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>'
        f"{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def _table(header: list[str], rows: list[list[str]]) -> Markup:
    cell = Markup("<{0}>{1}</{0}>")
    lines = [[cell.format("th", name) for name in header], *([cell.format("td", text) for text in row] for row in rows)]
    return Markup("<table>{}</table>").format(
        Markup("").join(Markup("<tr>{}</tr>").format(Markup("").join(line)) for line in lines)
    )


def _standalone(drawn: Picture | None) -> str:
    if drawn is None:
        return '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>\n'
    return str(drawn.svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
