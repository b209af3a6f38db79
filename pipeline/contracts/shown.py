"""What the agreements say about who may see: purposes and their days, readers of closed feeds, partners' families."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.contracts.agreement import load_agreements
from pipeline.contracts.reading import read_yaml, require

WHAT = ("derived", "rows")
KINDS = ("analyst", "caseworker")  # readers who are no partner


@dataclass(frozen=True)
class Purpose:
    """A purpose as one agreement names it; `aggregates_only`: it is served by counts and opens no row of a family."""

    agreement: str
    id: str
    description: str
    aggregates_only: bool
    start: dt.date
    end: dt.date


@dataclass(frozen=True)
class Shown:
    """`purposes` of all agreements; `closed`: agreement by partner whose feed is closed onward; `readers`: (partner,
    reader, what) that may see it all the same; `families`: agreement by partner that sees families it has a part in."""

    purposes: tuple[Purpose, ...]
    closed: Mapping[str, str]
    readers: frozenset[tuple[str, str, str]]
    families: Mapping[str, str]


def load_shown(declarations: Path) -> Shown:
    """What every agreement lets whom see. Nobody is named who is not written down. Raises DeclarationError."""
    documents = {
        str(document["id"]): (path, document)
        for path in sorted((declarations / "agreements").glob("*.yaml"))
        for document in [read_yaml(path)]
        if "id" in document
    }
    purposes: list[Purpose] = []
    closed: dict[str, str] = {}
    readers: set[tuple[str, str, str]] = set()
    families: dict[str, str] = {}
    agreements = load_agreements(declarations)
    known = {partner for agreement in agreements for partner in agreement.feeds} | set(KINDS)
    for agreement in agreements:
        path, document = documents[agreement.id]
        served = {purpose for feed in agreement.feeds.values() for purpose in feed.purposes}
        purposes += [
            Purpose(agreement.id, one["id"], one.get("description", ""), bool(one.get("aggregatesOnly", False)),
                    agreement.start, agreement.expiry)
            for one in document.get("purposes", []) if one["id"] in served
        ]  # fmt: skip
        for feed in document["feeds"]:
            partner = feed["partner"]
            if agreement.feeds[partner].onward_blocked:
                closed[partner] = agreement.id
                readers |= _readers(path, partner, feed.get("shownTo") or {}, known)
            if feed.get("ownFamilies"):
                families[partner] = agreement.id
    return Shown(tuple(purposes), closed, frozenset(readers), families)


def _readers(path: Path, partner: str, named: Mapping[str, Any], known: set[str]) -> set[tuple[str, str, str]]:
    require(set(named) <= set(WHAT), path=path, near="shownTo:", rule="'shownTo' has a key that is none of its.",
            remedy=f"use {' and '.join(WHAT)}.")  # fmt: skip
    found = {(partner, str(reader), what) for what, readers in named.items() for reader in readers}
    strangers = sorted({reader for _partner, reader, _what in found} - known)
    require(not strangers, path=path, near="shownTo:", rule=f"'shownTo' names {', '.join(strangers)}, who is unknown.",
            remedy=f"use {', '.join(sorted(known))}.")  # fmt: skip
    return found
