"""Pictures of involvement: contact days by agency and month, who is rising, and one family's journey."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import altair as alt

from pipeline.reports.drawing import BLUE, CATEGORIES, INK, VERMILLION, WIDTH, Picture, bars, draw, names
from pipeline.reports.facts import RunFacts
from pipeline.reports.tables import number

TOGETHER = "together"
WINDOW = "months looked at"
WHOLE = "datum.value % 1 ? '' : format(datum.value, 'd')"  # no label between whole numbers
LANE = 34  # pixels of one agency's lane in a journey


def rising(facts: RunFacts) -> Picture | None:
    """Families with an alert, by agency; an agency that could not be tested says why."""
    if not facts.escalation:
        return None
    rows = [
        {
            "name": row["title"],
            "value": row["alerts"],
            "tested": row["state"] == "tested",
            "label": f"{number(row['alerts'])} of {number(row['families_tested'])}"
            if row["state"] == "tested"
            else f"cannot be said: {row['state']}",
        }
        for row in facts.escalation
    ]
    colour = alt.Color("tested:N", scale=alt.Scale(domain=[True, False], range=[VERMILLION, INK]), legend=None)
    group = facts.escalation[0]["peer_group"]
    return draw(
        bars(rows, colour=colour, title="selected families whose contacts have risen beyond chance"),
        id="rising",
        title="Rising involvement",
        caption="Selected families with clearly more contact days in the last months than their own past and their "
        f"peers ({group}) let expect, of those tested. A reason to look, never a finding. A family that rises with one "
        "agency often rises in all together too.",
        description="; ".join(f"{row['name']}: {row['label']}" for row in rows) + ".",
        header=["Agency", "Rising", "Tested", "State", "Contact days a year of the average peer"],
        rows=[
            [row["title"], number(row["alerts"]), number(row["families_tested"]), row["state"],
             "–" if row["mean_per_month"] is None else f"{12 * row['mean_per_month']:.2f}"]
            for row in facts.escalation
        ],
    )  # fmt: skip


def contacts_by_month(facts: RunFacts) -> Picture | None:
    """Contact days of the selected families by agency and month, each agency on a scale of its own."""
    rows = [row for row in facts.contacts if row["agency"] != TOGETHER]
    if not rows:
        return None
    order = list(dict.fromkeys(row["title"] for row in rows))
    months = sorted({row["month_end"] for row in rows})
    recent = sorted(row["window_from"] for row in facts.contacts if row.get("window_from"))[:1]
    value = {(row["title"], row["month_end"]): int(row["contacts"]) for row in rows}
    points = [
        {"agency": title, "month": month.isoformat(), "contacts": value.get((title, month), 0),
         "when": WINDOW if recent and month >= recent[0] else "before"}
        for title in order
        for month in months
    ]  # fmt: skip
    drawn = alt.Chart(alt.Data(values=points)).mark_bar(size=9).encode(
        x=alt.X("month:T", title=None, axis=alt.Axis(format="%b %Y", grid=False)),
        y=alt.Y("contacts:Q", title=None, axis=alt.Axis(tickCount=2, labelExpr=WHOLE)),
        color=alt.Color("when:N", scale=alt.Scale(domain=["before", WINDOW], range=[BLUE, VERMILLION]),
                        legend=alt.Legend(title=None, orient="top")),
    ).properties(width=WIDTH, height=44)  # fmt: skip
    header = alt.Header(title=None, labelOrient="left", labelAngle=0, labelAlign="left", labelColor=INK,
                        labelFontSize=12, labelLimit=170)  # fmt: skip
    return draw(
        drawn.facet(row=alt.Row("agency:N", sort=order, header=header), spacing=10).resolve_scale(y="independent"),
        id="contacts",
        title="Contact days of the selected families, by agency and month",
        caption="A contact day is a day on which somebody of the family met the agency, in whatever part: a victim's "
        "call-out is involvement too. Each agency has its own scale. Families are those selected tonight, so that what "
        "got them selected stands in the last months of every agency: the test allows for that.",
        description="; ".join(f"{title}: {sum(value.get((title, m), 0) for m in months)}" for title in order) + ".",
        header=["Agency", *(f"{month:%b %Y}" for month in months)],
        rows=[[title, *(number(value.get((title, month), 0)) for month in months)] for title in order],
    )


def journey(rows: list[dict[str, Any]], agencies: Mapping[str, str]) -> Picture | None:
    """One family's chronology: a lane for each agency, a mark for each day and a bar for each spell, by member.

    rows: day, until, agency, member, what, role, as the reader may see them.
    """
    dated = [row for row in rows if row["day"] is not None]
    if not dated:
        return None
    last = max(max(row["day"], row["until"] or row["day"]) for row in dated)
    lanes = [agency for agency in (*agencies, *sorted({row["agency"] for row in dated} - set(agencies)))
             if any(row["agency"] == agency for row in dated)]  # fmt: skip
    order = [agencies.get(agency, agency.capitalize()) for agency in lanes]
    members = sorted({row["member"] or "family" for row in dated})
    marks = [
        {
            "agency": agencies.get(row["agency"], row["agency"].capitalize()),
            "from": row["day"].isoformat(),
            "to": (row["until"] or row["day"]).isoformat(),
            "member": row["member"] or "family",
        }
        for row in dated
    ]
    colours = [CATEGORIES[place % len(CATEGORIES)] for place in range(len(members))]
    scale = alt.Scale(domain=members, range=colours)
    base = alt.Chart(alt.Data(values=marks)).encode(
        y=alt.Y("agency:N", sort=order, axis=names()),
        yOffset=alt.YOffset("member:N", sort=members, scale=alt.Scale(paddingOuter=0.3)),
        color=alt.Color("member:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
    )
    axis = alt.X("from:T", title=None, axis=alt.Axis(format="%b %Y", tickCount=6))
    spells = base.mark_bar(height=5, opacity=0.6).encode(x=axis, x2="to:T")
    days = base.mark_point(filled=True, size=55, opacity=0.9).encode(x=axis)
    return draw(
        (spells + days).properties(width=WIDTH, height=LANE * len(order)),
        id="journey",
        title="The journey in one picture",
        caption="A mark is the day something began; a bar lasts as long as it did, where its end is known.",
        description=f"{len(dated)} entries with {len(order)} agencies, up to {_day(last)}.",
        header=["Agency", "Entries", "First", "Last"],
        rows=[
            [title, number(len(days_of)), _day(min(days_of)), _day(max(days_of))]
            for title, days_of in (
                (
                    title,
                    [row["day"] for row in dated if agencies.get(row["agency"], row["agency"].capitalize()) == title],
                )
                for title in order
            )
        ],
    )


def _day(value: dt.date) -> str:
    return f"{value:%-d %b %Y}"
