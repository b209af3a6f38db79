"""The comparison of packs drawn: how many each selects, and which families several select. One page, or one picture."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair as alt
from markupsafe import Markup, escape

from pipeline.reports.drawing import BLUE, FAINT, INK, LABEL_WIDTH, WIDTH, Picture, draw, names
from pipeline.reports.tables import number

_STYLE = (
    "body{font:16px/1.5 Arial,Helvetica,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}"
    "table{border-collapse:collapse;margin:1rem 0}th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid"
    " #d5d9de}th:first-child,td:first-child{text-align:left}svg{width:100%;height:auto}"
)


def write_comparison(answer: Mapping[str, Any], path: Path) -> None:
    """Write the page (.html) or the picture of the overlap (.svg); an older file is replaced."""
    drawn = overlap_picture(answer)
    text = page(answer, drawn) if path.suffix == ".html" else standalone(drawn)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def overlap_picture(answer: Mapping[str, Any]) -> Picture:
    """Bars over a matrix of dots: one column per exact combination of packs that select a family."""
    told = answer["overlap"][:24] or [{"packs": [], "families": 0}]
    sizes = {row["pack"]: row["selected"] for row in answer["definitions"]}
    labels = {name: f"{name} ({number(count)})" for name, count in sizes.items()}
    order = list(labels.values())
    columns = [{"column": n, "families": row["families"]} for n, row in enumerate(told)]
    dots = [
        {"column": n, "pack": labels[name], "in": name in row["packs"]} for n, row in enumerate(told) for name in sizes
    ]
    x = alt.X("column:O", axis=None, scale=alt.Scale(paddingInner=0.25))
    base = alt.Chart(alt.Data(values=columns)).encode(
        x=x, y=alt.Y("families:Q", title="families", axis=alt.Axis(tickCount=4, minExtent=LABEL_WIDTH, titlePadding=8))
    )
    upper = base.mark_bar(color=BLUE) + base.mark_text(dy=-7, fontSize=11, color=INK).encode(
        text=alt.Text("families:Q", format=",")
    )
    lower = alt.Chart(alt.Data(values=dots)).mark_circle(size=130, opacity=1).encode(
        x=x, y=alt.Y("pack:N", scale=alt.Scale(domain=order), axis=names()),
        color=alt.condition("datum.in", alt.value(INK), alt.value(FAINT)),
    )  # fmt: skip
    rows = [[" + ".join(row["packs"]) or "none", number(row["families"])] for row in told]
    return draw(
        alt.vconcat(
            upper.properties(width=WIDTH, height=170), lower.properties(width=WIDTH, height=30 * len(order)), spacing=8
        ).resolve_scale(x="shared"),
        id="overlap",
        title="Which families several definitions select",
        caption="Each column is one exact combination: the dark dots say which definitions select these families, the "
        "bar how many are selected by these and no others. The number behind a name is all that it selects.",
        description="; ".join(f"{families} families selected by only {packs}" for packs, families in rows) + ".",
        header=["Selected by", "Families"],
        rows=rows,
    )


def standalone(drawn: Picture) -> str:
    """The picture as a file of its own."""
    return str(drawn.svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


def page(answer: Mapping[str, Any], drawn: Picture) -> str:
    """One HTML page that stands alone: the definitions, the overlap, what each gains and loses."""
    definitions = _table(
        ["Definition", "Looked at", "Selected", "Unknown", "Not selected"],
        [[row["title"], *(number(row[key]) for key in ("looked_at", "selected", "unknown", "not_selected"))]
         for row in answer["definitions"]],
    )  # fmt: skip
    changes = _table(
        ["Definition", "Both", "Gained", "Lost", "Lost, but unknown"],
        [[row["pack"], *(number(row[key]) for key in ("kept", "gained", "lost", "lost_but_unknown"))]
         for row in answer["changes"]],
    )  # fmt: skip
    title = f"Who qualifies under which definition, as at {answer['as_at']}"
    body = Markup("<h1>{}</h1><p>{}</p>{}<h2>{}</h2><p>{}</p>{}{}<h2>{}</h2>{}").format(
        title,
        "Counts are exact: for the data team, not to publish. Unknown: what no partner sends could still select the "
        "family. A family selected is a proposal for a person to review.",
        definitions,
        drawn.title,
        drawn.caption,
        drawn.svg,
        _table(drawn.header, drawn.rows),
        f"Beside {answer['reference']}",
        changes,
    )
    return (
        f'<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def _table(header: list[str], rows: list[list[str]]) -> Markup:
    cell = Markup("<{0}>{1}</{0}>")
    lines = [[cell.format("th", name) for name in header], *([cell.format("td", text) for text in row] for row in rows)]
    return Markup("<table>{}</table>").format(
        Markup("").join(Markup("<tr>{}</tr>").format(Markup("").join(line)) for line in lines)
    )
