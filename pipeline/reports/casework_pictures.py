"""Pictures of casework: where the cases stand, what families cost whom, what makes the first places, and progress."""

from __future__ import annotations

from typing import Any

import altair as alt

from pipeline.reports.drawing import (
    BLUE,
    CATEGORIES,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    WIDTH,
    Picture,
    bars,
    draw,
    names,
)
from pipeline.reports.facts import RunFacts
from pipeline.reports.tables import number, percent, words

# What came of a result test, in the order of the bar: colour and words.
STATES = {
    "passed": (GREEN, "passed"), "needs_certificate": (SKY, "to be certified"), "failed": (VERMILLION, "failed"),
    "too_early": (ORANGE, "too early"), "not_applicable": (FAINT, "does not apply"), "unknown": (PURPLE, "unknown"),
}  # fmt: skip


def life(facts: RunFacts) -> Picture | None:
    """Cases by state, in the order in which they move along."""
    told = facts.casework.get("life")
    if not told:
        return None
    rows = [{"name": row["title"], "value": row["cases"], "label": number(row["cases"]), "ended": row["ended"]}
            for row in told]  # fmt: skip
    reviews = facts.casework.get("reviews") or []
    share = "".join(
        f" Of {number(row['reviewed'])} flags reviewed so far, people overrode {number(row['overridden'])}"
        f" ({percent(row['overridden'] / row['reviewed'])})."
        for row in reviews
    )
    colour = alt.Color("ended:N", scale=alt.Scale(domain=[False, True], range=[BLUE, FAINT]), legend=None)
    return draw(
        bars(rows, colour=colour, title="cases"),
        id="life",
        title="Where the cases stand",
        caption="A flag opens a case; people decide what becomes of it. Grey: ended."
        + (share or " Nobody has reviewed a flag yet."),
        description="; ".join(f"{row['name']}: {row['label']}" for row in rows) + ".",
        header=["State", "Cases"],
        rows=[[row["name"], row["label"]] for row in rows],
    )


def costs(facts: RunFacts) -> Picture | None:
    """What families with a case cost each agency in a year: fiscal with its cashable part; the economy apart."""
    told = [row for row in facts.casework.get("costs") or [] if row["fiscal"] or row["economic"]]
    if not told:
        return None
    rows = [
        {
            "name": words(row["agency"]).capitalize() if row["agency"] not in _UPPER else row["agency"].upper(),
            "whole": row["fiscal"] or row["economic"],
            "part": row["cashable"],
            "what": "economic, on no budget" if row["economic"] else "fiscal",
            "label": f"£{number(round(row['fiscal'] or row['economic']))}"
            + (f" · £{number(round(row['cashable']))} cashable" if row["cashable"] else ""),
        }
        for row in told
    ]
    order = [row["name"] for row in rows]
    top = max(row["whole"] for row in rows)
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("name:N", sort=order, axis=names()),
        x=alt.X("whole:Q", title=None, axis=None, scale=alt.Scale(domain=[0, top * 1.6])),
    )
    kinds = alt.Scale(domain=["fiscal", "economic, on no budget"], range=[SKY, FAINT])
    whole = base.mark_bar(height=18, cornerRadiusEnd=2).encode(
        color=alt.Color("what:N", scale=kinds, legend=alt.Legend(title=None, orient="top"))
    )
    part = base.mark_bar(height=18).encode(x=alt.X("part:Q", title=None, axis=None), color=alt.value(BLUE))
    label = base.mark_text(align="left", dx=6, fontSize=12, color=INK).encode(text="label:N")
    year = told[0]["prices"]
    return draw(
        (whole + part + label).properties(width=WIDTH, height=28 * len(rows)),
        id="costs",
        title="What families with a case cost in a year",
        caption=f"Unit costs × evidence of the last twelve months, in {year} prices. Dark: the part of a fiscal cost "
        "that could be given back if demand fell, by an assumed share. The three kinds of cost are never added up."
        + (" Rests on DWP data." if any(row["dwp"] for row in told) else ""),
        description="; ".join(f"{row['name']}: {row['label']} ({row['what']})" for row in rows) + ".",
        header=["On whom", "Families", "Fiscal", "Cashable", "Economic"],
        rows=[
            [shown["name"], number(row["families"]), *(f"£{number(round(row[key]))}" for key in
                                                       ("fiscal", "cashable", "economic"))]
            for shown, row in zip(rows, told, strict=True)
        ],
    )  # fmt: skip


