"""Which links are doubtful, and the parts of persons that they hold together or keep apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.families.household import components

PAIR = ["record_a", "record_b"]
WEAK_BELOW = 0.999  # a link less probable than this is doubted


@dataclass(frozen=True)
class Doubtful:
    """parts: one row per record: record_id, person_id, part (records that no doubt divides).

    links: one row per doubtful link: link (0 to n-1), record_a, record_b, probability (that they are one person),
    linked (whether they are, tonight), part_a, part_b.
    """

    parts: pd.DataFrame
    links: pd.DataFrame


def doubtful_links(
    pairs: pd.DataFrame, persons: pd.DataFrame, answers: pd.DataFrame, weak_below: float = WEAK_BELOW
) -> Doubtful:
    """The links that might be otherwise: of each two parts, the strongest link that joins or would join them.

    `pairs`: PAIRS (their joint_probability, if there); `persons`: record_id, person_id; `answers`: record_a, record_b,
    answer of people, which are no doubt. Within a person, matches of at least `weak_below` hold parts together; weaker
    ones are doubtful where nothing stronger joins the same parts. Between persons, possible pairs are. Together the
    links form no circle: one between parts that stronger ones join already is left out.
    """
    if "joint_probability" in pairs:
        pairs = pairs.assign(probability=pairs["joint_probability"])
    parts = persons.sort_values("record_id", ignore_index=True)
    index = pd.Index(parts["record_id"])
    of = parts["person_id"].to_numpy()
    a, b = (index.get_indexer(pd.Index(pairs[side])) for side in PAIR)
    rows = pairs.assign(a=a, b=b)[(a >= 0) & (b >= 0)]
    inside = of[rows["a"]] == of[rows["b"]]
    matched = rows[inside & (rows["decision"] == "match").to_numpy()]
    strong = matched[matched["probability"] >= weak_below]
    said = answers[answers["answer"] == "same"]
    one, other = (index.get_indexer(pd.Index(said[side])) for side in PAIR)
    known = (one >= 0) & (other >= 0)
    known[known] = of[one[known]] == of[other[known]]
    count = len(parts)
    everything = components(
        np.concatenate([matched["a"], one[known]]), np.concatenate([matched["b"], other[known]]), count
    )
    # What no link of tonight explains (an answer about a record of before, say) is no doubt either.
    first = pd.Series(np.arange(count)).groupby(of).transform("min").to_numpy()
    apart = everything != everything[first]
    certain_from = np.concatenate([strong["a"], one[known], first[apart]])
    certain_to = np.concatenate([strong["b"], other[known], everything[apart]])
    part = components(certain_from, certain_to, count)

    weak = matched[matched["probability"] < weak_below].assign(linked=True)
    between = rows[~inside & (rows["decision"] == "possible").to_numpy()].assign(linked=False)
    answered = pd.MultiIndex.from_frame(answers[PAIR])
    links = pd.concat([weak, between])
    links = links[~pd.MultiIndex.from_frame(links[PAIR]).isin(answered)]
    links = links.assign(part_a=part[links["a"]], part_b=part[links["b"]])
    links = links.sort_values(["linked", "probability", *PAIR], ascending=[False, False, True, True])
    links = links[_joins_something(links)].reset_index(drop=True)
    links["link"] = np.arange(len(links))
    columns = ["link", *PAIR, "probability", "linked", "part_a", "part_b"]
    return Doubtful(parts.assign(part=part), links[columns].astype({"linked": bool}))


def _joins_something(links: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which links, in order, join two parts that those before do not."""
    leader: dict[int, int] = {}

    def lead(part: int) -> int:
        leader.setdefault(part, part)
        while leader[part] != part:
            leader[part] = part = leader[leader[part]]
        return part

    kept = []
    for a, b in zip(links["part_a"].tolist(), links["part_b"].tolist(), strict=True):
        one, other = lead(a), lead(b)
        kept.append(one != other)
        leader[one] = other
    return np.array(kept, dtype=np.bool_)
