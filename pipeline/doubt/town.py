"""Other worlds of a few neighbourhoods: records put together otherwise, families formed and criteria evaluated anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.criteria import Pack, evaluate
from pipeline.doubt.links import Doubtful
from pipeline.families import by_person, persons_frame
from pipeline.families.form import form_as_at, plain
from pipeline.families.household import components
from pipeline.families.identity import match_groups
from pipeline.families.neighbourhood import chunks, neighbourhoods
from pipeline.families.residence import prepared
from pipeline.families.worlds import MOST_PLACES

RECORDS_AT_ONCE = 400_000
NOT_LOOKED_AT = "not_looked_at"
SELECTED = "selected"
OWN = ("adult", "child")
Flips = frozenset[int]


@dataclass(frozen=True)
class Town:
    """Everything by record that worlds are made of, and the pack. `neighbourhood`: of each record of `doubtful`."""

    doubtful: Doubtful
    neighbourhood: pd.Series
    attributes: pd.DataFrame
    residences: pd.DataFrame
    relationships: pd.DataFrame
    facts: pd.DataFrame
    coverage: pd.DataFrame
    identifiers: pd.DataFrame
    members: pd.DataFrame
    pack: Pack
    as_at: pd.Timestamp


def make_town(
    doubtful: Doubtful,
    members: pd.DataFrame,
    attributes: pd.DataFrame,
    residences: pd.DataFrame,
    relationships: pd.DataFrame,
    facts: pd.DataFrame,
    coverage: pd.DataFrame,
    identifiers: pd.DataFrame,
    pack: Pack,
    as_at: pd.Timestamp,
) -> Town:
    """The records of every neighbourhood with a doubtful link; all else cannot change."""
    spells = prepared(plain(residences), as_at)
    ties = plain(relationships)
    map_ = doubtful.parts[["record_id", "person_id"]]
    held = spells[spells["end_date"].isna() | (spells["end_date"] >= as_at)]
    links = doubtful.links[["record_a", "record_b"]].set_axis(["record_id", "related_record_id"], axis=1)
    index = pd.Index(np.sort(map_["person_id"].unique()))
    label = neighbourhoods(
        index,
        by_person(held[["record_id", "place_id"]], map_),
        by_person(pd.concat([ties[["record_id", "related_record_id"]], links]), map_),
    )
    of = pd.Series(label[index.get_indexer(pd.Index(map_["person_id"]))], index=map_["record_id"].to_numpy())
    wanted = of[of.isin(of.reindex(doubtful.links["record_a"]))]

    def near(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(frame[frame["record_id"].isin(wanted.index)])

    now = members[members["role"].isin(OWN) & members["end_date"].isna()]
    return Town(
        doubtful, wanted, near(attributes), near(spells), near(ties), near(facts), coverage, near(identifiers),
        now[["person_id", "family_id"]], pack, as_at,
    )  # fmt: skip


def outcomes(town: Town, worlds: list[tuple[int, Flips]]) -> pd.DataFrame:
    """How tonight's families would stand in each world: world (place in the list), family_id, criterion, state,
    evidence_from (partners, a set). A world that cannot be (two of what a person has one of) has no rows.

    A world is a neighbourhood and the links that are otherwise in it. A family is in a world what the group is that
    holds most of its records.
    """
    sizes = pd.Series([label for label, _ in worlds]).map(town.neighbourhood.value_counts())
    found = [_pass(town, worlds[part], part.start) for part in chunks(sizes, RECORDS_AT_ONCE)]
    columns = ["world", "family_id", "criterion", "state"]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)


def _pass(town: Town, worlds: list[tuple[int, Flips]], first: int) -> pd.DataFrame:
    records = _records_of(town, worlds)
    records = records[~records["world"].isin(_impossible(town, records))]
    copies = records[["copy", "person_copy"]].set_axis(["record_id", "person_id"], axis=1)

    def copied(frame: pd.DataFrame) -> pd.DataFrame:
        out = records[["world", "record_id", "copy"]].merge(frame, on="record_id")
        if "related_record_id" in out:
            ends = records[["world", "record_id", "copy"]].set_axis(["world", "related_record_id", "related"], axis=1)
            out = out.merge(ends, on=["world", "related_record_id"])
            out["related_record_id"] = out.pop("related")
        if "place_id" in out:
            out["place_id"] = out["world"] * MOST_PLACES + out["place_id"]
        return out.assign(record_id=out["copy"]).drop(columns=["world", "copy"])

    persons = persons_frame(copied(town.attributes), copies)
    residences = by_person(copied(town.residences), copies)
    formed = form_as_at(persons, residences, by_person(copied(town.relationships), copies), town.as_at)
    evidence = by_person(copied(town.facts), copies)
    judged = evaluate(formed.families, formed.members, persons, evidence, town.coverage, town.pack, town.as_at)
    return _as_tonight(town, records, formed.members, judged).assign(world=lambda rows: rows["world"] + first)


def _records_of(town: Town, worlds: list[tuple[int, Flips]]) -> pd.DataFrame:
    """One row per world and record: world, record_id, copy, person_copy (who the record is there)."""
    parts = town.doubtful.parts
    parts = parts[parts["record_id"].isin(town.neighbourhood.index)]
    parts = parts.assign(neighbourhood=town.neighbourhood.reindex(parts["record_id"]).to_numpy())
    listed = pd.DataFrame({"world": range(len(worlds)), "neighbourhood": [label for label, _ in worlds]})
    records = listed.merge(parts, on="neighbourhood").sort_values(["world", "record_id"], ignore_index=True)
    node = records.groupby(["world", "part"]).ngroup().to_numpy()

    links = town.doubtful.links
    links = links.assign(neighbourhood=town.neighbourhood.reindex(links["record_a"]).to_numpy())
    edges = listed.merge(links, on="neighbourhood")
    otherwise = [link in worlds[world][1] for world, link in zip(edges["world"], edges["link"], strict=True)]
    edges = edges[edges["linked"].to_numpy(dtype=bool) ^ np.array(otherwise, dtype=bool)]
    node_of = records.assign(node=node).drop_duplicates(["world", "part"]).set_index(["world", "part"])["node"]
    ends = [node_of.reindex(pd.MultiIndex.from_frame(edges[["world", part]])).to_numpy(dtype=np.int64)
            for part in ("part_a", "part_b")]  # fmt: skip
    person = components(ends[0], ends[1], int(node.max(initial=-1)) + 1)
    return records.assign(copy=np.arange(len(records)), person_copy=person[node])


def _impossible(town: Town, records: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Worlds in which somebody has two different values of what a person has one of."""
    held = records[["world", "record_id", "person_copy"]].merge(town.identifiers, on="record_id")
    broken = [np.zeros(0, dtype=np.int64)]
    for name in town.identifiers.columns.drop("record_id"):
        known = held[held[name] >= 0]
        several = known.groupby(["world", "person_copy"])[name].nunique() > 1
        broken.append(several.index.get_level_values("world")[several].to_numpy(dtype=np.int64))
    return np.unique(np.concatenate(broken))


