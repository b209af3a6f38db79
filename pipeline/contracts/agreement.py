"""Data sharing agreements (`schemas/agreements/`): what may be taken in, from whom, for what, until when.

Nothing is allowed that is not declared: a feed may serve a purpose only where its agreement is in force and names, for
that purpose, a gateway of `schemas/gateways.yaml` that is open to the partner and in force on the day.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.contracts.reading import read_yaml, require

IDENTIFY = "identify"  # what the hub takes rows in for, links and evaluates them for
WARNING_DAYS = 31  # an agreement that ends within so many days is told of every night
ANY = "any"
DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?")


@dataclass(frozen=True)
class Gateway:
    """A legal power: the purposes it can carry, the partners that may rely on it, first and last day in force."""

    id: str
    title: str
    purposes: frozenset[str]
    partners: frozenset[str]
    start: dt.date
    end: dt.date | None
    source: str

    def opens(self, partner: str, purpose: str, on: dt.date) -> bool:
        in_force = self.start <= on and (self.end is None or on <= self.end)
        return in_force and purpose in self.purposes and bool({partner, ANY} & self.partners)


@dataclass(frozen=True)
class Feed:
    """What one partner shares under an agreement: columns by table, gateways by purpose, onward limits."""

    partner: str
    gateways: Mapping[str, tuple[Gateway, ...]]
    onward_disclosure: str
    onward_blocked: bool
    columns: dict[str, tuple[str, ...]]
    special_categories: str = ""

    @property
    def purposes(self) -> tuple[str, ...]:
        return tuple(self.gateways)

    @property
    def gateway(self) -> str:
        """The powers it rests on, to read."""
        return "; ".join(dict.fromkeys(one.title for named in self.gateways.values() for one in named))

    def lawful(self, purpose: str, on: dt.date) -> bool:
        return any(gateway.opens(self.partner, purpose, on) for gateway in self.gateways.get(purpose, ()))


@dataclass(frozen=True)
class Agreement:
    """One agreement, in force from `start` to `expiry`, both inclusive. Retention in months: how long what is known
    of a family is shown, and how long it is held."""

    id: str
    version: str
    title: str
    start: dt.date
    expiry: dt.date
    feeds: dict[str, Feed]
    purposes: Mapping[str, str] = field(default_factory=dict)  # id → description
    controllers: tuple[str, ...] = ()
    special_categories: str = ""
    shown_months: int | None = None
    held_months: int | None = None

    def in_force(self, on: dt.date) -> bool:
        return self.start <= on <= self.expiry

    def covers(self, partner: str, table: str, column: str) -> bool:
        feed = self.feeds.get(partner)
        return feed is not None and column in feed.columns.get(table, ())

    def days_left(self, on: dt.date) -> int:
        """Days until it expires; negative afterwards."""
        return (self.expiry - on).days


@dataclass(frozen=True)
class Refusal:
    """Why a partner's feed may not serve a purpose on a day: a code, and the rule in words."""

    code: str  # no_agreement | no_purpose | no_gateway
    rule: str


def load_agreements(declarations: Path) -> tuple[Agreement, ...]:
    """Every agreement of an installation, by id. Raises DeclarationError where one, or a gateway, is ill-formed."""
    gateways = load_gateways(declarations)
    return tuple(_load(path, gateways) for path in sorted((declarations / "agreements").glob("*.yaml")))


def load_gateways(declarations: Path) -> dict[str, Gateway]:
    """Every gateway there is, by id. Raises DeclarationError."""
    path = declarations / "gateways.yaml"
    found: dict[str, Gateway] = {}
    for entry in read_yaml(path).get("gateways", []):
        near = f"id: {entry.get('id')}"
        for key in ("id", "title", "purposes", "partners", "from", "source"):
            require(bool(entry.get(key)), path=path, near=near, rule=f"a gateway has no '{key}'.", remedy="add it.")
        require(entry["id"] not in found, path=path, near=near, rule="a gateway stands twice.", remedy="keep one.")
        until = entry.get("until")
        found[entry["id"]] = Gateway(
            id=entry["id"],
            title=entry["title"],
            purposes=frozenset(entry["purposes"]),
            partners=frozenset(entry["partners"]),
            start=dt.date.fromisoformat(str(entry["from"])),
            end=dt.date.fromisoformat(str(until)) if until else None,
            source=entry["source"],
        )
    return found


def agreement_for(
    agreements: Iterable[Agreement], partner: str, on: dt.date, purpose: str | None = None
) -> Agreement | None:
    """The agreement in force on a day that has a feed of the partner (and shares it for the purpose), if any."""
    standing = (a for a in agreements if a.in_force(on) and partner in a.feeds)
    return next((a for a in standing if purpose is None or a.feeds[partner].lawful(purpose, on)), None)


