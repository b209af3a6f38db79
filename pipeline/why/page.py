"""An answer as one page to print: it stands alone, without a script or anything to fetch."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import jinja2

from pipeline.why.account import Answer
from pipeline.why.tables import headline, lead, moment, parts


def page_of(answer: Answer, made: dt.datetime) -> str:
    """The page as text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("page.html.j2").render(
        title=headline(answer), lead=lead(answer), notes=answer.notes, parts=parts(answer), made=moment(made)
    )


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all, for its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.chmod(0o600)
    unfinished.replace(path)
