"""A family's chronology as one page to print: picture and table; no script, no font, no picture to fetch."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.reports.tables import words

if TYPE_CHECKING:
    import pandas as pd

TEMPLATE = "chronology.html.j2"


def write_chronology(path: Path, rows: pd.DataFrame, family_id: int, reader: str, agencies: Mapping[str, str]) -> None:
    """Write the page, readable by its owner alone; `rows` as `pipeline.escalation.chronology` gives them."""
    page = render_chronology(rows, family_id, reader, agencies)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    unfinished.touch(0o600)
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(path)


def render_chronology(rows: pd.DataFrame, family_id: int, reader: str, agencies: Mapping[str, str]) -> str:
    """The page as text."""
    import jinja2

    from pipeline.reports.escalation_pictures import journey

    told = [_row(row) for row in rows.astype(object).to_dict("records")]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"words": words, "day": _day}
    return environment.get_template(TEMPLATE).render(
        family=family_id, reader=reader, rows=told, agencies=agencies, picture=journey(told, agencies),
        written=dt.datetime.now(dt.UTC),
    )  # fmt: skip


def _row(row: Mapping[Any, Any]) -> dict[str, Any]:
    import pandas as pd

    kept: dict[str, Any] = {str(name): None if pd.isna(value) else value for name, value in row.items()}
    return kept | {name: kept[name] and kept[name].date() for name in ("day", "until")}


def _day(value: dt.date | None) -> str:
    return "" if value is None else f"{value:%-d %b %Y}"