def first_places(facts: RunFacts) -> Picture | None:
    """What makes the scores of the first places of the one list."""
    told = facts.casework.get("places")
    if not told:
        return None
    parts = list(dict.fromkeys(row["title"] for row in told))
    rows = [{"place": f"Place {row['place']}", "part": row["title"], "points": row["points"],
             "order": parts.index(row["title"])} for row in told]  # fmt: skip
    places = list(dict.fromkeys(row["place"] for row in rows))
    colours = alt.Scale(domain=parts, range=list(CATEGORIES[: len(parts)]))
    chart = alt.Chart(alt.Data(values=rows)).mark_bar(height=13).encode(
        y=alt.Y("place:N", sort=places, axis=names()),
        x=alt.X("points:Q", title="points", stack="zero", axis=alt.Axis(tickCount=5)),
        order=alt.Order("order:Q"),
        color=alt.Color("part:N", scale=colours, sort=parts, legend=alt.Legend(title=None, orient="top", columns=3)),
    )  # fmt: skip
    score = {row["place"]: row["score"] for row in told}
    points = {(row["place"], row["title"]): row["points"] for row in told}
    return draw(
        chart.properties(width=WIDTH, height=20 * len(places)),
        id="first-places",
        title="What makes the first places of the list",
        caption="Every partner's nominations and the flags, in one list. Points are weight × value ÷ full marks; the "
        "weights are the council's own. A way to order work, never a decision.",
        description="; ".join(f"place {place}: {value:g} points" for place, value in score.items()) + ".",
        header=["Place", "Points", *parts],
        rows=[
            [str(place), f"{value:.2f}", *(f"{points.get((place, part), 0):.2f}" for part in parts)]
            for place, value in score.items()
        ],
    )


def progress(facts: RunFacts) -> Picture | None:
    """Each result test: how many cases pass it, and why the others do not."""
    told = facts.casework.get("progress")
    if not told:
        return None
    tests = list(dict.fromkeys(row["title"] for row in told))
    seen = [state for state in STATES if any(row["state"] == state for row in told)]
    rows = [{"test": row["title"], "state": STATES[row["state"]][1], "cases": row["cases"],
             "order": seen.index(row["state"])} for row in told]  # fmt: skip
    scale = alt.Scale(domain=[STATES[state][1] for state in seen], range=[STATES[state][0] for state in seen])
    chart = alt.Chart(alt.Data(values=rows)).mark_bar(height=18).encode(
        y=alt.Y("test:N", sort=tests, axis=names()),
        x=alt.X("cases:Q", title="cases", stack="zero", axis=alt.Axis(tickMinStep=1, format=",d")),
        order=alt.Order("order:Q"),
        color=alt.Color("state:N", scale=scale, legend=alt.Legend(title=None, orient="top", columns=6)),
    )  # fmt: skip
    count: dict[tuple[str, str], Any] = {(row["title"], row["state"]): row["cases"] for row in told}
    return draw(
        chart.properties(width=WIDTH, height=28 * len(tests)),
        id="progress",
        title="Progress since identification",
        caption="Result tests of the programme, for every case. Silence passes nothing: without a fresh feed a test is "
        "unknown; too early means that its months still reach back to before identification.",
        description="; ".join(f"{row['test']}: {row['cases']} {row['state']}" for row in rows) + ".",
        header=["Test", *(STATES[state][1].capitalize() for state in seen)],
        rows=[[test, *(number(count.get((test, state), 0)) for state in seen)] for test in tests],
    )


def claim_rows(facts: RunFacts) -> list[list[str]]:
    """Claims by title and state: how many, how many pounds, how many results were lost again."""
    return [
        [row["title"], words(row["state"]), number(row["claims"]), f"£{number(row['pounds'])}", number(row["lost"])]
        for row in facts.casework.get("claims") or []
    ]


_UPPER = ("nhs", "dwp")
