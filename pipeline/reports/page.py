"""The run report: one HTML page that stands alone (no script, no font, no picture to fetch), for the data team."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.reports.facts import RunFacts, read_run_facts
from pipeline.reports.tables import number, percent, words
from pipeline.settings import Settings
from pipeline.store.database import Database

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE = "run_report.html.j2"
HIDDEN = "hidden"
ALL_AREAS = "all areas"


def write_run_report(database: Database, settings: Settings, run_id: int, quality: dict[str, Any] | None) -> Path:
    """Write `<reports>/run-<run_id>.html` and return its path; an older report of the same run is replaced.

    `quality` is what `pipeline.evaluation.evaluate` says, where there is a truth to measure against. The page is
    operational: borough-wide counts are exact, counts per area are suppressed. Raises BuildError when there is no
    such run.
    """
    page = render_report(read_run_facts(database, run_id), quality)
    settings.reports.mkdir(parents=True, exist_ok=True)
    path = settings.reports / f"run-{run_id}.html"
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(path)
    return path


def environment() -> Environment:
    """Where the pages' templates are read from, and how they write numbers, days and ids."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": number, "percent": percent, "words": words, "day": _day, "moment": _moment}
    return made


def render_report(facts: RunFacts, quality: dict[str, Any] | None) -> str:
    """The page as text."""
    # Drawing needs altair (half a second to import): only who writes a page pays for it.
    from pipeline.reports import (
        casework_pictures,
        delivery_pictures,
        escalation_pictures,
        outcome_pictures,
        programme_pictures,
        quality_pictures,
    )

    measured = quality or {}
    return (
        environment()
        .get_template(TEMPLATE)
        .render(
            facts=facts,
            quality=measured,
            funnel=outcome_pictures.funnel(facts),
            combinations=outcome_pictures.combinations(facts),
            doubts=doubt_rows(facts),
            weights=outcome_pictures.match_weights(facts),
            levels=model_levels(facts.parameters),
            quarantine=delivery_pictures.quarantine(facts),
            freshness=delivery_pictures.freshness(facts),
            checks=delivery_pictures.checks(facts),
            stages=delivery_pictures.stage_times(facts),
            overview=quality_pictures.quality_overview(measured, facts),
            subgroups=quality_pictures.subgroup_quality(measured),
            areas=area_table(facts),
            rising=escalation_pictures.rising(facts),
            contacts=escalation_pictures.contacts_by_month(facts),
            life=casework_pictures.life(facts),
            costs=casework_pictures.costs(facts),
            first_places=casework_pictures.first_places(facts),
            progress=casework_pictures.progress(facts),
            claims=casework_pictures.claim_rows(facts),
            evaluations=programme_pictures.evaluation_rows(facts.programme),
            effects=programme_pictures.latest_effects(facts.programme),
            estimates=programme_pictures.estimates_picture({"rows": facts.programme.get("estimates", [])}),
            written=dt.datetime.now(dt.UTC),
        )
    )


def area_table(facts: RunFacts) -> dict[str, Any] | None:
    """Families per area and criterion, as the summary publishes them; the total comes last. None without areas."""
    if not facts.areas:
        return None
    criteria = [*facts.criteria()]
    criteria += sorted({str(row["criterion"]) for row in facts.areas if row["criterion"]} - set(criteria))
    cells: dict[str, dict[str, str]] = {}
    for row in facts.areas:
        cells.setdefault(row["area"] or "not known", {})[str(row["criterion"])] = as_shown(row["families"])
    shown = [name for name in criteria if any(name in line for line in cells.values())]
    rows = [[area, *(line.get(name, HIDDEN) for name in shown)] for area, line in cells.items()]
    rows.sort(key=lambda row: (row[0] == ALL_AREAS, row[0]))
    return {"header": ["Area", *(facts.title(name) for name in shown)], "rows": rows}


def doubt_rows(facts: RunFacts) -> list[list[str]]:
    """Flags in doubt by criterion: title, families that might lose it, families that might gain it."""
    told = (facts.counts.get("doubt") or {}).get("by_criterion") or {}
    order = [name for name in (*facts.criteria(), "selected") if name in told]
    return [
        [facts.title(name), number(told[name].get("might_lose")), number(told[name].get("might_gain"))]
        for name in order
    ]


def as_shown(families: int | None) -> str:
    """A count of the summary, which comes as it may be shown: missing where it is hidden."""
    return HIDDEN if families is None else f"{families:,}"


def model_levels(parameters: dict[str, Any]) -> list[list[str]]:
    """The link model as estimated: comparison, level, m, u, weight in bits. Empty when the run has not kept it."""
    rows = []
    for comparison, levels in (parameters.get("comparisons") or {}).items():
        for level in levels:
            m, u, weight = (level.get(key) for key in ("m", "u", "weight"))
            rows.append(
                [words(comparison), words(level.get("level", "")), f"{m:.4g}" if m is not None else "–",
                 f"{u:.3g}" if u is not None else "–", f"{weight:+.1f}" if weight is not None else "–"]
            )  # fmt: skip
    return rows


def _day(value: dt.date | None) -> str:
    return "–" if value is None else f"{value:%-d %b %Y}"


def _moment(value: dt.datetime | None) -> str:
    return "–" if value is None else f"{value:%-d %b %Y, %H:%M} {value.tzname() or ''}".strip()
