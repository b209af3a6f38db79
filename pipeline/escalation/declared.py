"""What counts as a contact, the test's settings and who may read a chronology (`schemas/escalation/`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.contracts import Vocabulary
from pipeline.contracts.closed import Closed
from pipeline.contracts.reading import read_yaml, require
from pipeline.errors import DeclarationError

TOGETHER = "together"  # all agencies whose feeds are open to every partner
TOGETHER_TITLE = "All agencies together"


@dataclass(frozen=True)
class TestSettings:
    """Windows in months, and when a rise is an alert; each is explained in the declaration."""

    __test__ = False

    recent_months: int
    past_months: int
    earlier_windows: int
    false_discovery_rate: float
    at_least: int
    times: float
    smallest_peer_group: int
    fewest_peers: int
    trend_weight: float
    discounts: tuple[float, ...]

    @property
    def months(self) -> int:
        """How many months of counts the whole test can use."""
        return self.past_months + self.recent_months * (1 + self.earlier_windows)


@dataclass(frozen=True)
class Reader:
    """Somebody who may read: `sees` are the partners whose feeds are open to them, `role` the database role (it need
    not exist yet); `partner`: whose people they are, None for the hub's own."""

    id: str
    title: str
    role: str
    partner: str | None
    sees: frozenset[str]


@dataclass(frozen=True)
class Escalation:
    """The whole declaration. `agencies`: title by id, in order. `contacts`: agency by kind of evidence.

    `blocked` are partners whose feeds the agreements block for onward disclosure; `closed` the agencies that such a
    partner speaks of: even "no contact" would tell what it holds.
    """

    version: str
    agencies: dict[str, str]
    contacts: dict[str, str]
    test: TestSettings
    readers: dict[str, Reader]
    blocked: frozenset[str]
    closed: frozenset[str]

    def open_to(self, reader: Reader) -> bool:
        """Whether a reader sees every feed that is blocked for others."""
        return self.blocked <= reader.sees

    def reader(self, name: str) -> Reader:
        """A reader by id or by database role. Raises DeclarationError for one that is not declared."""
        for reader in self.readers.values():
            if name in (reader.id, reader.role):
                return reader
        raise DeclarationError(
            where="the reader given with --as",
            rule=f"nobody of this name is declared; there are: {', '.join(self.readers)}.",
            remedy="name one of these, or declare it in schemas/escalation/escalation.yaml.",
        )


def load_escalation(declarations: Path, vocabulary: Vocabulary, closed: Closed, partners: Iterable[str]) -> Escalation:
    """The declaration, checked against the vocabulary and the partners there are; `closed`: what the agreements close.

    Raises DeclarationError with file and line: an unknown kind, agency or partner, a kind that stands twice, a number
    out of range.
    """
    path = declarations / "escalation" / "escalation.yaml"
    document = read_yaml(path)
    for key in ("version", "agencies", "contacts", "test", "readers"):
        require(bool(document.get(key)), path=path, rule=f"'{key}' is missing.", remedy=f"add '{key}'.")
    agencies = {str(entry["id"]): str(entry["title"]) for entry in document["agencies"]}
    contacts: dict[str, str] = {}
    for entry in document["contacts"]:
        kind, agency = str(entry.get("kind")), str(entry.get("agency"))
        near = f"kind: {kind},"
        require(
            kind in vocabulary.kinds,
            path=path,
            near=near,
            rule=f"'{kind}' is no kind of evidence.",
            remedy="use a kind of schemas/evidence.yaml.",
        )
        require(kind not in contacts, path=path, near=near, rule=f"'{kind}' stands twice.", remedy="keep one.")
        require(
            agency in agencies,
            path=path,
            near=near,
            rule=f"'{agency}' is no agency of this file.",
            remedy=f"use one of {', '.join(agencies)}, or add it above.",
        )
        contacts[kind] = agency
    return Escalation(
        version=str(document["version"]),
        agencies=agencies,
        contacts=contacts,
        test=_test(path, document["test"]),
        readers=_readers(path, document["readers"], frozenset(partners), closed.partners),
        blocked=closed.partners,
        closed=frozenset(agency for kind, agency in contacts.items() if kind in closed.kinds),
    )


def titles_of(declared: Escalation) -> dict[str, str]:
    """Every agency's title, in order; all together comes last."""
    return {**declared.agencies, TOGETHER: TOGETHER_TITLE}


def _test(path: Path, entry: dict[str, Any]) -> TestSettings:
    whole = ("recent_months", "past_months", "earlier_windows", "at_least", "smallest_peer_group", "fewest_peers")
    for key in whole:
        least = 0 if key == "earlier_windows" else 1
        good = isinstance(entry.get(key), int) and entry[key] >= least
        require(good, path=path, near=f"{key}:", rule=f"'{key}' is no whole number from {least}.", remedy="mend it.")
    for key, low, high in (("false_discovery_rate", 0.0, 0.5), ("times", 1.0, 100.0), ("trend_weight", 0.0, 1e6)):
        good = isinstance(entry.get(key), (int, float)) and low < entry[key] <= high
        require(good, path=path, near=f"{key}:", rule=f"'{key}' is not in ({low}, {high}].", remedy="mend it.")
    discounts = tuple(float(value) for value in entry.get("discounts") or ())
    good = bool(discounts) and all(0 < value <= 1 for value in discounts)
    require(good, path=path, near="discounts:", rule="'discounts' are numbers in (0, 1].", remedy="mend them.")
    return TestSettings(
        **{key: int(entry[key]) for key in whole},
        false_discovery_rate=float(entry["false_discovery_rate"]),
        times=float(entry["times"]),
        trend_weight=float(entry["trend_weight"]),
        discounts=discounts,
    )


def _readers(
    path: Path, entries: list[dict[str, Any]], partners: frozenset[str], blocked: frozenset[str]
) -> dict[str, Reader]:
    readers: dict[str, Reader] = {}
    for entry in entries:
        for key in ("id", "title", "role"):
            require(bool(entry.get(key)), path=path, near="readers:", rule=f"a reader lacks '{key}'.", remedy="add it.")
        own = {entry["partner"]} if entry.get("partner") else set()
        named = own | set(entry.get("sees_blocked") or ())
        require(
            named <= partners,
            path=path,
            near=f"id: {entry.get('id')},",
            rule="a reader names a partner without a contract.",
            remedy=f"use {', '.join(sorted(partners))}.",
        )
        sees = frozenset((partners - blocked) | named)
        readers[str(entry["id"])] = Reader(
            str(entry["id"]), str(entry["title"]), str(entry["role"]), entry.get("partner"), sees
        )
    return readers
