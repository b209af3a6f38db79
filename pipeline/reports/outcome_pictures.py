"""Pictures of what came out: the funnel, the criteria, the match weights. One whose facts are missing is left out."""

from __future__ import annotations

import math
from typing import Any

import altair as alt

from pipeline.reports.drawing import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    LABEL_WIDTH,
    ORANGE,
    SKY,
    VERMILLION,
    WIDTH,
    Picture,
    bars,
    draw,
    names,
    share,
)
from pipeline.reports.facts import RunFacts
from pipeline.reports.tables import number, percent


def funnel(facts: RunFacts) -> Picture:
    """From rows delivered to families flagged: three units, each with its own scale."""
    counts = facts.counts
    with_children = counts.get("families_with_children")
    delivered = facts.rows("rows_delivered")
    groups: list[tuple[str, list[tuple[str, int | None, str]]]] = [
        ("Rows", [("Delivered", delivered, ""), ("Loaded", facts.rows("rows_loaded"), "of delivered")]),
        ("People", [("Records", counts.get("records"), ""), ("Persons", counts.get("persons"), "of records")]),
        (
            "Families",
            [
                ("All families", counts.get("families"), ""),
                ("With children", with_children, "of all"),
                ("Meeting 1 core criterion or more", facts.families_meeting(1), "of those with children"),
                ("Meeting 2 core criteria or more", facts.families_meeting(2), "of those with children"),
                ("Flagged for review", counts.get("selected"), "of those with children"),
            ],
        ),
    ]  # fmt: skip
    panels, table = [], []
    for (unit, steps), colour in zip(groups, (SKY, BLUE, GREEN), strict=True):
        whole = steps[0][1]
        rows = []
        for name, value, of_what in steps:
            if value is None:
                continue
            part = share(value, with_children if of_what == "of those with children" else whole)
            label = f"{number(value)} · {percent(part)} {of_what}" if of_what and part is not None else number(value)
            rows.append({"name": name, "value": value, "label": label})
            table.append([unit, name, number(value), percent(part) if of_what else ""])
        if rows:
            panels.append(bars(rows, colour=alt.value(colour), title=unit))
    return draw(
        alt.vconcat(*panels, spacing=18),
        id="funnel",
        title="From delivered rows to flagged families",
        caption="Each block counts another thing (rows, people, families) and has a scale of its own. A row that is "
        "delivered but not loaded is in quarantine; several records may be one person; core criteria are all "
        "but the local one; a flagged family is a proposal for a person to review.",
        description="; ".join(f"{row[1]}: {row[2]} {row[0].lower()}" for row in table) + ".",
        header=["What", "Step", "Count", "Share"],
        rows=table,
    )


def combinations(facts: RunFacts) -> Picture | None:
    """Which criteria come together: bars over a matrix of dots, one column per combination."""
    told = facts.combinations()[:24]
    criteria = list(facts.criteria()) or sorted({name for row in told for name in row["criteria"]})
    if not told:
        return None
    labels = {name: f"{facts.title(name)} ({number(facts.criteria().get(name))})" for name in criteria}
    order = [labels[name] for name in criteria]
    columns, dots, links = [], [], []
    for column, row in enumerate(told):
        met = [name for name in criteria if name in row["criteria"]]
        flagged = "flagged" if row.get("selected") else "not flagged"
        columns.append({"column": column, "families": row["families"], "flagged": flagged})
        dots += [{"column": column, "criterion": labels[name], "met": name in met} for name in criteria]
        if len(met) > 1:
            links.append({"column": column, "top": labels[met[0]], "bottom": labels[met[-1]]})
    lines = alt.Scale(domain=order)
    x = alt.X("column:O", axis=None, scale=alt.Scale(paddingInner=0.25))
    knows_flags = any("selected" in row for row in told)
    colour: Any = alt.value(BLUE)
    if knows_flags:
        scale = alt.Scale(domain=["flagged", "not flagged"], range=[VERMILLION, BLUE])
        colour = alt.Color("flagged:N", scale=scale, legend=alt.Legend(title=None, orient="top-right"))
    base = alt.Chart(alt.Data(values=columns)).encode(
        x=x,
        y=alt.Y("families:Q", title="families", axis=alt.Axis(tickCount=4, minExtent=LABEL_WIDTH, titlePadding=8)),
    )
    upper = base.mark_bar().encode(color=colour) + base.mark_text(dy=-7, fontSize=11, color=INK).encode(
        text=alt.Text("families:Q", format=",")
    )
    y = alt.Y("criterion:N", scale=lines, axis=names())
    lower = alt.layer(
        alt.Chart(alt.Data(values=links)).mark_rule(strokeWidth=3, color=INK).encode(
            x=x, y=alt.Y("top:N", scale=lines, axis=names()), y2="bottom:N"
        ),
        alt.Chart(alt.Data(values=dots)).mark_circle(size=130, opacity=1).encode(
            x=x, y=y, color=alt.condition("datum.met", alt.value(INK), alt.value(FAINT))
        ),
    )  # fmt: skip
    table = [[" + ".join(facts.title(name) for name in row["criteria"]), number(row["families"])] for row in told]
    return draw(
        alt.vconcat(
            upper.properties(width=WIDTH, height=170),
            lower.properties(width=WIDTH, height=30 * len(criteria)),
            spacing=8,
        ).resolve_scale(x="shared"),
        id="combinations",
        title="Which criteria come together",
        caption="Each column is one exact combination: the dark dots below say which criteria, the bar above how many "
        "families meet these and no others. The number behind a criterion's name is all families that meet it.",
        description="; ".join(f"{families} families meet only {sets}" for sets, families in table) + ".",
        header=["Criteria met", "Families"],
        rows=table,
    )  # fmt: skip


