"""A document as headings, paragraphs, tables and pictures; as Markdown, or as one HTML page that stands alone."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

STYLE = """
body { margin: 0 auto; max-width: 66rem; padding: 1.5rem 1.25rem 4rem; color: #1b1f24; background: #fff;
  font: 16px/1.5 Arial, Helvetica, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; padding-top: .6rem; border-top: 2px solid #1b1f24; }
h3 { font-size: 1.05rem; margin: 1.4rem 0 .4rem; }
p { max-width: 46rem; }
a { color: #005a8c; }
.meta { color: #4a525b; }
.alarm { border-left: 4px solid #a33b00; background: #fdf3ee; padding: .6rem .9rem; max-width: none; }
.scroll { overflow-x: auto; }
.wide { width: 96vw; margin-left: calc(50% - 48vw); }
table { border-collapse: collapse; margin: .6rem 0 1rem; font-size: .9rem; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid #d5d9de; vertical-align: top; }
thead th { border-bottom: 2px solid #4a525b; vertical-align: bottom; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
svg { display: block; height: auto; max-width: 100%; }
@media print { body { max-width: none; padding: 0; } .scroll { overflow: visible; } }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
COUNT = re.compile(r"[\d,.]+( MB| %)?")


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph; `alarm`: something a reader must act on."""

    text: str
    alarm: bool = False


@dataclass(frozen=True)
class Table:
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    """A drawing, with what it shows in words. `wide`: it takes the whole width of the window."""

    svg: str
    description: str
    wide: bool = False


@dataclass(frozen=True)
class Links:
    """Where else to look: text and relative address."""

    links: Sequence[tuple[str, str]]


Block = Heading | Text | Table | Picture | Links


@dataclass(frozen=True)
class Document:
    """One document. `lead`: where it comes from, in small print under the title."""

    name: str
    title: str
    lead: str
    blocks: Sequence[Block] = field(default_factory=tuple)


def as_html(document: Document) -> str:
    """The document as a page: no script, nothing to fetch."""
    body = "\n".join(_html(block) for block in document.blocks)
    return (
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{escape(document.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{escape(document.title)}</h1>\n<p class="meta">{escape(document.lead)}</p>\n{body}\n</body>\n</html>\n'
    )


def as_markdown(document: Document) -> str:
    """The document as Markdown; a picture is told in words."""
    parts = [f"# {document.title}", f"*{document.lead}*", *(_markdown(block) for block in document.blocks)]
    # A reader of Markdown takes <…> for a tag, and shows nothing.
    return "\n\n".join(part for part in parts if part).replace("<", "&lt;") + "\n"


def write_whole(path: Path, text: str) -> Path:
    """Replace a file as a whole: a reader sees the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
    return path


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
    if isinstance(block, Text):
        return f'<p class="alarm">{escape(block.text)}</p>' if block.alarm else f"<p>{escape(block.text)}</p>"
    if isinstance(block, Picture):
        wide = " wide" if block.wide else ""
        return f'<div class="scroll{wide}">{block.svg}</div>\n<p class="meta">{escape(block.description)}</p>'
    if isinstance(block, Links):
        return "<p>" + " · ".join(f'<a href="{escape(to)}">{escape(text)}</a>' for text, to in block.links) + "</p>"
    counts = [
        bool(block.rows) and all(COUNT.fullmatch(row[place]) or row[place] in ("", "–") for row in block.rows)
        for place in range(len(block.header))
    ]

    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=n' if count else ''}>{escape(cell)}</{tag}>"
            for cell, count in zip(row, counts, strict=True)
        )

    rows = "\n".join(f"<tr>{cells(row, 'td')}</tr>" for row in block.rows)
    head = cells(block.header, "th")
    return f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>'


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {block.text}"
    if isinstance(block, Text):
        return f"**{block.text}**" if block.alarm else block.text
    if isinstance(block, Picture):
        return f"*{block.description}*"
    if isinstance(block, Links):
        return " · ".join(f"[{text}]({to})" for text, to in block.links)
    lines = [block.header, ["---"] * len(block.header), *block.rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
