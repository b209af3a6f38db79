"""The states of a case, who may move it from which to which, and what must be said (`schemas/casework/life.yaml`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.contracts.reading import read_yaml, require

NEW = "none"  # before a case is opened
ANY = "any"
IDENTIFIED, MERGED = "identified", "merged"
BUILD = "build"
REVIEWS = ("agreed", "overridden")
MAY_NEED = ("team", "key_worker", "district")


@dataclass(frozen=True)
class State:
    """One state. `place`: how far along; `review`: what the reviewer made of the flag; `needs`: what must be said."""

    id: str
    title: str
    place: int
    review: str | None
    attaches: bool
    ended: bool
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Life:
    """States, roles, and the moves allowed: (from, to, role); from `none` opens a case."""

    version: str
    states: dict[str, State]
    roles: dict[str, str]
    moves: frozenset[tuple[str, str, str]]

    def allows(self, start: str, end: str, role: str) -> bool:
        return (start, end, role) in self.moves


def load_life(path: Path) -> Life:
    """The cohort's life. Raises DeclarationError, with the line: an unknown state, role or requirement."""
    document = read_yaml(path)
    for key in ("version", "states", "roles", "moves"):
        require(bool(document.get(key)), path=path, rule=f"the cohort's life needs '{key}'.", remedy=f"add '{key}'.")
    states = {}
    for name, entry in document["states"].items():
        near = f"  {name}: "
        review, needs = entry.get("review"), tuple(entry.get("needs") or ())
        fits = review is None or review in REVIEWS
        require(fits, path=path, near=near, rule=f"'{name}': unknown review.", remedy=_one_of(REVIEWS))
        fits = set(needs) <= set(MAY_NEED)
        require(fits, path=path, near=near, rule=f"'{name}' needs what is not known.", remedy=_one_of(MAY_NEED))
        states[str(name)] = State(
            str(name), str(entry.get("title", name)), int(entry.get("place", 0)), review,
            bool(entry.get("attaches", False)), bool(entry.get("ended", False)), needs,
        )  # fmt: skip
    for name in (IDENTIFIED, MERGED):
        require(name in states, path=path, near="states:", rule=f"there is no state '{name}'.", remedy="add it.")
    roles = {str(name): str(text) for name, text in document["roles"].items()}
    require(BUILD in roles, path=path, near="roles:", rule=f"there is no role '{BUILD}'.", remedy="add it.")
    moves = set()
    for entry in document["moves"]:
        start, ends, who = str(entry.get("from")), [str(end) for end in entry.get("to") or ()], entry.get("roles") or ()
        near = f"from: {start}, to: [{', '.join(ends)}]"
        for name in [*ends, *([start] if start not in (NEW, ANY) else [])]:
            require(name in states, path=path, near=near, rule=f"there is no state '{name}'.", remedy=_one_of(states))
        for role in who:
            require(role in roles, path=path, near=near, rule=f"there is no role '{role}'.", remedy=_one_of(roles))
        starts = list(states) if start == ANY else [start]
        moves |= {(one, end, str(role)) for one in starts for end in ends for role in who if start != ANY or one != end}
    return Life(str(document["version"]), states, roles, frozenset(moves))


def _one_of(names: Iterable[str]) -> str:
    return f"use one of: {', '.join(sorted(names))}."
