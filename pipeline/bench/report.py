"""The bench's results as tables: for the terminal, and as a Markdown block to keep. Shares and counts only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.bench.tools import OURS

RED, GREEN = "bold red", "green"
TOOL_COLUMNS = (
    "tool", "precision", "recall", "F1", "clusters F1", "links F1", "best F1", "blocking", "wall s", "CPU s", "peak MB",
)  # fmt: skip
SUBGROUP_COLUMNS = ("group", "persons", "precision", "recall", "F1", "below the whole")
PATTERNS_SHOWN = 8
IDENTICAL = 0.993  # share of records to be grouped as in clear


def share(value: float | None, places: int = 4) -> str:
    """A share with four places, "–" where there is none."""
    return "–" if value is None else f"{value:.{places}f}"


def tool_row(tool: dict[str, Any]) -> list[str]:
    """A tool's line: pairwise over clusters, clusters exactly right, links, best threshold, blocking, cost."""
    quality, taken = tool.get("quality") or {}, tool.get("taken") or {}
    clustered = quality.get("clustered", {})
    best = quality.get("best")
    name = tool["tool"]
    return [
        "ours: link" if name == OURS else name,
        share(clustered.get("precision")),
        share(clustered.get("recall")),
        share(clustered.get("f1")),
        share(quality.get("cluster", {}).get("f1")),
        share(quality.get("links", {}).get("f1")),
        f"{share(best['f1'])} at {best['threshold']:g}" if best else "–",
        share(tool.get("blocking_recall")),
        *_cost(taken),
    ]


def encode_row(tool: dict[str, Any]) -> list[str]:
    """What the partners' part cost, on a line of its own: the hub does not do it."""
    return ["ours: encode", *["" for _ in range(7)], *_cost(tool["encode"])]


def _cost(taken: dict[str, Any]) -> list[str]:
    if not taken:
        return ["–", "–", "–"]
    return [f"{taken['wall_seconds']:.1f}", f"{taken['cpu_seconds']:.1f}", f"{taken['peak_mb']:,.0f}"]


def shortfalls(results: dict[str, Any]) -> list[str]:
    """What stands in red, in a sentence each: a target missed, a group left behind, other groupings than in clear."""
    said = [
        (dataset["name"], told)
        for dataset in results["datasets"]
        for told in (verdict(dataset), worst(dataset), in_clear(dataset))
    ]
    return [f"{name}: {told[0]}" for name, told in said if told is not None and not told[1]]


def tool_rows(dataset: dict[str, Any]) -> list[list[str]]:
    """All lines of a dataset's table; a missing tool says why in place of figures."""
    rows = []
    for tool in dataset["tools"]:
        if tool["missing"]:
            rows.append([tool["tool"], tool["missing"], *["" for _ in TOOL_COLUMNS[2:]]])
            continue
        if tool.get("encode"):
            rows.append(encode_row(tool))
        rows.append(tool_row(tool))
    return rows


def verdict(dataset: dict[str, Any]) -> tuple[str, bool] | None:
    """The target in a sentence and whether it was reached; None where nothing is set."""
    target = dataset["target"]
    if target is None:
        return None
    beside = f", {target['beside']} in clear {share(target['besides_f1'])}" if target["beside"] else ""
    word = "reached" if target["reached"] else "short"
    return f"F1 to reach {share(target['f1'])}{beside}; ours {share(target['ours'])}: {word}", target["reached"]


def worst(dataset: dict[str, Any]) -> tuple[str, bool] | None:
    """Our worst group in a sentence and whether it is red; None where the truth knows no groups."""
    ours: dict[str, Any] = next((tool for tool in dataset["tools"] if tool["tool"] == OURS), {})
    found = (ours.get("quality") or {}).get("worst")
    if found is None:
        return None
    told = f"{found['dimension'].replace('_', ' ')} {found['group']}: F1 {share(found['f1'])}"
    return f"worst group {told}, {100 * found['below']:.2f} points below the whole", not found["red"]


def in_clear(dataset: dict[str, Any]) -> tuple[str, bool] | None:
    """How many records are grouped exactly as by our own linkage in clear; None where it was not tried."""
    ours: dict[str, Any] = next((tool for tool in dataset["tools"] if tool["tool"] == OURS), {})
    identical = ours.get("identical_in_clear")
    if identical is None:
        return None
    return f"{100 * identical:.2f} % of records grouped exactly as by our own linkage in clear", identical >= IDENTICAL


def subgroup_rows(dataset: dict[str, Any]) -> list[list[str]]:
    """Our figures by group, worst first within a dimension's order."""
    ours = next((tool for tool in dataset["tools"] if tool["tool"] == OURS and tool.get("quality")), None)
    if ours is None:
        return []
    whole = ours["quality"]["clustered"]["f1"]
    return [
        [
            f"{row['dimension'].replace('_', ' ')}: {row['group']}",
            f"{row['persons']:,}",
            share(row["precision"]),
            share(row["recall"]),
            share(row["f1"]),
            "–" if row["f1"] is None else f"{100 * (whole - row['f1']):+.2f}",
        ]
        for row in ours["quality"]["subgroups"]
    ]


def blocking_rows(dataset: dict[str, Any]) -> list[list[str]]:
    """Our blocking recall by pass, and what each pass alone finds."""
    explained = _explained(dataset)
    passes = explained.get("blocking", {}).get("passes", {})
    return [[name, share(row["recall"]), share(row["alone"])] for name, row in passes.items()]


