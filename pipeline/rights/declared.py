"""What `schemas/rights.yaml` declares: how long an answer may take, and the grounds of a refusal."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from pipeline.contracts.reading import read_yaml, require
from pipeline.rights.months import add_months

RIGHTS = ("access", "rectification", "erasure", "restriction", "objection")


@dataclass(frozen=True)
class Ground:
    """A ground on which a person may refuse a request."""

    id: str
    title: str
    rights: frozenset[str]


@dataclass(frozen=True)
class Declared:
    """The declaration as a whole."""

    months: int
    grounds: dict[str, Ground]

    def due(self, asked: dt.datetime) -> dt.date:
        """The day by which a request is to be answered."""
        return add_months(asked.date(), self.months)


def load_declared(declarations: Path) -> Declared:
    """The declaration of an installation. Raises DeclarationError."""
    path = declarations / "rights.yaml"
    document = read_yaml(path)
    months = document.get("answer_within_months")
    require(isinstance(months, int) and months > 0, path=path, rule="'answer_within_months' is no number of months.",
            remedy="write a whole number.", near="answer_within_months")  # fmt: skip
    grounds: dict[str, Ground] = {}
    for entry in document.get("grounds", []):
        near = f"id: {entry.get('id')}"
        named = frozenset(entry.get("rights", ()))
        require(bool(entry.get("id") and entry.get("title") and named), path=path, near=near,
                rule="a ground has no id, title or rights.", remedy="add it.")  # fmt: skip
        require(named <= set(RIGHTS), path=path, near=near, rule="a ground names a right that there is not.",
                remedy=f"use {', '.join(RIGHTS)}.")  # fmt: skip
        grounds[entry["id"]] = Ground(entry["id"], entry["title"], named)
    return Declared(int(str(months)), grounds)
