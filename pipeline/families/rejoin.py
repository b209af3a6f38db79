"""Clusters of records as joint reasoning wants them: doubtful pairs joined, impossible persons taken apart.

What people have answered comes first, then what one person can have only once; weights come last.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

PAIR = ["record_a", "record_b"]
Pairs = Iterable[tuple[int, int]]


class _Parts:
    """Records in parts that grow together; what is kept apart stays so through others."""

    def __init__(self, records: Iterable[int]) -> None:
        self.part = {record: record for record in records}
        self.members = {record: [record] for record in self.part}
        self.foes: dict[int, set[int]] = {}

    def keep_apart(self, a: int, b: int) -> None:
        self.foes.setdefault(a, set()).add(b)
        self.foes.setdefault(b, set()).add(a)

    def join(self, a: int, b: int) -> bool:
        """Whether the two are in one part now."""
        a, b = sorted((self.part[a], self.part[b]))
        if a == b:
            return True
        others = set(self.members[b])
        if any(others & self.foes.get(record, set()) for record in self.members[a]):
            return False
        for record in self.members.pop(b):
            self.part[record] = a
            self.members[a].append(record)
        return True


def rejoin(
    person_map: pd.DataFrame,
    pairs: pd.DataFrame,
    told: pd.DataFrame,
    contradictions: pd.DataFrame,
    answers: pd.DataFrame,
    identifiers: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Clusters (record_id, cluster) and PAIRS after joint reasoning.

    `told`: what `joint` gives; `contradictions`: what `contradicted` gives; `answers`: people's, record_a, record_b,
    answer (same, different), which bind before either; `identifiers`: record_id and codes (-1 missing) of which a
    person has one. A person with a contradiction is put together anew from its links, the strongest first, without what
    contradicts. Then possible pairs that are matches now join their persons, the most probable first, unless an answer,
    a contradiction or an identifier forbids it: then they stay possible. A pair between what is two persons now is cut.
    """
    of = person_map.set_index("record_id")["person_id"]
    same = _pairs(answers[answers["answer"] == "same"])
    different = _pairs(answers[answers["answer"] == "different"])
    not_one = [pair for pair in _pairs(contradictions) if pair not in set(same)]
    promoted = told[told["decision"] == "match"].sort_values(["probability", *PAIR], ascending=[False, True, True])
    touched = np.unique(of.reindex([*np.ravel(not_one).astype(int), *promoted[PAIR].to_numpy().ravel()]).dropna())
    records = person_map[person_map["person_id"].isin(touched)]

    parts = _Parts(records["record_id"].tolist())
    for a, b in [*different, *not_one]:
        if a in parts.part and b in parts.part:
            parts.keep_apart(a, b)
    for a, b in [pair for pair in same if pair[0] in parts.part and pair[1] in parts.part]:
        parts.join(a, b)
    broken = set(of.reindex(list(np.ravel(not_one).astype(int))).tolist())
    _links_again(parts, records, pairs, broken)
    forbid = _Once(identifiers, parts)
    joined = []
    for a, b in promoted[PAIR].itertuples(index=False):
        joined.append(forbid.allows(a, b) and parts.join(a, b))

    clusters = person_map.rename(columns={"person_id": "cluster"}).copy()
    inside = clusters["record_id"].isin(parts.part)
    # Negative, so that no new label is an old one.
    clusters.loc[inside, "cluster"] = -1 - clusters.loc[inside, "record_id"].map(parts.part)
    return clusters, _pairs_after(pairs, told, promoted.assign(joined=joined), clusters)


def _pairs(frame: pd.DataFrame) -> list[tuple[int, int]]:
    ends = np.sort(frame[PAIR].to_numpy(dtype=np.int64), axis=1)
    return [(int(a), int(b)) for a, b in ends]


def _links_again(parts: _Parts, records: pd.DataFrame, pairs: pd.DataFrame, broken: set[float]) -> None:
    """Persons without a contradiction as they were; the others from their links, the strongest first."""
    for person, members in records.groupby("person_id")["record_id"]:
        if person not in broken:
            first, *others = members.tolist()
            for other in others:
                parts.join(first, other)
    of = records.set_index("record_id")["person_id"]
    inner = pairs[pairs["decision"].isin(("match", "cut")) & pairs["record_a"].isin(of.index)]
    inner = inner[inner["record_b"].isin(of.index)]
    whose = of.reindex(inner["record_a"]).to_numpy()
    inner = inner[(whose == of.reindex(inner["record_b"]).to_numpy()) & np.isin(whose, list(broken))]
    inner = inner.sort_values(["weight", *PAIR], ascending=[False, True, True])
    for a, b in inner[PAIR].itertuples(index=False):
        parts.join(a, b)


class _Once:
    """Identifiers of which a person has one."""

    def __init__(self, identifiers: pd.DataFrame, parts: _Parts) -> None:
        held = identifiers[identifiers["record_id"].isin(parts.part)].set_index("record_id")
        self.codes: dict[int, npt.NDArray[np.int64]] = dict(
            zip(held.index.tolist(), held.to_numpy(dtype=np.int64), strict=True)
        )
        self.parts = parts

    def allows(self, a: int, b: int) -> bool:
        both = [self.parts.members[self.parts.part[record]] for record in (a, b)]
        one, other = (np.array([self.codes[r] for r in members if r in self.codes]) for members in both)
        if not one.size or not other.size:
            return True
        left, right = one.max(axis=0), other.max(axis=0)
        return not bool(((left >= 0) & (right >= 0) & (left != right)).any())


def _pairs_after(
    pairs: pd.DataFrame, told: pd.DataFrame, promoted: pd.DataFrame, clusters: pd.DataFrame
) -> pd.DataFrame:
    """PAIRS with each decision as the clusters have it, and joint_probability: with what homes and relatives say."""
    after = pairs.merge(
        told[[*PAIR, "probability", "decision"]].merge(promoted[[*PAIR, "joined"]], on=PAIR, how="left"),
        on=PAIR, how="left", suffixes=("", "_told"),
    )  # fmt: skip
    known = after["decision_told"].notna()
    forbidden = known & (after["decision_told"] == "match") & ~after["joined"].eq(True)
    after["joint_probability"] = after["probability_told"].where(known, after["probability"])
    after["decision"] = after["decision_told"].where(known, after["decision"]).mask(forbidden, "possible")
    of = clusters.set_index("record_id")["cluster"]
    apart = of.reindex(after["record_a"]).to_numpy() != of.reindex(after["record_b"]).to_numpy()
    after.loc[(after["decision"] == "match").to_numpy() & apart, "decision"] = "cut"
    return after.loc[after["decision"] != "non_match", [*pairs.columns, "joint_probability"]].reset_index(drop=True)
