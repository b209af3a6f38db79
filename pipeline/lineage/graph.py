"""The lineage graph as the events tell it: which job reads and writes which datasets, drawn as SVG.

Datasets that the same jobs read and write stand in one box, so that a borough's forty tables make a picture that can be
read. Nothing but the events is looked at: what no job has told is not drawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

WIDTH, GAP_X, GAP_Y, LINE, PAD = 176, 44, 12, 14, 7
MOST_NAMES = 7
COLOURS = {"job": ("#e9f2f9", "#0072B2"), "data": ("#ffffff", "#6b7480")}


@dataclass(frozen=True)
class Graph:
    """Jobs with the datasets they read and write, and when each last ended and how."""

    reads: Mapping[str, frozenset[str]]
    writes: Mapping[str, frozenset[str]]
    last: Mapping[str, tuple[str, str]]  # job → (time, state)
    rows: Mapping[str, int] = field(default_factory=dict)  # dataset → rows, where told


def read_graph(events: Iterable[Mapping[str, Any]]) -> Graph:
    """The graph of all events; of a dataset's rows the latest count stands."""
    reads: dict[str, set[str]] = defaultdict(set)
    writes: dict[str, set[str]] = defaultdict(set)
    last: dict[str, tuple[str, str]] = {}
    rows: dict[str, int] = {}
    for event in events:
        if not event["inputs"] and not event["outputs"]:
            continue
        job = event["job"]["name"]
        reads[job] |= {one["name"] for one in event["inputs"]}
        writes[job] |= {one["name"] for one in event["outputs"]}
        last[job] = max(last.get(job, ("", "")), (event["eventTime"], event.get("eventType", "")))
        for one in (*event["inputs"], *event["outputs"]):
            counted = {**one.get("inputFacets", {}), **one.get("outputFacets", {})}
            for facet in ("inputStatistics", "outputStatistics"):
                if facet in counted and counted[facet].get("rowCount") is not None:
                    rows[one["name"]] = counted[facet]["rowCount"]
    return Graph(
        {job: frozenset(names) for job, names in reads.items()},
        {job: frozenset(names) for job, names in writes.items()}, last, rows,
    )  # fmt: skip


@dataclass(frozen=True)
class Box:
    """One box: a job, or the datasets that the same jobs read and write."""

    kind: str  # job | data
    names: tuple[str, ...]

    def lines(self) -> list[str]:
        shown = list(self.names[:MOST_NAMES])
        left = len(self.names) - len(shown)
        return [*shown, f"and {left} more"] if left else shown

    @property
    def height(self) -> int:
        return PAD * 2 + LINE * len(self.lines())


def boxes_of(graph: Graph) -> tuple[list[Box], list[tuple[Box, Box]]]:
    """The boxes, and the arrows between them in the direction of the data."""
    jobs = {job: Box("job", (job,)) for job in sorted(graph.last)}
    alike: dict[tuple[frozenset[str], frozenset[str]], list[str]] = defaultdict(list)
    for name in sorted({one for names in (*graph.reads.values(), *graph.writes.values()) for one in names}):
        readers = frozenset(job for job, names in graph.reads.items() if name in names)
        writers = frozenset(job for job, names in graph.writes.items() if name in names)
        alike[(readers, writers)].append(name)
    boxes, arrows = list(jobs.values()), []
    for (readers, writers), names in alike.items():
        box = Box("data", tuple(names))
        boxes.append(box)
        arrows += [(jobs[job], box) for job in sorted(writers)] + [(box, jobs[job]) for job in sorted(readers)]
    return boxes, arrows


def layers_of(boxes: Sequence[Box], arrows: Sequence[tuple[Box, Box]]) -> dict[Box, int]:
    """The column of each box: behind everything that leads to it. Arrows that close a circle (last night's tables are
    read again) are not counted."""
    onward: dict[Box, list[Box]] = defaultdict(list)
    for start, end in arrows:
        onward[start].append(end)
    led_to = {end for _, end in arrows}
    order: list[Box] = []
    state: dict[Box, str] = {}
    forward: list[tuple[Box, Box]] = []

    def visit(box: Box) -> None:
        state[box] = "open"
        for after in onward[box]:
            if state.get(after) != "open":
                forward.append((box, after))
            if after not in state:
                visit(after)
        state[box] = "done"
        order.append(box)

    for box in sorted(boxes, key=lambda one: one in led_to):
        if box not in state:
            visit(box)
    found = dict.fromkeys(boxes, 0)
    behind: dict[Box, list[Box]] = defaultdict(list)
    for start, end in forward:
        behind[start].append(end)
    for box in reversed(order):
        for after in behind[box]:
            found[after] = max(found[after], found[box] + 1)
    return found


def draw(graph: Graph, title: str) -> str:
    """The graph as SVG, data flowing from left to right."""
    boxes, arrows = boxes_of(graph)
    layer = layers_of(boxes, arrows)
    columns: dict[int, list[Box]] = defaultdict(list)
    for box in sorted(boxes, key=lambda one: (layer[one], one.kind, one.names)):
        columns[layer[box]].append(box)
    used = sorted(columns)
    tallest = max((sum(one.height + GAP_Y for one in columns[x]) for x in used), default=0)
    at: dict[Box, tuple[int, int]] = {}
    for place, x in enumerate(used):
        y = 20 + (tallest - sum(one.height + GAP_Y for one in columns[x])) // 2
        for box in columns[x]:
            at[box] = (10 + place * (WIDTH + GAP_X), y)
            y += box.height + GAP_Y
    width, height = 20 + len(used) * (WIDTH + GAP_X), tallest + 40
    drawn = [_arrow(at[start], start, at[end], end) for start, end in arrows]
    drawn += [_box(box, *at[box], graph) for box in boxes]
    return (
        f'<svg role="img" viewBox="0 0 {width} {height}" width="{width}" style="max-width:none"'
        f' font-family="Arial" font-size="11">'
        f"<title>{escape(title)}</title>{''.join(drawn)}</svg>"
    )


def _box(box: Box, x: int, y: int, graph: Graph) -> str:
    fill, line = COLOURS[box.kind]
    corner = 10 if box.kind == "job" else 0
    texts = "".join(
        f'<text x="{x + PAD}" y="{y + PAD + LINE * (number + 1) - 4}">{escape(_short(text))}</text>'
        for number, text in enumerate(box.lines())
    )
    told = "; ".join(f"{name}: {graph.rows[name]:,} rows" if name in graph.rows else name for name in box.names)
    return (
        f'<g><title>{escape(told)}</title><rect x="{x}" y="{y}" width="{WIDTH}" height="{box.height}" rx="{corner}"'
        f' fill="{fill}" stroke="{line}"/>{texts}</g>'
    )


def _arrow(start: tuple[int, int], first: Box, end: tuple[int, int], second: Box) -> str:
    x1, y1 = start[0] + WIDTH, start[1] + first.height // 2
    x2, y2 = end[0], end[1] + second.height // 2
    bend = (x2 - x1) // 2 if x2 > x1 else 40
    colour = "#9aa3ad" if x2 > x1 else "#d9b38c"
    return (
        f'<path d="M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}" fill="none" stroke="{colour}"'
        f' stroke-width="1"/><circle cx="{x2}" cy="{y2}" r="2.5" fill="{colour}"/>'
    )


def _short(text: str) -> str:
    return text if len(text) <= 28 else f"{text[:27]}…"