def miss_rows(dataset: dict[str, Any]) -> list[list[str]]:
    """The commonest patterns of missed and wrong pairs."""
    explained = _explained(dataset)
    if not explained:
        return []
    missed, wrong = explained["missed"], explained["wrong"]
    rows = [["missed", "never compared", f"{missed['never_compared']:,}"]]
    rows += [[f"missed, {p['decision']}", p["pattern"], f"{p['size']:,}"] for p in missed["patterns"][:PATTERNS_SHOWN]]
    rows += [["wrong", "together through others", f"{wrong['not_compared']:,}"]]
    return rows + [["wrong", p["pattern"], f"{p['size']:,}"] for p in wrong["patterns"][:PATTERNS_SHOWN]]


def _explained(dataset: dict[str, Any]) -> dict[str, Any]:
    return next((tool["explained"] for tool in dataset["tools"] if tool.get("explained")), {})


def speed_rows(speed: dict[str, Any]) -> list[list[str]]:
    """What, per second, and as a multiple of the like."""
    pairs, made = speed["comparisons"], speed["pseudonymise"]
    plain, clkhash = pairs["recordlinkage_jaro_winkler"], made.get("clkhash")
    rows = [
        ["comparisons: one name, one core", pairs["likeness_one_core"], pairs["likeness_one_core"] / plain],
        ["comparisons: one name, all cores", pairs["likeness_all_cores"], pairs["likeness_all_cores"] / plain],
        ["comparisons: whole link model", pairs["whole_model_all_cores"], None],
        ["recordlinkage: Jaro-Winkler in clear", plain, 1.0],
        ["pseudonymise: people, raw to draft", made["people_per_second"], _times(made["people_per_second"], clkhash)],
        ["pseudonymise: rows, raw to draft", made["rows_per_second"], _times(made["rows_per_second"], clkhash)],
        ["pseudonymise: encoding alone", made["encode"], _times(made["encode"], clkhash)],
    ]
    lines = [[what, f"{rate:,.0f}", "–" if times is None else f"{times:,.1f}"] for what, rate, times in rows]
    told = f"{clkhash:,.0f}" if clkhash else made.get("clkhash_missing", "–")
    return [*lines, ["clkhash: one CLK a record", told, "1.0" if clkhash else "–"]]


def _times(rate: float, other: float | None) -> float | None:
    return rate / other if other else None


def machine_line(machine: dict[str, Any]) -> str:
    """The machine in a line. The load says how much else was running: then CPU time tells more than wall time."""
    load = "not known" if machine["load"] is None else f"{machine['load']:.1f}"
    return (
        f"{machine['date']} · {machine['processors']} × {machine['processor']} · {machine['memory_gb']} GB · "
        f"{machine['system']} · Python {machine['python']} · load at the end {load}"
    )


def link_tables(results: dict[str, Any], errors: bool = False) -> RenderableType:
    """Everything for the terminal. `errors` adds blocking by pass and what was missed or wrong."""
    parts: list[RenderableType] = []
    for dataset in results["datasets"]:
        title = f"{dataset['title']} ({dataset['records']:,} records)"
        parts.append(_table(title, TOOL_COLUMNS, tool_rows(dataset)))
        for told in (verdict(dataset), in_clear(dataset), worst(dataset)):
            if told:
                parts.append(Text(told[0], style=GREEN if told[1] else RED))
        sections: list[tuple[str, Sequence[str], list[list[str]]]] = [
            ("By group of people, ours", SUBGROUP_COLUMNS, subgroup_rows(dataset))
        ]
        if errors:
            sections.append(
                ("Blocking recall by pass", ("pass", "recall", "found by it alone"), blocking_rows(dataset))
            )
            sections.append(("What is missed and what is wrong", ("kind", "pattern", "pairs"), miss_rows(dataset)))
        parts += [_table(title, columns, rows) for title, columns, rows in sections if rows]
        parts.append(Text(""))
    parts.append(Text(machine_line(results["machine"]), style="dim"))
    return Group(*parts)


def speed_table(speed: dict[str, Any]) -> RenderableType:
    """The rates for the terminal."""
    return _table("Speed", ("what", "a second", "times the like"), speed_rows(speed))


def _table(title: str, columns: Sequence[str], rows: list[list[str]]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 or column == "pattern" else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def markdown(results: dict[str, Any], command: str) -> str:
    """The same as a Markdown block, with machine, date and command."""
    lines = [f"`{command}`", "", machine_line(results["machine"]), ""]
    for dataset in results["datasets"]:
        lines += [f"### {dataset['title']} ({dataset['records']:,} records)", ""]
        lines += [*_markdown_table(TOOL_COLUMNS, tool_rows(dataset)), ""]
        for told in (verdict(dataset), in_clear(dataset), worst(dataset)):
            if told:
                lines += [told[0] if told[1] else f"**{told[0]}**", ""]
        for columns, rows in (
            (SUBGROUP_COLUMNS, subgroup_rows(dataset)),
            (("pass", "blocking recall", "found by it alone"), blocking_rows(dataset)),
            (("kind", "pattern", "pairs"), miss_rows(dataset)),
        ):
            if rows:
                lines += [*_markdown_table(columns, rows), ""]
    if "speed" in results:
        lines += [
            "### Speed",
            "",
            *_markdown_table(("what", "a second", "times the like"), speed_rows(results["speed"])),
        ]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_table(columns: Sequence[str], rows: list[list[str]]) -> list[str]:
    head = [f"| {' | '.join(columns)} |", f"|{'|'.join(' --- ' for _ in columns)}|"]
    return [*head, *(f"| {' | '.join(cell.replace('|', '·') for cell in row)} |" for row in rows)]