def _as_tonight(town: Town, records: pd.DataFrame, members: pd.DataFrame, judged: object) -> pd.DataFrame:
    results, selection = judged.results, judged.selection  # type: ignore[attr-defined]
    states = pd.concat(
        [
            results[["family_id", "criterion", "state"]],
            pd.DataFrame({"family_id": selection["family_id"], "criterion": SELECTED}).assign(
                state=np.where(selection["selected"], "met", "not_met")
            ),
        ]
    ).rename(columns={"family_id": "group"})
    own = members.loc[members["role"].isin(OWN), ["person_id", "family_id"]].set_index("person_id")["family_id"]
    rows = records[["world", "person_id", "person_copy"]].merge(town.members, on="person_id")
    rows["group"] = own.reindex(rows["person_copy"]).to_numpy()
    overlap = rows.groupby(["world", "family_id", "group"], as_index=False).size()
    overlap = overlap.sort_values(["size", "family_id", "group"], ascending=[False, True, True])
    overlap["number"] = overlap.groupby(["world", "family_id"]).ngroup()
    matched = match_groups(overlap[["group", "number"]].rename(columns={"number": "family_id"}))
    there = overlap[["world", "family_id", "number"]].drop_duplicates()
    group_of = pd.Series(matched.index.to_numpy(), index=matched.to_numpy())
    there["group"] = group_of.reindex(there["number"]).to_numpy()
    names = [*(criterion.id for criterion in town.pack.criteria), SELECTED]
    every = there.merge(pd.DataFrame({"criterion": names}), how="cross")
    every = every.merge(states, on=["group", "criterion"], how="left")
    return every.assign(state=every["state"].fillna(NOT_LOOKED_AT))[["world", "family_id", "criterion", "state"]]