def thresholds(parameters: dict[str, Any]) -> dict[str, float]:
    """Match weight (bits) at the two decisions: told as `threshold_weights`, else log2 odds of the probabilities."""
    told = parameters.get("threshold_weights")
    if told:
        return {str(name): float(weight) for name, weight in told.items()}
    return {
        str(name): math.log2(float(p) / (1 - float(p)))
        for name, p in (parameters.get("thresholds") or {}).items()
        if 0 < float(p) < 1
    }


def histogram(facts: RunFacts) -> tuple[list[float], list[int]]:
    """Edges and counts of the bars of match weights, without gaps: from the run's counts, else as linking keeps them
    among its parameters (`bits` wide `bars` of lower edge and count). Empty when there are none."""
    told = facts.counts.get("weights_histogram") or facts.parameters.get("histogram") or {}
    if "bars" not in told:
        return told.get("edges") or [], told.get("counts") or []
    wide, bars_told = int(told["bits"]), dict(told["bars"])
    if not bars_told:
        return [], []
    lower = list(range(min(bars_told), max(bars_told) + wide, wide))
    return [*lower, lower[-1] + wide], [bars_told.get(edge, 0) for edge in lower]


def match_weights(facts: RunFacts) -> Picture | None:
    """How the match weights of the candidate pairs lie, and where the thresholds are."""
    edges, counts = histogram(facts)
    if len(edges) != len(counts) + 1 or not any(counts):
        return None
    marks = thresholds(facts.parameters)

    def decision(middle: float) -> str:
        if "match" in marks and middle >= marks["match"]:
            return "match"
        return "possible" if "possible" in marks and middle >= marks["possible"] else "not linked"

    rows: list[dict[str, Any]] = [
        {"from": left, "to": right, "pairs": count, "decision": decision((left + right) / 2)}
        for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    powers = [0, *(10**power for power in range(1, 1 + math.ceil(math.log10(max(*counts, 10)))))]
    scale = alt.Scale(domain=["not linked", "possible", "match"], range=["#8a929b", ORANGE, BLUE])
    drawn = alt.Chart(alt.Data(values=rows)).mark_bar(binSpacing=1).encode(
        x=alt.X("from:Q", bin="binned", title="match weight in bits: against one person at the left, for at the right"),
        x2="to:Q",
        y=alt.Y("pairs:Q", title="candidate pairs", axis=alt.Axis(values=powers, format=",d", minExtent=60),
                scale=alt.Scale(type="symlog", constant=3, domain=[0, max(counts)])),
        color=alt.Color("decision:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
    )  # fmt: skip
    at = alt.Chart(alt.Data(values=[{"at": value, "name": name} for name, value in marks.items()]))
    rules = at.mark_rule(strokeDash=[5, 4], color=INK, strokeWidth=1.5).encode(x="at:Q")
    pairs = facts.counts.get("pairs") or {}
    told = [f"{name.replace('_', ' ')} {number(value)}" for name, value in pairs.items()]
    return draw(
        alt.layer(drawn, rules).properties(width=WIDTH + LABEL_WIDTH - 60, height=220),
        id="weights",
        title="How sure the links are",
        caption="Every candidate pair, once per blocking pass that found it, by its match weight: at 0 bits it is as "
        "likely as not that two records are one person, and each further bit doubles the odds. "
        "The dashed lines are the thresholds for review and for linking. The scale of counts is compressed, so that "
        "small numbers show. A clear valley between the two hills is good; pairs in it are the doubtful ones.",
        description=f"Candidate pairs by match weight from {edges[0]:g} to {edges[-1]:g} bits. "
        + (f"Pairs: {', '.join(told)}. " if told else "")
        + " ".join(f"The threshold '{name}' is at {value:.1f} bits." for name, value in marks.items()),
        header=["Weight from", "to", "Candidate pairs", "Decision"],
        rows=[[f"{r['from']:g}", f"{r['to']:g}", number(r["pairs"]), r["decision"]] for r in rows],
    )
