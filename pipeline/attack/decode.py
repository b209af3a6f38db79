"""From patterns to grams, and from grams to names.

Grams are told by how often they occur and by which others they occur with; both are known from public names. The
assignment starts from frequencies and is refined on co-occurrence, from the most frequent patterns to the rarest. Then
by turns: grams give names, and names, right for a part, give grams; until nothing changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pipeline.attack.world import Bools, Floats, Ints

Matrix: TypeAlias = NDArray[np.float32]

GRAMS = 450  # the most frequent ones of a field that a pattern may be
ROUNDS = 40
FEWEST_ANCHORS = 20
FREQUENCY_WEIGHT = 4.0
PRIOR_WEIGHT = 0.7
ROWS_AT_ONCE = 1024
TURNS = 25
MOST_COUNT = 3  # a common name must not outvote all others


@dataclass(frozen=True)
class Vocabulary:
    """The public values of a field with their shares; which of the field's frequent grams each has; the bits its filter
    is expected to set, with their variance (None: fields share a filter, so their bits are not seen apart)."""

    share: Floats
    has: Bools
    bits: tuple[Floats, Floats] | None = None


@dataclass(frozen=True)
class Public:
    """The fields of a filter, and public records: per record the value of each field (rows of the vocabularies)."""

    fields: tuple[Vocabulary, ...]
    records: Ints
    share: Floats

    def grams_of(self, values: Ints) -> Bools:
        """Which grams records with these values have, all fields' grams side by side."""
        return np.concatenate([field.has[values[:, at]] for at, field in enumerate(self.fields)], axis=1)


def vocabulary(
    value: Ints, gram: Ints, share: Floats, bits: tuple[Floats, Floats] | None = None, grams: int = GRAMS
) -> Vocabulary:
    """From pairs (value, gram number)."""
    frequency = np.bincount(gram, share[value])
    kept = np.argsort(-frequency, kind="stable")[:grams]
    number = np.full(len(frequency), -1, dtype=np.int64)
    number[kept] = np.arange(len(kept))
    has = np.zeros((len(share), len(kept)), dtype=np.bool_)
    known = number[gram] >= 0
    has[value[known], number[gram[known]]] = True
    return Vocabulary(share, has, bits)


def of_one_field(field: Vocabulary) -> Public:
    """What is public where a filter holds one field."""
    return Public((field,), np.arange(len(field.share))[:, None], field.share)


def read_values(has_pattern: Bools, weight: Ints, counts: Ints, public: Public) -> Ints:
    """The public value of each field of each filter: (filters, fields).

    `has_pattern`: which filter has which pattern; `weight`: its bits; `counts`: how many records have it.
    """
    known = public.grams_of(public.records)
    grams = assign_grams(has_pattern, counts, known, public.share)
    values = _values(has_pattern, weight, grams, public)
    capped = np.minimum(counts, MOST_COUNT).astype(np.float32)
    for _ in range(TURNS if has_pattern.shape[1] else 0):
        _, new = linear_sum_assignment(-_agreement(has_pattern, public.grams_of(values), capped))
        if np.array_equal(new, grams):
            break
        grams = new.astype(np.int64)
        values = _values(has_pattern, weight, grams, public)
    return values


def assign_grams(has_pattern: Bools, counts: Ints, known_grams: Bools, known_share: Floats) -> Ints:
    """The gram of each pattern, by frequency and co-occurrence."""
    records = int(counts.sum())
    if has_pattern.shape[1] == 0 or records == 0:
        return np.zeros(has_pattern.shape[1], dtype=np.int64)
    seen, seen_with = _frequencies(has_pattern, counts / records)
    known, known_with = _frequencies(known_grams, known_share / known_share.sum())
    _, chosen = linear_sum_assignment(np.abs(np.log(seen + 1e-4)[:, None] - np.log(known + 1e-4)[None, :]))
    # Square roots of counts all have about the same chance error (Anscombe 1948).
    root = (np.sqrt(seen_with * records + 0.375), np.sqrt(known_with * records + 0.375))
    alone = FREQUENCY_WEIGHT * (np.sqrt(seen * records)[:, None] - np.sqrt(known * records)[None, :]) ** 2
    frequent = np.argsort(-seen, kind="stable")
    for turn in range(ROUNDS):
        part = min(1.0, 0.1 + 0.9 * turn / (ROUNDS - 3))
        anchors = frequent[: max(FEWEST_ANCHORS, int(len(seen) * part))]
        ours, theirs = root[0][:, anchors], root[1][:, chosen[anchors]]
        distance = (ours**2).sum(axis=1)[:, None] + (theirs**2).sum(axis=1)[None, :] - 2 * ours @ theirs.T + alone
        _, new = linear_sum_assignment(distance)
        if part >= 1 and np.array_equal(new, chosen):
            break
        chosen = new
    result: Ints = chosen.astype(np.int64)
    return result


def _frequencies(has: Bools, share: Floats) -> tuple[Floats, Floats]:
    dense = has.astype(np.float32)
    weighted = dense * share[:, None].astype(np.float32)
    return (share @ has).astype(np.float64), (weighted.T @ dense).astype(np.float64)


def _agreement(pattern: Bools, gram: Bools, counts: Matrix) -> Matrix:
    """The phi coefficient of every pattern with every gram over all filters."""
    total = counts.sum()
    patterns, grams = pattern.astype(np.float32), gram.astype(np.float32)
    both = (patterns * counts[:, None]).T @ grams
    a, b = counts @ patterns, counts @ grams
    result: Matrix = (both * total - np.outer(a, b)) / np.sqrt(np.outer(a * (total - a), b * (total - b)) + 1)
    return result


def _values(has_pattern: Bools, weight: Ints, grams: Ints, public: Public) -> Ints:
    start, columns = 0, []
    for field in public.fields:
        own = np.flatnonzero((grams >= start) & (grams < start + field.has.shape[1]))
        columns.append(name_values(has_pattern[:, own], weight, grams[own] - start, field))
        start += field.has.shape[1]
    return np.stack(columns, axis=1)


def name_values(has_pattern: Bools, weight: Ints, gram_of_pattern: Ints, field: Vocabulary) -> Ints:
    """The public value that fits each filter best: the same grams, as many bits, and how common it is."""
    seen = has_pattern.astype(np.float32)
    known = field.has[:, gram_of_pattern].astype(np.float32)
    fixed = PRIOR_WEIGHT * np.log(field.share + 1e-9).astype(np.float32) - 2 * known.sum(axis=1)
    best = np.empty(len(seen), dtype=np.int64)
    for start in range(0, len(seen), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        scores = 4 * seen[rows] @ known.T + fixed[None, :]
        if field.bits is not None:
            mean, variance = field.bits
            scores -= (0.25 * (weight[rows, None] - mean[None, :]) ** 2 / (variance[None, :] + 0.5)).astype(np.float32)
        best[rows] = scores.argmax(axis=1)
    return best
