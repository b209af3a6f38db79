"""The borough's declaration (`schemas/synthetic/borough.yaml`), read by dotted path; and seeded chance, by stage."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.contracts.reading import read_yaml
from pipeline.errors import DeclarationError

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

NEVER = 10**6  # a day that does not come: the end of what still lasts
NOBODY = -1


@dataclass(frozen=True)
class Declared:
    """The declaration. Raises DeclarationError where a path is missing or a share is not one."""

    document: dict[str, Any]

    def get(self, path: str) -> Any:
        here: Any = self.document
        for part in path.split("."):
            if not isinstance(here, dict) or part not in here:
                raise DeclarationError(
                    where="schemas/synthetic/borough.yaml", rule=f"'{path}' is missing.", remedy="add it."
                )
            here = here[part]
        return here

    def number(self, path: str) -> float:
        value = self.get(path)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise DeclarationError(
                where="schemas/synthetic/borough.yaml", rule=f"'{path}' is no number from 0.", remedy="mend it."
            )
        return float(value)

    def share(self, path: str) -> float:
        value = self.number(path)
        if value > 1:
            raise DeclarationError(
                where="schemas/synthetic/borough.yaml", rule=f"'{path}' is no share of 1.", remedy="mend it."
            )
        return value

    def weights(self, path: str) -> tuple[list[str], Floats]:
        """The names of a mapping and their weights, made to add up to 1."""
        mapping = self.get(path)
        values = np.array([self.number(f"{path}.{name}") for name in mapping], dtype=np.float64)
        return [str(name) for name in mapping], values / values.sum()


def load_declared(declarations: Path) -> Declared:
    """The borough's declaration of an installation."""
    document = read_yaml(declarations / "synthetic" / "borough.yaml")
    # YAML reads the numbers of children as integers; paths are text.
    return Declared(_text_keys(document))


def _text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _text_keys(item) for key, item in value.items()}
    return value


@dataclass(frozen=True)
class Chance:
    """Seeded chance: each stage draws from its own stream, so that a change in one does not shift the others."""

    seed: int
    population: int

    def stage(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.population, zlib.crc32(name.encode())])


def draw(rng: np.random.Generator, weights: Floats, size: int) -> Ints:
    """`size` indices drawn by weight."""
    edges = np.cumsum(weights)
    edges /= edges[-1]
    return np.minimum(np.searchsorted(edges, rng.random(size), side="right"), len(weights) - 1).astype(np.int64)


def happens(rng: np.random.Generator, share: float | Floats, size: int) -> Bools:
    """True with the given probability, once per row."""
    found: Bools = rng.random(size) < share
    return found


def between(rng: np.random.Generator, first: Ints | int, last: Ints | int, size: int) -> Ints:
    """A day from first to last, both inclusive, once per row; first where last comes before it."""
    low = np.broadcast_to(np.asarray(first, dtype=np.int64), (size,))
    high = np.maximum(np.broadcast_to(np.asarray(last, dtype=np.int64), (size,)), low)
    days: Ints = low + np.floor(rng.random(size) * (high - low + 1)).astype(np.int64)
    return days


def take_quota(rng: np.random.Generator, eligible: Bools, weight: Floats, expected: float) -> Ints:
    """About `expected` of the eligible rows (rounded by chance), without replacement, by weight.

    Weighted sampling by exponential keys (Efraimidis and Spirakis, 2006).
    """
    rows = np.flatnonzero(eligible)
    count = min(len(rows), int(np.floor(expected + rng.random())))
    keys = rng.exponential(size=len(rows)) / np.maximum(weight[rows], 1e-9)
    if count == 0:
        return np.empty(0, dtype=np.int64)
    return np.sort(rows[np.argpartition(keys, count - 1)[:count]])


def day(year: int, month: int, day_of_month: int) -> int:
    """Days since 1970-01-01."""
    return int(np.datetime64(f"{year:04d}-{month:02d}-{day_of_month:02d}", "D").astype(np.int64))
