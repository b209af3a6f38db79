"""Bars with their 95 % intervals, drawn as SVG from measured figures; nothing is fetched, nothing is interactive."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from pipeline.attack.figures import (
    FREQUENCY,
    GRAPH,
    LIMIT,
    OURS,
    PATTERNS,
    STRUCTURE,
    TARGETS,
    Figure,
)

# Okabe and Ito's colours, told apart by colour-blind readers.
COLOURS = dict(zip(TARGETS, ("#999999", "#56B4E9", "#D55E00"), strict=True))
INK, GRID, LIMIT_LINE = "#1b1f24", "#e6e8eb", "#b00020"
LEFT, WIDTH, RIGHT, ROW, TOP = 330, 400, 210, 24, 58
SHOWN_FROM = 0.0002  # guessing one of a whole list's people is not worth a word


@dataclass(frozen=True)
class Bar:
    label: str
    target: str
    share: float
    low: float
    high: float
    guessing: float | None = None


def bars(title: str, caption: str, rows: list[Bar], full: float = 1.0, *, limit: bool = False) -> str:
    """One horizontal bar a row, from 0 to `full`; with `limit`, the limit as a line."""
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
    for fifth in range(6):
        x = LEFT + WIDTH * fifth / 5
        parts.append(f'<line x1="{x}" y1="{TOP - 4}" x2="{x}" y2="{bottom}" stroke="{GRID}"/>')
        parts.append(f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{20 * fifth * full:g} %</text>')
    for number, row in enumerate(rows):
        y = TOP + ROW * number
        middle = y + ROW / 2 - 2
        parts.append(f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(row.label)}</text>')
        width = max(1.0, WIDTH * row.share / full)
        parts.append(
            f'<rect x="{LEFT}" y="{y + 2}" width="{width:.1f}" height="{ROW - 8}" fill="{COLOURS[row.target]}"/>'
        )
        low, high = LEFT + WIDTH * max(row.low, 0) / full, LEFT + WIDTH * min(row.high / full, 1)
        parts.append(f'<line x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}" stroke="{INK}"/>')
        parts.append(f'<text x="{max(high, LEFT + width) + 6:.1f}" y="{middle + 4}">{_said(row)}</text>')
    if limit:
        x = LEFT + WIDTH * LIMIT / full
        parts.append(
            f'<line x1="{x}" y1="{TOP - 4}" x2="{x}" y2="{bottom}" stroke="{LIMIT_LINE}" stroke-dasharray="3 3"/>'
        )
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
            "Records matched to a full resident list (c)",
            "By share of the people on the list. Blocks, homes: made for ours; guessing there: what tokens alone tell.",
            [_bar(f, f"{f.target}, {SHORT.get(f.method, f.method)}, list {f.overlap:.1f}")
             for f in _by_target(figures) if f.attack == GRAPH and f.overlap is not None],
        ),
        "attacks-by-role": bars(
            "What belonging together tells alone (d), by role",
            "Full clear list of the same people; no encoding prevents this.",
            [_bar(f, f.method) for f in _smallest(figures) if f.attack == STRUCTURE and f.overlap == 1.0],
        ),
        "attacks-by-size": bars(
            "Beyond guessing, by size of the place: ours, the strongest attack of each kind",
            "Share of records named right, less guessing; with the 95 % interval. Dashed: the limit of 1 %.",
            (rows := _by_size(figures)),
            _round_up(max((row.high for row in rows), default=LIMIT)),
            limit=True,
        ),
    }  # fmt: skip
    return {name: svg for name, svg in drawn.items() if svg.count("<rect") > 1}


WHOLE = "whole graph"
SHORT = {
    "graph of the population": WHOLE,
    "blocks, equal names and dates in them, beside tokens": "blocks",
    "homes by the likeness of their people's own names": "homes",
}


def _smallest(figures: tuple[Figure, ...]) -> list[Figure]:
    """The figures of the first world: larger places have a picture of their own."""
    least = min((f.people for f in figures if f.attack == PATTERNS), default=0)
    return [figure for figure in figures if figure.target != OURS or figure.people <= least * 1.05]


def _by_target(figures: tuple[Figure, ...]) -> list[Figure]:
    return sorted(_smallest(figures), key=lambda figure: (TARGETS.index(figure.target), figure.method))


def _best_by_name(figures: tuple[Figure, ...]) -> list[Bar]:
    best: dict[tuple[str, str, str], Figure] = {}
    for figure in _smallest(figures):
        if figure.attack in (FREQUENCY, PATTERNS):
            key = (figure.attack, figure.target, figure.grain)
            if key not in best or figure.share > best[key].share:
                best[key] = figure
    ordered = sorted(best.values(), key=lambda figure: (figure.attack, TARGETS.index(figure.target)))
    return [_bar(figure, f"{figure.attack}: {figure.target}, {figure.grain}") for figure in ordered]


def _by_size(figures: tuple[Figure, ...]) -> list[Bar]:
    """What is beyond guessing, with the interval moved by it."""
    best: dict[tuple[str, str, int], Figure] = {}
    for figure in figures:
        if figure.bound_by_limit and figure.overlap in (None, 1.0) and SHORT.get(figure.method) != WHOLE:
            key = (figure.attack, SHORT.get(figure.method, figure.grain), _rounded(figure.people))
            if key not in best or figure.gained > best[key].gained:
                best[key] = figure
    rows = []
    for (attack, grain, people), figure in sorted(best.items()):
        low, high = (end - figure.by_guessing for end in figure.interval)
        rows.append(Bar(f"{attack}: {grain}, {people:,} people", OURS, max(figure.gained, 0.0), low, max(high, 0.0)))
    return rows


def _rounded(people: int) -> int:
    """Homes are kept whole, so that a place of 8,000 may have 8,002."""
    return round(people, -2)


def _round_up(share: float) -> float:
    return next((full for full in (0.02, 0.05, 0.1, 0.2, 0.5) if share <= full), 1.0)


def _bar(figure: Figure, label: str) -> Bar:
    low, high = figure.interval
    guessing = figure.by_guessing if figure.target == OURS and figure.by_guessing >= SHOWN_FROM else None
    return Bar(label, figure.target, figure.share, low, high, guessing)


def _said(row: Bar) -> str:
    guessing = "" if row.guessing is None else f" (guessing {100 * row.guessing:.2f} %)"
    return f"{100 * row.share:.2f} %{guessing}"
