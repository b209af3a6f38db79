"""Data sharing agreements (`schemas/agreements/`): what may be taken in, from whom, for what, until when."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from pipeline.contracts.reading import read_yaml, require


@dataclass(frozen=True)
class Feed:
    """What one partner shares under an agreement: columns by table, the legal gateway, onward limits."""

    partner: str
    gateway: str
    purposes: tuple[str, ...]
    onward_disclosure: str
    onward_blocked: bool
    columns: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Agreement:
    """One agreement, in force from `start` to `expiry`, both inclusive."""

    id: str
    version: str
    title: str
    start: dt.date
    expiry: dt.date
    feeds: dict[str, Feed]

    def in_force(self, on: dt.date) -> bool:
        return self.start <= on <= self.expiry

    def covers(self, partner: str, table: str, column: str) -> bool:
        feed = self.feeds.get(partner)
        return feed is not None and column in feed.columns.get(table, ())


def load_agreements(declarations: Path) -> tuple[Agreement, ...]:
    """Every agreement of an installation, by id. Raises DeclarationError where one is ill-formed."""
    return tuple(_load(path) for path in sorted((declarations / "agreements").glob("*.yaml")))


def agreement_for(agreements: tuple[Agreement, ...], partner: str, on: dt.date) -> Agreement | None:
    """The agreement in force on a day that has a feed of the partner, if there is one."""
    return next((a for a in agreements if a.in_force(on) and partner in a.feeds), None)


def _load(path: Path) -> Agreement:
    document = read_yaml(path)
    for key in ("id", "version", "start", "expiry", "feeds"):
        require(key in document, path=path, rule=f"'{key}' is missing.", remedy="add it.")
    purposes = {purpose["id"] for purpose in document.get("purposes", [])}
    feeds: dict[str, Feed] = {}
    for entry in document["feeds"]:
        near = f"partner: {entry.get('partner')}"
        for key in ("partner", "gateway", "purposes", "columns"):
            require(bool(entry.get(key)), path=path, near=near, rule=f"a feed has no '{key}'.", remedy="add it.")
        require(
            set(entry["purposes"]) <= purposes,
            path=path,
            near=near,
            rule="a feed names a purpose that the agreement does not declare.",
            remedy="declare it under 'purposes', or take it out.",
        )
        feeds[entry["partner"]] = Feed(
            partner=entry["partner"],
            gateway=entry["gateway"],
            purposes=tuple(entry["purposes"]),
            onward_disclosure=entry.get("onwardDisclosure", ""),
            onward_blocked=bool(entry.get("onwardBlocked", False)),
            columns={table: tuple(columns) for table, columns in entry["columns"].items()},
        )
    start, expiry = (dt.date.fromisoformat(str(document[key])) for key in ("start", "expiry"))
    require(start <= expiry, path=path, near="expiry", rule="it expires before it starts.", remedy="mend a date.")
    return Agreement(
        id=document["id"],
        version=str(document["version"]),
        title=document.get("title", document["id"]),
        start=start,
        expiry=expiry,
        feeds=feeds,
    )
