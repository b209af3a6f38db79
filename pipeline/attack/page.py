"""The figures as a page that stands alone, or as JSON."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from pipeline.attack.bench import Outcome
from pipeline.attack.figures import Figure
from pipeline.attack.pictures import pictures
from pipeline.attack.show import HEADER, cells, in_order, verdict

STYLE = """
body{font-family:Arial,Helvetica,sans-serif;color:#1b1f24;max-width:1000px;margin:2em auto;padding:0 1em}
table{border-collapse:collapse;font-size:13px}td,th{padding:3px 8px;border-bottom:1px solid #e6e8eb;text-align:left}
tr.over{color:#b00020;font-weight:bold}pre{white-space:pre-wrap}svg{max-width:100%;height:auto;margin:1em 0}
"""


def write_outcome(outcome: Outcome, path: Path) -> None:
    """Write `path`, as a page where it ends in .html, else as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = page(outcome) if path.suffix == ".html" else json.dumps(outcome.as_dict(), indent=2) + "\n"
    path.write_text(text, encoding="utf-8")


def page(outcome: Outcome) -> str:
    """The page as text."""
    head = "".join(f"<th>{escape(name)}</th>" for name in HEADER)
    rows = "".join(_row(figure) for figure in in_order(outcome.figures))
    drawn = "".join(pictures(outcome.figures).values())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Attacks on the encodings</title>'
        f"<style>{STYLE}</style><h1>Attacks on the encodings</h1>"
        f"<p>All people are made up.</p><pre>{escape(verdict(outcome).plain)}</pre>"
        f"{drawn}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></html>\n"
    )


def _row(figure: Figure) -> str:
    texts = "".join(f"<td>{escape(cell)}</td>" for cell in cells(figure))
    return f"<tr{' class=over' if figure.over_limit else ''}>{texts}</tr>"
