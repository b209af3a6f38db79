"""Matching the similarity graph of encodings with that of a clear list.

After Vidanage, Christen, Ranbaduge and Schnell 2020: how alike a record is to all others tells it apart. The attacker
encodes the clear list with any key, so that both graphs have the same collisions; sorted similarities and those of the
nearest neighbours give first matches; these then anchor the next round, in which everybody is described by the
similarity to the anchors (as Schäfer, Armknecht and Heng 2024 do by aligned embeddings), the surest ones first.
"""

from __future__ import annotations

import numpy as np

from pipeline.attack.filters import Matrix, dice_to_each_other
from pipeline.attack.world import Bools, Ints

RANKS = 64  # of each record's sorted similarities, dense among the nearest
NEAR = 10.0  # power that weighs the nearest neighbours
ROUNDS = 12
FEWEST_ANCHORS = 100


def match_graphs(hub: list[Bools], listed: list[Bools]) -> Ints:
    """For each of the hub's records the listed person it is taken for. One array of filters a field, a row a record."""
    similar = _similarity(hub), _similarity(listed)
    distance = _distances(_features(similar[0], hub), _features(similar[1], listed))
    for turn in range(ROUNDS):
        left, right = _anchors(distance, min(1.0, 0.3 + 0.1 * turn))
        distance = 1 - _standard(similar[0][:, left]) @ _standard(similar[1][:, right]).T
    match: Ints = distance.argmin(axis=1).astype(np.int64)
    return match


def _similarity(fields: list[Bools]) -> Matrix:
    total = dice_to_each_other(fields[0])
    for field in fields[1:]:
        total += dice_to_each_other(field)
    total /= len(fields)
    np.fill_diagonal(total, 0)
    return total


def _features(similar: Matrix, fields: list[Bools]) -> Matrix:
    """Per record: its sorted similarities at some ranks, their spread, its bits; and the neighbours' average."""
    people = len(similar)
    ranks = np.unique(np.geomspace(1, people - 1, RANKS).astype(np.int64)) - 1
    ordered = np.sort(similar, axis=1)[:, ::-1][:, ranks]
    bits = np.stack([field.sum(axis=1) for field in fields], axis=1).astype(np.float32)
    own = np.concatenate([ordered, similar.std(axis=1)[:, None], similar.mean(axis=1)[:, None], bits], axis=1)
    near = similar**NEAR
    near /= near.sum(axis=1, keepdims=True) + 1e-9
    features: Matrix = np.concatenate([own, near @ own], axis=1)
    standard: Matrix = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    return standard


def _distances(left: Matrix, right: Matrix) -> Matrix:
    result: Matrix = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None, :] - 2 * left @ right.T
    return result


def _anchors(distance: Matrix, part: float) -> tuple[Ints, Ints]:
    """Pairs that are each other's nearest, those with the clearest lead first."""
    nearest, back = distance.argmin(axis=1), distance.argmin(axis=0)
    mutual = np.flatnonzero(back[nearest] == np.arange(len(nearest)))
    two = np.partition(distance[mutual], 1, axis=1)[:, :2]
    sure = mutual[np.argsort(two[:, 0] - two[:, 1], kind="stable")]
    kept = sure[: max(FEWEST_ANCHORS, int(len(sure) * part))]
    return kept.astype(np.int64), nearest[kept].astype(np.int64)


def _standard(similar: Matrix) -> Matrix:
    centred = similar - similar.mean(axis=0)
    centred -= centred.mean(axis=1, keepdims=True)
    result: Matrix = centred / (np.linalg.norm(centred, axis=1, keepdims=True) + 1e-9)
    return result
