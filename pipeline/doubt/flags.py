"""Doubt carried to the flag: which criteria would stand otherwise if one doubtful link were, and how probable they are.

The probability speaks of the links alone: each is taken to be right with its own probability, whatever the others are.
That the evidence is true, that strong links are right, that nobody's record was missed and that families are well
formed is taken for granted.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.criteria import Pack
from pipeline.doubt.answers import answers_in_force
from pipeline.doubt.links import WEAK_BELOW, doubtful_links
from pipeline.doubt.town import NOT_LOOKED_AT, Flips, Town, make_town, outcomes
from pipeline.families.household import components

MOST_EXACT = 6  # links of which every combination is tried; more are sampled
SAMPLES = 200
SEED = 2012
FLIPS = (
    "family_id", "criterion", "state", "would_become", "record_a", "record_b", "link_probability", "otherwise",
)  # fmt: skip
STANDING = ("family_id", "criterion", "state", "in_doubt", "probability", "links", "method")


@dataclass(frozen=True)
class FlagDoubt:
    """flips: one row per family, criterion and link that would change it: family_id, criterion, state, would_become,
    record_a, record_b, link_probability (that the two are one person), otherwise (that the link is not as tonight).

    standing: one row per family and criterion that a doubtful link may touch: family_id, criterion, state, in_doubt,
    probability (that it is met), links (how many count), method (exact or sampled). criterion `selected` is the pack's
    selection; a family that is not looked at has the state not_looked_at.
    """

    flips: pd.DataFrame
    standing: pd.DataFrame
    summary: dict[str, int]


def flag_doubt(
    pairs: pd.DataFrame,
    persons: pd.DataFrame,
    answers: pd.DataFrame,
    identifiers: pd.DataFrame,
    members: pd.DataFrame,
    attributes: pd.DataFrame,
    residences: pd.DataFrame,
    relationships: pd.DataFrame,
    facts: pd.DataFrame,
    coverage: pd.DataFrame,
    pack: Pack,
    as_at: pd.Timestamp,
    *,
    weak_below: float = WEAK_BELOW,
) -> FlagDoubt:
    """Of each family and criterion, whether it would flip if any one doubtful link were otherwise, and its probability.

    `pairs`, `persons`: as linked; `answers`: people's, the latest last; `identifiers`: record_id and codes of which a
    person has one; `members`: MEMBERS of tonight; all others by record_id. Only neighbourhoods with a doubtful link are
    formed anew, all worlds in few passes. Pure; the order of rows makes no difference.
    """
    doubtful = doubtful_links(pairs, persons, answers_in_force(answers), weak_below)
    if doubtful.links.empty:
        nobody = {name: pd.Series(dtype=object) for name in (*FLIPS, *STANDING)}
        return FlagDoubt(
            pd.DataFrame({n: nobody[n] for n in FLIPS}), pd.DataFrame({n: nobody[n] for n in STANDING}), {}
        )
    town = make_town(
        doubtful, members, attributes, residences, relationships, facts, coverage, identifiers, pack, as_at
    )
    links = doubtful.links
    label = town.neighbourhood.reindex(links["record_a"]).to_numpy(dtype=np.int64)
    nothing: Flips = frozenset()
    alone = [(int(one), nothing) for one in np.unique(label)]
    single = [(int(one), frozenset((int(link),))) for one, link in zip(label, links["link"], strict=True)]
    first = outcomes(town, alone + single)
    tonight = first[first["world"] < len(alone)].drop(columns="world")
    other = first[first["world"] >= len(alone)].assign(link=lambda rows: rows["world"] - len(alone))
    changed = other.rename(columns={"state": "would_become"}).merge(tonight, on=["family_id", "criterion"])
    nowhere = changed[["state", "would_become"]].isin((NOT_LOOKED_AT, "not_met")).all(axis=1)
    changed = changed[(changed["state"] != changed["would_become"]) & ~nowhere]

    groups = _groups(town, changed)
    standing = _standing(town, groups, tonight, first, alone + single)
    flips = changed.merge(links[["link", "record_a", "record_b", "probability", "linked"]], on="link")
    flips["link_probability"] = flips["probability"]
    flips["otherwise"] = np.where(flips["linked"], 1 - flips["probability"], flips["probability"])
    flips = flips.sort_values(["family_id", "criterion", "record_a", "record_b"], ignore_index=True)[list(FLIPS)]
    doubted = pd.MultiIndex.from_frame(flips[["family_id", "criterion"]])
    standing["in_doubt"] = pd.MultiIndex.from_frame(standing[["family_id", "criterion"]]).isin(doubted)
    standing = standing.sort_values(["family_id", "criterion"], ignore_index=True)[list(STANDING)]
    summary = {
        "links": len(links),
        "weak_links": int(links["linked"].sum()),
        "possible_links": int((~links["linked"]).sum()),
        "families_touched": int(standing["family_id"].nunique()),
        "families_in_doubt": int(flips["family_id"].nunique()),
        "flags_in_doubt": len(doubted.unique()),
    }
    return FlagDoubt(flips, standing, summary)


def _groups(town: Town, changed: pd.DataFrame) -> pd.DataFrame:
    """link, family_id, group: links and families that have to do with each other, directly or through others."""
    links = town.doubtful.links
    of = town.doubtful.parts.set_index("record_id")["person_id"]
    family = town.members.set_index("person_id")["family_id"]
    ends = [
        pd.DataFrame({"link": links["link"], "family_id": family.reindex(of.reindex(links[side])).to_numpy()})
        for side in ("record_a", "record_b")
    ]
    told = pd.concat([*ends, changed[["link", "family_id"]]]).dropna().drop_duplicates()
    told = told.astype("int64")
    number, _ = pd.factorize(told["family_id"], sort=True)
    count = len(links)
    group = components(told["link"].to_numpy(), count + number, count + len(told))
    return told.assign(group=group[told["link"].to_numpy()])


def _standing(
    town: Town, groups: pd.DataFrame, tonight: pd.DataFrame, first: pd.DataFrame, known: list[tuple[int, Flips]]
) -> pd.DataFrame:
    """The probability that each criterion is met, over every combination of the links of a group (or a sample)."""
    links = town.doubtful.links
    otherwise = np.where(links["linked"], 1 - links["probability"], links["probability"])
    label = town.neighbourhood.reindex(links["record_a"]).to_numpy(dtype=np.int64)
    place = {world: number for number, world in enumerate(known)}
    more: list[tuple[int, Flips]] = []
    weights = []
    methods = {}
    for group, rows in groups.groupby("group"):
        chosen = sorted(rows["link"].unique().tolist())
        methods[group] = (len(chosen), "exact" if len(chosen) <= MOST_EXACT else "sampled")
        for flips, weight in _combinations(chosen, otherwise):
            world = (int(label[chosen[0]]), flips)
            if world not in place:
                place[world] = len(known) + len(more)
                more.append(world)
            weights.append((group, place[world], weight))
    second = outcomes(town, more)
    every = pd.concat([first, second.assign(world=second["world"] + len(known))], ignore_index=True)
    weighed = pd.DataFrame(weights, columns=["group", "world", "weight"])
    touched = groups[["group", "family_id"]].drop_duplicates()
    told = touched.merge(weighed, on="group").merge(every, on=["world", "family_id"])
    told["met"] = told["weight"] * (told["state"] == "met")
    summed = told.groupby(["group", "family_id", "criterion"], as_index=False)[["met", "weight"]].sum()
    summed["probability"] = (summed["met"] / summed["weight"]).clip(0, 1)
    summed["links"] = summed["group"].map({group: links for group, (links, _) in methods.items()})
    summed["method"] = summed["group"].map({group: method for group, (_, method) in methods.items()})
    return summed.merge(tonight, on=["family_id", "criterion"])


def _combinations(links: list[int], otherwise: np.ndarray) -> list[tuple[Flips, float]]:
    """Which links are otherwise, and how probable that is (of a sample: how often it was drawn)."""
    if len(links) > MOST_EXACT:
        random = np.random.default_rng([SEED, *links])
        drawn = random.random((SAMPLES, len(links))) < otherwise[links]
        rows, times = np.unique(drawn, axis=0, return_counts=True)
        return [
            (frozenset(link for link, flip in zip(links, row, strict=True) if flip), float(count))
            for row, count in zip(rows, times, strict=True)
        ]
    found = []
    for row in itertools.product((False, True), repeat=len(links)):
        chances = [otherwise[link] if flip else 1 - otherwise[link] for link, flip in zip(links, row, strict=True)]
        flips = frozenset(link for link, flip in zip(links, row, strict=True) if flip)
        found.append((flips, float(math.prod(chances))))
    return found


__all__ = ["NOT_LOOKED_AT", "FlagDoubt", "flag_doubt"]
