"""The data-flow map: zones of trust, what each holds, and what passes between them, drawn from the declarations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from pipeline.contracts import Contract
from pipeline.holdings.catalogue import Catalogue

WIDTH, LINE, TOP = 300, 16, 30
ZONES = (("#fdf3ee", "#a33b00"), ("#e9f2f9", "#0072B2"), ("#eef7f2", "#009E73"))


def flow_picture(contracts: Mapping[str, Contract], catalogue: Catalogue) -> str:
    """The map as SVG: each partner's site, the hub by schema, the readers."""
    partners = [
        line
        for partner, contract in contracts.items()
        for line in (f"{partner}:", *_wrapped(table.name for table in contract.tables))
    ]
    schemas = sorted({relation.schema for relation in catalogue.relations.values()} - {"public"})
    inside = [f"{name}: {_count(catalogue, name)} tables or views" for name in schemas if name != "cohort"]
    readers = [name.removeprefix("cohort.") for name, one in catalogue.relations.items() if one.schema == "cohort"]
    columns = [
        ("At each partner: names, identifiers", partners, "tokens, encodings, months, codes: sealed and signed"),
        ("At the hub: no names, no linkage key", inside, "cohort views, by role, purpose and district"),
        ("Readers: schema cohort", list(_wrapped(readers)), ""),
    ]
    height = TOP + LINE * (max(len(lines) for _, lines, _ in columns) + 3)
    parts = []
    for place, ((title, lines, passes), (fill, line)) in enumerate(zip(columns, ZONES, strict=True)):
        x = 10 + place * (WIDTH + 110)
        parts.append(f'<rect x="{x}" y="10" width="{WIDTH}" height="{height - 20}" fill="{fill}" stroke="{line}"/>')
        parts.append(f'<text x="{x + 10}" y="{TOP}" font-weight="bold">{escape(title)}</text>')
        parts += [
            f'<text x="{x + 10}" y="{TOP + LINE * (number + 1) + 6}">{escape(text)}</text>'
            for number, text in enumerate(lines)
        ]
        if passes:
            y, start, end = height // 2, x + WIDTH + 4, x + WIDTH + 106
            parts.append(
                f'<path d="M{start} {y} H{end} m-8 -5 l8 5 l-8 5" fill="none" stroke="#1b1f24" stroke-width="2"/>'
            )
            parts += [
                f'<text x="{start + 2}" y="{y - 88 + LINE * number}" font-size="11">{escape(text)}</text>'
                for number, text in enumerate(_wrapped(passes.split(" "), 16, " "))
            ]
    width = 20 + 3 * WIDTH + 220
    return (
        f'<svg role="img" viewBox="0 0 {width} {height}" width="{width}" font-family="Arial" font-size="12">'
        f"<title>Data-flow map</title>{''.join(parts)}</svg>"
    )


def _wrapped(words: Iterable[str], most: int = 44, between: str = ", ") -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(between) + len(word) <= most:
            lines[-1] += between + word
        else:
            lines.append(word)
    return lines


def _count(catalogue: Catalogue, schema: str) -> int:
    return sum(relation.schema == schema for relation in catalogue.relations.values())
