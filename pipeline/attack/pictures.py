"""Bars with their 95 % intervals, drawn as SVG from measured figures; nothing is fetched, nothing is interactive."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from pipeline.attack.figures import (
    FULL_NAME,
    GRAPH,
    LIMIT,
    OURS,
    PATTERNS,
    PERSON,
    PROPOSED,
    STRUCTURE,
    TARGETS,
    Figure,
)

# Okabe and Ito's colours, told apart by colour-blind readers.
COLOURS = dict(zip(TARGETS, ("#999999", "#56B4E9", "#D55E00", "#009E73"), strict=True))
INK, GRID, LIMIT_LINE = "#1b1f24", "#e6e8eb", "#b00020"
LEFT, WIDTH, RIGHT, ROW, TOP = 380, 400, 150, 24, 58


@dataclass(frozen=True)
class Bar:
    label: str
    target: str
    share: float
    low: float
    high: float


def bars(title: str, caption: str, rows: list[Bar]) -> str:
    """One horizontal bar a row, 0 to 100 %, with the limit as a line."""
    height = TOP + ROW * len(rows) + 34
    total = LEFT + WIDTH + RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" role="img" '
        f'font-family="Arial, Helvetica, sans-serif" font-size="12" fill="{INK}">',
        f"<title>{escape(title)}</title><desc>{escape(caption)}</desc>",
        f'<rect width="{total}" height="{height}" fill="white"/>',
        f'<text x="8" y="20" font-size="15" font-weight="bold">{escape(title)}</text>',
        f'<text x="8" y="40">{escape(caption)}</text>',
    ]
    bottom = TOP + ROW * len(rows)
    for tick in range(0, 101, 20):
        x = LEFT + WIDTH * tick / 100
        parts.append(f'<line x1="{x}" y1="{TOP - 4}" x2="{x}" y2="{bottom}" stroke="{GRID}"/>')
        parts.append(f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{tick} %</text>')
    for number, row in enumerate(rows):
        y = TOP + ROW * number
        middle = y + ROW / 2 - 2
        parts.append(f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(row.label)}</text>')
        width = max(1.0, WIDTH * row.share)
        parts.append(
            f'<rect x="{LEFT}" y="{y + 2}" width="{width:.1f}" height="{ROW - 8}" fill="{COLOURS[row.target]}"/>'
        )
        low, high = LEFT + WIDTH * row.low, LEFT + WIDTH * row.high
        parts.append(f'<line x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}" stroke="{INK}"/>')
        parts.append(f'<text x="{max(high, LEFT + width) + 6:.1f}" y="{middle + 4}">{100 * row.share:.1f} %</text>')
    x = LEFT + WIDTH * LIMIT
    parts.append(f'<line x1="{x}" y1="{TOP - 4}" x2="{x}" y2="{bottom}" stroke="{LIMIT_LINE}" stroke-dasharray="3 3"/>')
    return "".join([*parts, "</svg>\n"])


def pictures(figures: tuple[Figure, ...]) -> dict[str, str]:
    """All pictures by name; one without figures is left out."""
    drawn = {
        "attacks-on-names": bars(
            "Names read without any clear list",
            "Best attack by frequency (a) and by patterns (b): share of records, by what is attacked.",
            _best_by_name(figures),
        ),
        "attacks-with-a-list": bars(
            "Records matched to a full resident list by likeness (c)",
            "By share of the records' people on the list. In homes: lengths, equal names and dates, and sex.",
            [_bar(f, f"{f.target}, {f.method.split(':')[0]}, list {f.overlap:.1f}")
             for f in _by_target(figures) if f.attack == GRAPH and f.overlap is not None],
        ),
        "attacks-by-role": bars(
            "What belonging together tells alone (d), by role",
            "Full clear list of the same people; no encoding prevents this.",
            [_bar(f, f.method) for f in figures if f.attack == STRUCTURE and f.target == OURS and f.overlap == 1.0],
        ),
        "attacks-by-size": bars(
            "Full names read with public name tables alone, by size of the place",
            "Whoever holds all passes of all records: chained, told by likeness, blocks opened.",
            _by_size(figures),
        ),
    }  # fmt: skip
    return {name: svg for name, svg in drawn.items() if svg.count("<rect") > 1}


def _by_target(figures: tuple[Figure, ...]) -> list[Figure]:
    return sorted(figures, key=lambda figure: (TARGETS.index(figure.target), figure.method))


def _best_by_name(figures: tuple[Figure, ...]) -> list[Bar]:
    best: dict[tuple[str, str, str], Figure] = {}
    smallest = min((f.people for f in figures if f.attack == PATTERNS), default=0)
    for figure in figures:
        if figure.overlap is None and figure.grain in ("forename", "surname", FULL_NAME) and figure.people == smallest:
            key = (figure.attack, figure.target, figure.grain)
            if key not in best or figure.share > best[key].share:
                best[key] = figure
    kept = [figure for (attack, _, _), figure in best.items() if not attack.startswith("e")]
    ordered = sorted(kept, key=lambda figure: (figure.attack, TARGETS.index(figure.target)))
    return [_bar(figure, f"{figure.attack}: {figure.target}, {figure.grain}") for figure in ordered]


def _by_size(figures: tuple[Figure, ...]) -> list[Bar]:
    opened = [f for f in figures if f.method.startswith("blocks opened") and f.grain == FULL_NAME]
    ordered = sorted(opened, key=lambda figure: (figure.target == PROPOSED, figure.people))
    return [_bar(figure, f"{figure.target}, {figure.people:,} people") for figure in ordered]


def _bar(figure: Figure, label: str) -> Bar:
    low, high = figure.interval
    return Bar(label if figure.grain != PERSON or label else figure.method, figure.target, figure.share, low, high)