def refusal(agreements: Sequence[Agreement], partner: str, purpose: str, on: dt.date) -> Refusal | None:
    """Why the partner's feed may not serve the purpose on the day; None where it may. Refused unless declared."""
    standing = [a for a in agreements if a.in_force(on) and partner in a.feeds]
    if not standing:
        return Refusal("no_agreement", "no agreement in force has a feed of this partner.")
    named = [a for a in standing if purpose in a.feeds[partner].gateways]
    if not named:
        return Refusal("no_purpose", f"agreement {standing[0].id} does not share this feed for the purpose {purpose}.")
    if not any(a.feeds[partner].lawful(purpose, on) for a in named):
        return Refusal(
            "no_gateway",
            f"agreement {named[0].id} names no gateway in force by which this partner may share for {purpose}.",
        )
    return None


def ending(agreements: Sequence[Agreement], on: dt.date) -> list[Agreement]:
    """The agreements that end within the warning time, or have ended, with no later one for all their partners."""
    found = []
    for one in agreements:
        soon = one.start <= on and one.days_left(on) <= WARNING_DAYS
        beyond = [a for a in agreements if a is not one and a.start <= one.expiry + dt.timedelta(days=1) < a.expiry]
        if soon and not all(any(partner in a.feeds for a in beyond) for partner in one.feeds):
            found.append(one)
    return sorted(found, key=lambda one: (one.expiry, one.id))


def in_words(one: Agreement, on: dt.date) -> str:
    """The warning about an agreement that ends, or has ended."""
    days, partners = one.days_left(on), ", ".join(sorted(one.feeds))
    if days < 0:
        return f"agreement {one.id} expired on {one.expiry}: nothing is taken in from {partners}."
    return f"agreement {one.id} expires on {one.expiry}, in {days} days: then nothing is taken in from {partners}."


def _load(path: Path, gateways: Mapping[str, Gateway]) -> Agreement:
    document = read_yaml(path)
    for key in ("id", "version", "start", "expiry", "feeds"):
        require(key in document, path=path, rule=f"'{key}' is missing.", remedy="add it.")
    purposes = {str(one["id"]): str(one.get("description", "")) for one in document.get("purposes", [])}
    feeds = {entry.get("partner"): _feed(path, entry, purposes, gateways) for entry in document["feeds"]}
    require(len(feeds) == len(document["feeds"]), path=path, near="feeds:",
            rule="a partner has two feeds in one agreement.", remedy="make one of them.")  # fmt: skip
    start, expiry = (dt.date.fromisoformat(str(document[key])) for key in ("start", "expiry"))
    require(start <= expiry, path=path, near="expiry", rule="it expires before it starts.", remedy="mend a date.")
    retention = document.get("retention", {})
    return Agreement(
        id=document["id"],
        version=str(document["version"]),
        title=document.get("title", document["id"]),
        start=start,
        expiry=expiry,
        feeds=feeds,
        purposes=purposes,
        controllers=tuple(document.get("controllers", ())),
        special_categories=document.get("specialCategories", ""),
        shown_months=_months(path, "shown", retention),
        held_months=_months(path, "held", retention),
    )


def _feed(path: Path, entry: Mapping[str, Any], purposes: Mapping[str, str], gateways: Mapping[str, Gateway]) -> Feed:
    near = f"partner: {entry.get('partner')}"
    for key in ("partner", "gateways", "columns"):
        require(bool(entry.get(key)), path=path, near=near, rule=f"a feed has no '{key}'.", remedy="add it.")
    require(
        set(entry["gateways"]) <= set(purposes),
        path=path,
        near=near,
        rule="a feed names a purpose that the agreement does not declare.",
        remedy="declare it under 'purposes', or take it out.",
    )
    named = [one for ids in entry["gateways"].values() for one in ids]
    unknown = sorted(set(named) - set(gateways))
    require(not unknown, path=path, near=unknown[0] if unknown else near,
            rule=f"a feed names a gateway that is not declared: {', '.join(unknown)}.",
            remedy="declare it in gateways.yaml, with its source, or take it out.")  # fmt: skip
    return Feed(
        partner=entry["partner"],
        gateways={purpose: tuple(gateways[one] for one in ids) for purpose, ids in entry["gateways"].items()},
        onward_disclosure=entry.get("onwardDisclosure", ""),
        onward_blocked=bool(entry.get("onwardBlocked", False)),
        columns={table: tuple(columns) for table, columns in entry["columns"].items()},
        special_categories=entry.get("specialCategories", ""),
    )


def _months(path: Path, name: str, retention: Mapping[str, Any]) -> int | None:
    """An ISO 8601 duration of years and months, in months; None where the agreement does not say."""
    if name not in retention:
        return None
    told = DURATION.fullmatch(str(retention[name]))
    require(told is not None and any(told.groups()), path=path, near=f"{name}:",
            rule=f"'{name}' is not a duration of years and months.", remedy="write it like P12M or P3Y.")  # fmt: skip
    assert told is not None
    years, months = (int(part or 0) for part in told.groups())
    return 12 * years + months
