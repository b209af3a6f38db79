"""How a picture is drawn: one look for all charts, rendered to SVG offline, made fit to stand inside a page.

What is drawn belongs in `charts`; nothing here knows about runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert
from markupsafe import Markup, escape

# Okabe and Ito's palette, told apart by colour-blind readers (jfly.uni-koeln.de/color).
BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY, PURPLE, YELLOW = "#56B4E9", "#CC79A7", "#F0E442"
CATEGORIES = (BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY, YELLOW)
INK, FAINT, GRID = "#1b1f24", "#d5d9de", "#e6e8eb"
FONT = "Arial, Helvetica, sans-serif"
WIDTH = 540  # of the drawing area, in pixels; the page scales it down where the screen is narrower
LABEL_WIDTH = 230  # room for the names at the left, so that pictures under each other line up

Cells = list[list[str]]


@dataclass(frozen=True)
class Picture:
    """A drawn chart with all that a reader needs: title, what it shows in words, and the same numbers as a table.

    `description` is the text alternative; `caption` tells how to read it. `numeric` are the columns set right.
    """

    id: str
    title: str
    caption: str
    description: str
    svg: Markup
    header: list[str]
    rows: Cells


def draw(chart: Any, *, id: str, title: str, caption: str, description: str, header: list[str], rows: Cells) -> Picture:
    """Render an altair chart and put title and description into its SVG."""
    styled = (
        chart.configure(font=FONT, background="white", padding={"left": 4, "right": 12, "top": 6, "bottom": 6})
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK,
            titleColor=INK,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            gridColor=GRID,
            domainColor=FAINT,
            tickColor=FAINT,
            labelLimit=LABEL_WIDTH,
        )
        .configure_legend(labelColor=INK, titleColor=INK, labelFontSize=12, titleFontSize=12, labelLimit=300)
        .configure_title(color=INK, fontSize=13, anchor="start")
    )
    svg = vl_convert.vegalite_to_svg(styled.to_json(validate=False), vl_version=_vegalite_version())
    return Picture(id, title, caption, description, _inline(svg, id, title, description), header, rows)


def _vegalite_version() -> str:
    return ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])


def _inline(svg: str, id: str, title: str, description: str) -> Markup:
    """The SVG as part of an HTML page: scaled by the page, named for screen readers, its ids its own.

    Namespaces go (HTML knows them), so that no address of any kind stands in the page.
    """
    head = re.match(r"<svg[^>]*?width=\"([\d.]+)\" height=\"([\d.]+)\"[^>]*>", svg)
    if head is None:  # pragma: no cover - vl-convert's own output
        raise ValueError("a chart did not become an SVG")
    width, height = head.groups()
    body = svg[head.end() :]
    body = re.sub(r'\bid="([^"]+)"', rf'id="{id}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{id}-\1)", body)
    body = re.sub(r'\s(?:role|aria-[a-z]+)="[^"]*"', "", body)  # the picture is one image; its words are below
    opening = (
        f'<svg class="picture" role="img" aria-labelledby="{id}-title {id}-desc" viewBox="0 0 {width} {height}"'
        f' style="max-width:{width}px"><title id="{id}-title">{escape(title)}</title>'
        f'<desc id="{id}-desc">{escape(description)}</desc>'
    )
    return Markup(opening + body)  # noqa: S704 - drawn by vl-convert, which escapes its text; title and desc above


def names(title: str | None = None, **more: Any) -> alt.Axis:
    """The left axis of a bar chart: names, in line with the pictures above and below."""
    return alt.Axis(title=title, grid=False, ticks=False, domain=False, labelPadding=6, minExtent=LABEL_WIDTH, **more)


def bars(rows: list[dict[str, Any]], *, colour: Any, title: str, height: int | None = None) -> Any:
    """Horizontal bars in the order given, each with its number written beside it: name, value, label."""
    order = [row["name"] for row in rows]
    top = max((row["value"] for row in rows), default=0) or 1
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("name:N", sort=order, axis=names()),
        x=alt.X("value:Q", title=None, axis=None, scale=alt.Scale(domain=[0, top * 1.45])),
    )
    bars = base.mark_bar(height=18, cornerRadiusEnd=2).encode(color=colour)
    labels = base.mark_text(align="left", dx=6, fontSize=12, color=INK).encode(text="label:N")
    return (bars + labels).properties(width=WIDTH, height=height or 28 * len(rows), title=title)


def share(part: float | int | None, whole: float | int | None) -> float | None:
    return None if part is None or not whole else part / whole
