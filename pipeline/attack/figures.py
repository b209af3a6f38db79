"""What an attack achieved: counts, shares and intervals; and what must stay under the limit."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

LIMIT = 0.01  # of the attacks that encodings can prevent, on our encodings
NORMAL_975 = 1.959963984540054  # the standard normal's 97.5 % point: two-sided 95 %

PLAIN, RECORD_LEVEL, OURS = "plain filters", "one filter a record", "our encodings"
TARGETS = (PLAIN, RECORD_LEVEL, OURS)

FREQUENCY, PATTERNS, GRAPH, STRUCTURE, DICTIONARY, KNOWN = (
    "a frequency", "b pattern mining", "c similarity graph", "d structure", "e dictionary", "f known names",
)  # fmt: skip
PREVENTABLE = (FREQUENCY, PATTERNS, GRAPH)  # structure is open to any encoding; the dictionary has its own rule

FORENAME, SURNAME, FULL_NAME, BIRTH_DATE, PERSON = "forename", "surname", "full name", "date of birth", "person"


@dataclass(frozen=True)
class Figure:
    """One attack on one target.

    `hits` of `of` records were named correctly; `named` is how many the attacker named at all. `by_guessing` is the
    share that the same public knowledge names right without looking at any encoding: what the encodings gave away is
    the rest. `overlap`: share of the records' people in the attacker's clear list.
    """

    attack: str
    method: str
    target: str
    grain: str
    hits: int
    of: int
    named: int
    by_guessing: float = 0.0
    overlap: float | None = None
    people: int = 0

    @property
    def share(self) -> float:
        return self.hits / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.hits, self.of)

    @property
    def gained(self) -> float:
        """The share named right beyond guessing."""
        return self.share - self.by_guessing

    @property
    def bound_by_limit(self) -> bool:
        return self.target == OURS and self.attack in PREVENTABLE

    @property
    def over_limit(self) -> bool:
        """Whether the encodings gave away as much as they must not."""
        return self.bound_by_limit and self.gained >= LIMIT

    def as_dict(self) -> dict[str, Any]:
        low, high = self.interval
        return {
            "attack": self.attack,
            "method": self.method,
            "target": self.target,
            "grain": self.grain,
            "overlap": self.overlap,
            "people": self.people,
            "hits": self.hits,
            "of": self.of,
            "named": self.named,
            "share": self.share,
            "low": low,
            "high": high,
            "by_guessing": self.by_guessing,
            "bound_by_limit": self.bound_by_limit,
            "over_limit": self.over_limit,
        }


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927), which holds for few hits and for none."""
    if of == 0:
        return 0.0, 1.0
    z2 = NORMAL_975**2
    share = hits / of
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = NORMAL_975 / (1 + z2 / of) * sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return (0.0 if hits == 0 else middle - half), (1.0 if hits == of else middle + half)
