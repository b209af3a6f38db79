"""Does the programme work, drawn: what changed, outcomes per issue, how alike the groups were, what came back; and
families beside estimates. From answers as they may be shown; a picture whose facts are missing is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from pipeline.reports.drawing import BLUE, FAINT, GREEN, INK, ORANGE, VERMILLION, WIDTH, Picture, draw, names
from pipeline.reports.tables import number, percent

Rows = Sequence[Mapping[str, Any]]
ARMS = {
    "new_model": "New model",
    "business_as_usual": "Business as usual",
    "new_model_beside_business_as_usual": "Beside business as usual",
}
_COLOURS = {"fewer": GREEN, "more": VERMILLION, "no effect shown": "#8a929b"}


def effects_picture(answer: Mapping[str, Any]) -> Picture | None:
    """The effect on each outcome and issue, as a share of what would have happened, with its interval."""
    told = [row for row in answer["effects"] if row["relative"] is not None and row["relative_low"] is not None]
    if not told:
        return None
    level = percent(answer["evaluation"]["level"], 0)
    rows = []
    for row in told:
        name = f"{row['title']} (primary)" if row["is_primary"] else row["title"]
        low, high = (max(-1.0, min(1.5, row[f"relative_{end}"])) for end in ("low", "high"))
        rows.append({"name": name, "at": max(-1.0, min(1.5, row["relative"])), "low": low, "high": high,
                     "verdict": row["verdict"], "cut": row["relative_high"] > 1.5,
                     "told": _interval(row)})  # fmt: skip
    order = [row["name"] for row in rows]
    scale = alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values()))
    base = alt.Chart(alt.Data(values=rows)).encode(y=alt.Y("name:N", sort=order, axis=names(labelLimit=300)))
    x = alt.Scale(domain=[-1.0, 1.5], nice=False)
    axis = alt.Axis(format="+.0%", values=[-1, -0.5, 0, 0.5, 1, 1.5])
    lines = base.mark_rule(strokeWidth=3).encode(
        x=alt.X("low:Q", scale=x, title="fewer, beside what would have happened, or more", axis=axis), x2="high:Q",
        color=alt.Color("verdict:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
    )  # fmt: skip
    dots = base.mark_circle(size=110, opacity=1).encode(x="at:Q", color=alt.Color("verdict:N", scale=scale))
    beyond = base.transform_filter("datum.cut").mark_text(text="▶", dx=2, fontSize=11, color=INK).encode(x="high:Q")
    nought = alt.Chart(alt.Data(values=[{"at": 0}])).mark_rule(color=INK, strokeDash=[5, 4]).encode(x="at:Q")
    return draw(
        (nought + lines + dots + beyond).properties(width=WIDTH, height=30 * len(rows)),
        id="effects",
        title="What the new model changed",
        caption=f"Each dot is the effect as a share of what would have happened without the new model, the line its "
        f"{level} interval. A line that crosses the dashed one may be chance alone: no effect is shown, which is not "
        "the same as none. The verdict on the programme rests on the primary outcome; the others are corrected for "
        "their number. A triangle: the interval goes on.",
        description="; ".join(f"{row['name']}: {row['told']}, {row['verdict']}" for row in rows) + ".",
        header=["Outcome or issue", f"Effect ({level} interval)", "Verdict"],
        rows=[[row["name"], row["told"], row["verdict"]] for row in rows],
    )


def issues_picture(answer: Mapping[str, Any]) -> Picture | None:
    """Share of families with each issue on entry and on exit, by group; the published shares beside."""
    rows, table = [], []
    for row in answer["issues"]:
        entry, leaving = row["share_on_entry"], row["share_on_exit"]
        published = "–" if row["published_entry"] is None else (
            f"{percent(row['published_entry'], 0)} → {percent(row['published_exit'], 0)}"
        )  # fmt: skip
        table.append([row["title"], ARMS[row["arm"]], percent(entry, 0), percent(leaving, 0), published])
        if entry is not None and leaving is not None:
            rows.append({"name": row["title"], "arm": ARMS[row["arm"]], "entry": entry, "exit": leaving})
    shown = {row["name"] for row in rows}
    if not rows:
        return None
    told = [row for row in answer["issues"] if row["title"] in shown and row["arm"] == "new_model"]
    rows += [{"name": row["title"], "arm": "Published elsewhere", "entry": row["published_entry"],
              "exit": row["published_exit"]} for row in told if row["published_entry"] is not None]  # fmt: skip
    groups = [ARMS["new_model"], ARMS["business_as_usual"], "Published elsewhere"]
    order = [row["title"] for row in told] or sorted(shown)
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("name:N", sort=order, axis=names(labelLimit=300)),
        yOffset=alt.YOffset("arm:N", sort=groups),
        color=alt.Color(
            "arm:N", scale=alt.Scale(domain=groups, range=[BLUE, ORANGE, "#8a929b"]),
            legend=alt.Legend(title=None, orient="top"),
        ),
    )  # fmt: skip
    x = alt.X("entry:Q", axis=alt.Axis(format=".0%", tickCount=5), title="share of families with the issue")
    lines = base.mark_rule(strokeWidth=2).encode(x=x, x2="exit:Q")
    entry = base.mark_point(size=55, filled=False, strokeWidth=2, fill="white").encode(x=x)
    leaving = base.mark_circle(size=75, opacity=1).encode(x=alt.X("exit:Q"))
    return draw(
        (lines + entry + leaving).properties(width=WIDTH, height=46 * len(order)),
        id="issues",
        title="Families with each issue, on entry and on exit",
        caption="Open circle: share of families with the issue in the months before the start; full circle: in the "
        "months after. Families come when things are worst, so both groups may fall by themselves: what the programme "
        "changed is in the picture of effects. Published elsewhere: family intervention projects in England, other "
        "families and another measure. Shares that rest on fewer than ten families are hidden.",
        description="; ".join(f"{row[0]}, {row[1]}: {row[2]} to {row[3]}" for row in table) + ".",
        header=["Issue", "Group", "On entry", "On exit", "Published elsewhere"],
        rows=table,
    )


def balance_picture(answer: Mapping[str, Any]) -> Picture | None:
    """How alike the groups were before the start: standardised differences, as they came and after matching."""
    rows = []
    for row in answer["balance"]:
        for when, key in (("as they came", "difference_before"), ("after matching", "difference_after")):
            if row[key] is not None:
                rows.append({"name": row["covariate"].replace("_", " "), "when": when, "at": abs(row[key])})
    if not rows:
        return None
    limit = answer["evaluation"]["balanced_below"]
    order = list(dict.fromkeys(row["name"] for row in rows))
    here = [when for when in ("as they came", "after matching") if any(row["when"] == when for row in rows)]
    scale = alt.Scale(domain=here, range=[ORANGE, BLUE][: len(here)])
    drawn = alt.Chart(alt.Data(values=rows)).mark_circle(size=80, opacity=1).encode(
        y=alt.Y("name:N", sort=order, axis=names()),
        x=alt.X("at:Q", title="difference between the groups, in standard deviations", axis=alt.Axis(tickCount=6)),
        color=alt.Color("when:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
    )  # fmt: skip
    rule = alt.Chart(alt.Data(values=[{"at": limit}])).mark_rule(color=INK, strokeDash=[5, 4]).encode(x="at:Q")
    beyond = [row for row in answer["balance"] if _last(row) is not None and abs(_last(row) or 0) > limit]
    return draw(
        (rule + drawn).properties(width=WIDTH, height=20 * len(order)),
        id="balance",
        title="How alike the groups were before the start",
        caption=f"Standardised mean differences; up to {limit:g} (the dashed line) groups count as alike. "
        f"{len(beyond)} of {len(order)} lie beyond. Balance on what was recorded is no proof of likeness in what was "
        "not.",
        description=f"{len(order)} covariates, {len(beyond)} beyond {limit:g} standard deviations.",
        header=["Held alike by", "As they came", "After matching"],
        rows=[
            [row["covariate"].replace("_", " "), _signed(row["difference_before"]), _signed(row["difference_after"])]
            for row in answer["balance"]
        ],
    )


def returns_picture(answer: Mapping[str, Any]) -> Picture | None:
    """Pounds back per pound put in, by kind of money and group, with intervals."""
    rows = [
        {"money": row["money"].capitalize(), "arm": ARMS[row["arm"]], "at": row["per_pound"],
         "low": row["per_pound_low"], "high": row["per_pound_high"]}
        for row in answer["returns"] if row["per_pound"] is not None
    ]  # fmt: skip
    if not rows:
        return None
    groups = list(ARMS.values())
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("money:N", sort=["Fiscal", "Cashable", "Economic"], axis=names()),
        yOffset=alt.YOffset("arm:N", sort=groups),
        color=alt.Color(
            "arm:N", scale=alt.Scale(domain=groups, range=[BLUE, ORANGE, GREEN]),
            legend=alt.Legend(title=None, orient="top"),
        ),
    )  # fmt: skip
    x = alt.X("low:Q", title="pounds back for each pound put in", axis=alt.Axis(format="+.2f"))
    marks = alt.Chart(alt.Data(values=[{"at": 0, "dash": "none"}, {"at": 1, "dash": "all of it"}]))
    rules = marks.mark_rule(color=FAINT, strokeWidth=1.5).encode(x="at:Q")
    drawn = base.mark_rule(strokeWidth=3).encode(x=x, x2="high:Q") + base.mark_circle(size=90, opacity=1).encode(
        x="at:Q"
    )
    return draw(
        (rules + drawn).properties(width=WIDTH, height=66 * len({row["money"] for row in rows})),
        id="returns",
        title="Pounds back for each pound put in",
        caption="A group's own return is its cost before less its cost after, over what it costs: part of it would "
        "have happened anyway. Beside business as usual is what would not have, over what the new model costs more. "
        "Kinds of money answer different questions and are not to be added up. The programme's own cost is taken as "
        "certain.",
        description="; ".join(f"{row['money']}, {row['arm']}: {row['at']:.2f} pounds" for row in rows) + ".",
        header=["Money", "Group", "Avoided (£ a family)", "Cost (£ a family)", "Back per £1 (interval)"],
        rows=[
            [row["money"], ARMS[row["arm"]], number(row["avoided"]), number(row["programme"]), _per_pound(row)]
            for row in answer["returns"]
        ],
    )


def estimates_picture(answer: Mapping[str, Any]) -> Picture | None:
    """Families found beside the range estimated, by district and area."""
    rows = []
    for row in answer["rows"]:
        name = row["area"] if row["area"] != "whole district" else f"{row['district']} (district)"
        rows.append(
            {"name": name, "low": row["low"], "high": row["high"], "found": row["found"], "beside": row["beside"]}
        )
    if not any(row["low"] is not None or row["found"] is not None for row in rows):
        return None
    order = [row["name"] for row in rows]
    words = ["within", "fewer than estimated", "more than estimated", "no estimate"]
    scale = alt.Scale(domain=words, range=[GREEN, VERMILLION, BLUE, "#8a929b"])
    base = alt.Chart(alt.Data(values=rows)).encode(y=alt.Y("name:N", sort=order, axis=names()))
    ranges = base.transform_filter("datum.low != null").mark_bar(height=14, color=FAINT).encode(
        x=alt.X("low:Q", title="families", axis=alt.Axis(format=",.0f", tickMinStep=1)), x2="high:Q"
    )  # fmt: skip
    found = (
        base.transform_filter("datum.found != null")
        .mark_circle(size=110, opacity=1)
        .encode(x="found:Q", color=alt.Color("beside:N", scale=scale, legend=alt.Legend(title=None, orient="top")))
    )
    secret = (
        base.transform_filter("datum.found == null")
        .mark_text(text="hidden", align="left", dx=4, fontSize=11, fontStyle="italic", color=INK)
        .encode(x=alt.datum(0))
    )
    return draw(
        (ranges + found + secret).properties(width=WIDTH, height=28 * len(rows)),
        id="estimates",
        title="Families found beside the estimate",
        caption="The bar is the range of the indicative estimate, the dot the families found, rounded to 5. Hidden: "
        "fewer than ten families, or to protect such a count. Neither corrects the other: an estimate "
        "is made far away from survey shares, and what is found depends on what partners record.",
        description="; ".join(f"{row['name']}: {row['beside']}" for row in rows) + ".",
        header=["Area", "Estimate", "Found", "Beside it"],
        rows=[[row["name"], _range(row), number(row["found"]) if row["found"] is not None else "hidden", row["beside"]]
              for row in rows],
    )  # fmt: skip


def latest_effects(told: Mapping[str, Rows]) -> Picture | None:
    """The effects of the latest evaluation that is not made up (`programme_facts`)."""
    real = [row for row in told.get("evaluations", ()) if not row["made_up"]]
    return effects_picture({"evaluation": real[0], "effects": told["effects"]}) if real else None


def evaluation_rows(told: Mapping[str, Rows]) -> list[list[str]]:
    """The evaluations on file, the latest first; a simulation says that it is made up."""
    return [
        [row["name"], "made up" if row["made_up"] else row["groups_from"], row["design"],
         number(row["families_new_model"]), number(row["families_usual"]), str(row["as_at"]), row["verdict"]]
        for row in told.get("evaluations", ())
    ]  # fmt: skip


def _last(row: Mapping[str, Any]) -> float | None:
    """The difference that counts: after matching where there was any."""
    after: float | None = row["difference_after"]
    return after if after is not None else row["difference_before"]


def _interval(row: Mapping[str, Any]) -> str:
    return f"{row['relative']:+.0%} ({row['relative_low']:+.0%} to {row['relative_high']:+.0%})".replace("%", " %")


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"


def _per_pound(row: Mapping[str, Any]) -> str:
    if row["per_pound"] is None:
        return "–"
    low, high = row["per_pound_low"], row["per_pound_high"]
    return f"{row['per_pound']:.2f}" + ("" if low is None else f" ({low:.2f} to {high:.2f})")


def _range(row: Mapping[str, Any]) -> str:
    return "–" if row["low"] is None else f"{number(row['low'])} to {number(row['high'])}"
