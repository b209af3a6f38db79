"""Pictures of quality against a known truth (`pipeline.evaluation.evaluate`), where one was given."""

from __future__ import annotations

from typing import Any

import altair as alt

from pipeline.reports.drawing import BLUE, GREEN, INK, LABEL_WIDTH, VERMILLION, WIDTH, Picture, draw
from pipeline.reports.facts import SELECTED, RunFacts
from pipeline.reports.tables import number, percent, words

MEASURES = {"precision": "precision", "recall": "recall", "f1": "F1"}
SHAPES = {"precision": "triangle-up", "recall": "square", "F1": "circle", "exactly right": "diamond"}
COLOURS = {"precision": BLUE, "recall": VERMILLION, "F1": INK, "exactly right": GREEN}


def quality_rows(quality: dict[str, Any], facts: RunFacts) -> list[tuple[str, dict[str, float | None]]]:
    """What is measured and its figures, in the order shown: persons, families, criteria, flagged."""
    persons, families, criteria = (quality.get(part) or {} for part in ("persons", "families", "criteria"))
    rows: list[tuple[str, dict[str, float | None]]] = []
    if persons:
        figures = {shown: persons.get(key) for key, shown in MEASURES.items()}
        rows.append(("Persons: pairs of records", figures | {"exactly right": persons.get("exact")}))
    if families:
        pairwise = families.get("pairwise") or {}
        figures = {shown: pairwise.get(key) for key, shown in MEASURES.items()}
        rows.append(("Families: pairs of persons", figures | {"exactly right": families.get("exact_membership")}))
        children = families.get("with_children") or {}
        if children:
            rows.append(("Families with children", {"exactly right": children.get("exact_membership")}))
        for row in families.get("by_household_shape") or []:
            name = f"  {words(row['household_shape'])} ({number(row['families'])})"
            rows.append((name, {"exactly right": row.get("exact_membership")}))
    if criteria:
        rows.append(("All criteria", {shown: criteria.get(key) for key, shown in MEASURES.items()}))
    for row in [*(criteria.get("by_criterion") or []), {"criterion": SELECTED, **(quality.get(SELECTED) or {})}]:
        if "f1" in row:
            name = "Flagged for review" if row["criterion"] == SELECTED else facts.title(row["criterion"])
            rows.append((name, {shown: row.get(key) for key, shown in MEASURES.items()}))
    return rows


def quality_overview(quality: dict[str, Any], facts: RunFacts) -> Picture | None:
    """Precision, recall and F1 of each part, and the share that is exactly right."""
    rows = [row for row in quality_rows(quality, facts) if any(value is not None for value in row[1].values())]
    if not rows:
        return None
    return _dots(
        rows,
        id="quality",
        title="Quality against the truth",
        caption="Only made-up data and benchmarks have a truth. Precision: how much of what was said is right; recall: "
        "how much of what is true was found; F1 weighs both. Exactly right: persons whose records, or families whose "
        "members, are all together and with no others. Families are held to every member any partner delivered.",
        name="What",
    )


def subgroup_quality(quality: dict[str, Any]) -> list[Picture]:
    """Linkage quality by subgroup: who is linked less well than others; one picture per dimension."""
    pictures = []
    by_dimension: dict[str, list[dict[str, Any]]] = {}
    for row in (quality.get("persons") or {}).get("by_subgroup") or []:
        by_dimension.setdefault(row["dimension"], []).append(row)
    for dimension, groups in by_dimension.items():
        called = words(dimension)
        rows = [
            (
                f"{_group(row['group'])} ({number(row.get('persons'))})",
                {shown: row.get(key) for key, shown in MEASURES.items()},
            )
            for row in groups
        ]
        pictures.append(
            _dots(
                rows,
                id=f"subgroup-{dimension}".replace("_", "-"),
                title=f"Linking persons, by {called}",
                caption="",  # said once for all, above the first of them
                name=called.capitalize(),
            )
        )
    return pictures


def _group(name: str) -> str:
    return {"true": "yes", "false": "no"}.get(name.lower(), words(name))


def _dots(rows: list[tuple[str, dict[str, float | None]]], *, id: str, title: str, caption: str, name: str) -> Picture:
    """One line per row, one mark per measure, on a scale that ends at 1 and starts below the lowest figure."""
    measures = [measure for measure in COLOURS if any(figures.get(measure) is not None for _, figures in rows)]
    points: list[dict[str, Any]] = [
        {"name": label, "measure": measure, "value": value}
        for label, figures in rows
        for measure, value in figures.items()
        if value is not None
    ]
    lowest = min((point["value"] for point in points), default=0.0)
    start = max(0.0, (int(lowest * 20) - 1) / 20) if lowest < 0.999 else 0.95
    order = [label for label, _ in rows]
    y = alt.Y(
        "name:N", sort=order, axis=alt.Axis(title=None, grid=True, ticks=False, domain=False, minExtent=LABEL_WIDTH)
    )
    chart = alt.Chart(alt.Data(values=points)).mark_point(filled=True, size=90, opacity=0.9).encode(
        y=y,
        x=alt.X("value:Q", title=None, scale=alt.Scale(domain=[start, 1]), axis=alt.Axis(format=".0%", tickCount=6)),
        color=alt.Color("measure:N", legend=alt.Legend(title=None, orient="top"),
                        scale=alt.Scale(domain=measures, range=[COLOURS[m] for m in measures])),
        shape=alt.Shape("measure:N", scale=alt.Scale(domain=measures, range=[SHAPES[m] for m in measures])),
    )  # fmt: skip
    figures_of = {label: [percent(figures.get(measure), 2) for measure in measures] for label, figures in rows}
    return draw(
        chart.properties(width=WIDTH, height=26 * len(order)),
        id=id,
        title=title,
        caption=caption,
        description="; ".join(
            f"{label}: " + ", ".join(f"{m} {v}" for m, v in zip(measures, figures_of[label], strict=True) if v != "–")
            for label, _ in rows
        )
        + ".",
        header=[name, *measures],
        rows=[[label, *figures_of[label]] for label, _ in rows],
    )
