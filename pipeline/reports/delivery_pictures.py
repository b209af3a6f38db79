"""Pictures of what went in and how it went: quarantine, freshness, checks, times. One without facts is left out."""

from __future__ import annotations

from typing import Any

import altair as alt

from pipeline.reports.drawing import BLUE, CATEGORIES, GREEN, INK, ORANGE, VERMILLION, WIDTH, Picture, bars, draw, names
from pipeline.reports.facts import RunFacts
from pipeline.reports.tables import STAGE_NAMES, number, words


def quarantine(facts: RunFacts) -> Picture | None:
    """Rows in quarantine by reason, partners told apart by colour."""
    if not facts.quarantine:
        return None
    totals: dict[str, int] = {}
    for row in facts.quarantine:
        totals[row["reason"]] = totals.get(row["reason"], 0) + row["rows"]
    order = sorted(totals, key=lambda reason: (-totals[reason], reason))
    here = {row["partner"] for row in facts.quarantine}
    # A partner keeps its colour from report to report: colours go round by all partners, not by those in quarantine.
    everyone = sorted(here | {row["partner"] for row in facts.freshness})
    colours = {partner: CATEGORIES[place % len(CATEGORIES)] for place, partner in enumerate(everyone)}
    scale = alt.Scale(domain=sorted(here), range=[colours[partner] for partner in sorted(here)])
    top = max(totals.values())
    y = alt.Y("reason:N", sort=order, axis=names())
    x_scale = alt.Scale(domain=[0, top * 1.15])
    drawn = alt.Chart(alt.Data(values=facts.quarantine)).mark_bar(height=18).encode(
        y=y,
        x=alt.X("sum(rows):Q", axis=None, scale=x_scale),
        color=alt.Color("partner:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
        order=alt.Order("partner:N"),
    )  # fmt: skip
    sums = [{"reason": reason, "rows": rows, "label": number(rows)} for reason, rows in totals.items()]
    labels = alt.Chart(alt.Data(values=sums)).mark_text(align="left", dx=6, fontSize=12, color=INK)
    return draw(
        (drawn + labels.encode(y=y, x=alt.X("rows:Q", scale=x_scale, axis=None), text="label:N")).properties(
            width=WIDTH, height=28 * len(order)
        ),
        id="quarantine",
        title="Rows in quarantine, by reason",
        caption="Rows that did not pass the contract's checks and wait for the partner to mend them; every other row "
        "of these deliveries is loaded. A row with two faults counts under both. Row numbers for "
        "the partner are in the table registry.quarantine.",
        description="; ".join(f"{reason}: {number(totals[reason])} rows" for reason in order) + ".",
        header=["Partner", "Reason", "Rows"],
        rows=[[row["partner"], row["reason"], number(row["rows"])] for row in facts.quarantine],
    )


def freshness(facts: RunFacts) -> Picture | None:
    """What period each partner's data covers, against the as-at date and the freshness the contract promises."""
    table, rows = [], []
    for row in facts.freshness:
        name, allowed = row["name"], row["freshness_days"]
        if row["period_to"] is None:
            table.append([name, "", "", "no accepted delivery", number(allowed)])
            continue
        days = (facts.as_at - row["period_to"]).days
        state = "fresh" if allowed is None or days <= allowed else "stale"
        age = "up to the as-at date" if days <= 0 else f"{days} day{'s' if days > 1 else ''} old"
        started = row["period_from"] or row["period_to"]
        rows.append({"name": name, "from": started.isoformat(), "to": row["period_to"].isoformat(), "state": state,
                     "label": f"{age}, {state}"})  # fmt: skip
        table.append([name, started.isoformat(), row["period_to"].isoformat(), f"{age}, {state}", number(allowed)])
    if not rows:
        return None
    order = [row["name"] for row in rows]
    scale = alt.Scale(domain=["fresh", "stale"], range=[GREEN, VERMILLION])
    base = alt.Chart(alt.Data(values=rows)).encode(y=alt.Y("name:N", sort=order, axis=names()))
    drawn = base.mark_bar(height=16).encode(
        x=alt.X("from:T", title=None, axis=alt.Axis(format="%b %Y", tickCount=6)),
        x2="to:T",
        color=alt.Color("state:N", scale=scale, legend=None),
    )
    labels = base.mark_text(align="right", dx=-6, fontSize=12, color=INK, fontWeight="bold").encode(
        x="to:T", text="label:N"
    )
    rule = alt.Chart(alt.Data(values=[{"at": facts.as_at.isoformat()}])).mark_rule(
        color=INK, strokeDash=[5, 4], strokeWidth=1.5
    )
    return draw(
        (drawn + labels + rule.encode(x="at:T")).properties(width=WIDTH, height=30 * len(rows)),
        id="freshness",
        title="How fresh each partner's data is",
        caption=f"The period that each partner's accepted deliveries cover. The dashed line is the as-at date, "
        f"{facts.as_at:%-d %B %Y}. A partner is stale when its data ends more days before that than its contract "
        "allows; a criterion that only a stale partner can decide comes out as unknown.",
        description="; ".join(f"{row[0]}: {row[3]}" for row in table) + ".",
        header=["Partner", "From", "To", "State", "Days allowed"],
        rows=table,
    )


def checks(facts: RunFacts) -> Picture | None:
    """Great Expectations checks by suite: passed, warnings, critical failures."""
    if not facts.checks:
        return None
    outcomes = ("passed", "warning", "critical")
    sums: dict[tuple[str, str], int] = {}
    for row in facts.checks:
        key = (row["suite"], "passed" if row["success"] else str(row["severity"]))
        sums[key] = sums.get(key, 0) + row["times"]
    suites = sorted({suite for suite, _ in sums})
    rows = [
        {"suite": suite, "outcome": outcome, "rank": outcomes.index(outcome), "checks": count}
        for (suite, outcome), count in sums.items()
        if outcome in outcomes
    ]
    scale = alt.Scale(domain=list(outcomes), range=[GREEN, ORANGE, VERMILLION])
    drawn = alt.Chart(alt.Data(values=rows)).mark_bar(height=14).encode(
        y=alt.Y("suite:N", sort=suites, axis=names()),
        x=alt.X("checks:Q", title="checks", axis=alt.Axis(tickMinStep=1, format="d")),
        color=alt.Color("outcome:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
        order=alt.Order("rank:Q"),
    )  # fmt: skip
    table = [[suite, *(number(sums.get((suite, outcome), 0)) for outcome in outcomes)] for suite in suites]
    failed = sum(count for (_, outcome), count in sums.items() if outcome != "passed")
    return draw(
        drawn.properties(width=WIDTH, height=22 * len(suites)),
        id="checks",
        title="Data-quality checks, by suite",
        caption="Checks on whole tables (row counts, share of empty cells, dates, links between tables) of the "
        "deliveries in force. A critical failure rejects the delivery; a warning is recorded and shown below.",
        description=f"{len(suites)} suites, {sum(sums.values())} checks, {failed} not passed.",
        header=["Suite", "Passed", "Warnings", "Critical"],
        rows=table,
    )


def stage_times(facts: RunFacts) -> Picture | None:
    """Seconds per stage."""
    rows: list[dict[str, Any]] = [
        {"name": STAGE_NAMES.get(name, words(name)).capitalize(), "value": seconds, "label": f"{seconds:.1f} s"}
        for name, seconds in facts.stages().items()
    ]
    if not rows:
        return None
    total = sum(row["value"] for row in rows)
    return draw(
        bars(rows, colour=alt.value(BLUE), title=""),
        id="stages",
        title="Where the time went",
        caption=f"Wall-clock time per stage, {total:.1f} seconds in all.",
        description="; ".join(f"{row['name']}: {row['label']}" for row in rows) + ".",
        header=["Stage", "Time"],
        rows=[[row["name"], row["label"]] for row in rows],
    )
