"""How well families are formed when persons are linked perfectly: partners' raw files, persons from the truth.

Leaves linkage and the hub out, so that a wrong family is this stage's own. Makes a borough unless one is given:

    python benchmarks/families_from_truth.py --population 20000
    python benchmarks/families_from_truth.py --borough borough      # holding raw/ and truth/

Prints, per shape of the true family (from its members' ages and what is known of them), how many families have
exactly the right members. Members no partner has on record are left out of both sides, as nobody could place them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import pandas as pd

from pipeline.families import form_families

AS_AT = pd.Timestamp("2014-07-31")


def read_borough(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.Series]:
    """PERSONS, RESIDENCE_SPELLS, RELATIONSHIP_SPELLS by true person, and the true family of each person on record."""
    truth = pd.read_csv(folder / "truth" / "people.csv", dtype=str)
    true_person = truth.set_index(["partner", "person_ref"])["true_person_id"].astype("int64")
    families = pd.read_csv(folder / "truth" / "families.csv")
    partners = sorted(path for path in (folder / "raw").iterdir() if path.is_dir())
    people = _tables(partners, "people", true_person, ["person_ref"])
    residences = _tables(partners, "residences", true_person, ["person_ref"])
    relationships = _tables(partners, "relationships", true_person, ["person_ref", "related_person_ref"])

    people["birth_month"] = _days(people["date_of_birth"]).dt.to_period("M").dt.to_timestamp()
    persons = people.groupby("person_id", as_index=False).agg(partners=("partner", "nunique"))
    for column in ("birth_month", "sex"):  # as most records say; ties: the earliest
        votes = people.dropna(subset=[column]).groupby(["person_id", column], as_index=False).size()
        votes = votes.sort_values(["person_id", "size", column], ascending=[True, False, True])
        persons = persons.merge(votes.drop_duplicates("person_id")[["person_id", column]], on="person_id", how="left")

    uprn = pd.to_numeric(residences["uprn"], errors="coerce")
    number = residences["address"].str.extract(r"(\d+[A-Za-z]?)")[0].str.upper()
    address = number + " " + residences["postcode"].str.upper().str.replace(r"\s", "", regex=True)
    address = "a" + address.astype("string")
    place = ("u" + uprn.astype("Int64").astype("string")).fillna(address)
    codes, _ = pd.factorize(pd.concat([place, address]))
    residences["place_id"], residences["address_id"] = codes[: len(place)], codes[len(place) :]
    residences["address_id"] = residences["address_id"].astype("Int64").mask(residences["address_id"] < 0)
    residences["area"] = residences["postcode"].str.upper().str.strip().str.split().str[0]
    residences = residences[residences["place_id"] >= 0]
    for frame in (residences, relationships):
        for column in ("start_date", "end_date"):
            frame[column] = _days(frame[column])
    on_record = families.set_index("true_person_id")["true_family_id"].reindex(persons["person_id"])
    return persons, residences, relationships.rename(columns={"related_id": "related_person_id"}), on_record


def _tables(partners: list[Path], table: str, true_person: pd.Series, refs: list[str]) -> pd.DataFrame:
    frames = []
    for folder in partners:
        if (folder / f"{table}.csv").exists():
            frames.append(pd.read_csv(folder / f"{table}.csv", dtype=str).assign(partner=folder.name))
    frame = pd.concat(frames, ignore_index=True)
    for ref in refs:
        keys = pd.MultiIndex.from_frame(frame[["partner", ref]])
        frame[ref.replace("_ref", "_id")] = true_person.reindex(keys).to_numpy()
    names = [ref.replace("_ref", "_id") for ref in refs]
    return frame.dropna(subset=names).astype(dict.fromkeys(names, "int64"))


def _days(text: pd.Series) -> pd.Series:
    iso = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
    return iso.fillna(pd.to_datetime(text, format="%d/%m/%Y", errors="coerce"))


def shapes(
    persons: pd.DataFrame, residences: pd.DataFrame, relationships: pd.DataFrame, on_record: pd.Series
) -> pd.DataFrame:
    """One row per true family on record, with a column per shape it has (a family may have several)."""
    born = persons.set_index("person_id")["birth_month"]
    people = pd.DataFrame(
        {"family": on_record, "child": born.reindex(on_record.index) > AS_AT - pd.DateOffset(years=18)}
    )
    count = people.groupby("family")["child"].agg(["size", "sum"])
    adults, children = count["size"] - count["sum"], count["sum"]
    family_of = on_record.to_dict()
    here = residences[residences["end_date"].isna()].assign(family=residences["person_id"].map(family_of))
    at = here.groupby("place_id").agg(families=("family", "nunique"), persons=("person_id", "nunique"))
    crowded = set(here.loc[here["place_id"].isin(at.index[at["families"] >= 4]), "family"])
    homes = here.groupby("person_id")["place_id"].nunique()
    several = set(on_record.reindex(homes.index[homes > 1]).dropna())
    moved = set(residences.loc[residences["end_date"].notna(), "person_id"].map(family_of).dropna())
    parental = relationships[relationships["relation"].isin(["parent", "child"])]
    one, two = parental["person_id"].map(family_of), parental["related_person_id"].map(family_of)
    apart = one.notna() & two.notna() & (one != two)
    parents_apart = set(one[apart]) | set(two[apart])
    placeless = set(on_record[~on_record.index.isin(residences["person_id"])])
    no_uprn = set(here.loc[here["uprn"].isna(), "family"])
    ids = count.index
    return pd.DataFrame(
        {
            "all": True,
            "with children": children > 0,
            "one adult": (adults == 1) & (children == 0),
            "two or more adults": (adults > 1) & (children == 0),
            "lone adult with children": (adults == 1) & (children > 0),
            "two adults with children": (adults == 2) & (children > 0),
            "three or more adults with children": (adults > 2) & (children > 0),
            "only children on record": (adults == 0) & (children > 0),
            "a place of four families or more (hostel, HMO)": ids.isin(crowded),
            "somebody held at two places": ids.isin(several),
            "moved, as some partner knows": ids.isin(moved),
            "a parent or child elsewhere": ids.isin(parents_apart),
            "somebody without any address": ids.isin(placeless),
            "an address without UPRN": ids.isin(no_uprn),
        },
        index=ids,
    )


def exactly_right(members: pd.DataFrame, on_record: pd.Series) -> pd.Series:
    """Per true family: whether one formed family holds its members on record and nobody else."""
    own = members[members["role"].isin(["adult", "child"])].set_index("person_id")["family_id"]
    both = pd.DataFrame({"true": on_record, "formed": own.reindex(on_record.index)})
    both["homes"] = both.groupby("true")["formed"].transform("nunique")
    both["mixed"] = both.groupby("formed")["true"].transform("nunique")
    return ((both["homes"] == 1) & (both["mixed"] == 1)).groupby(both["true"]).all()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--population", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=2012)
    parser.add_argument("--borough", type=Path, help="a folder with raw/ and truth/; made if not given")
    parser.add_argument("--rows-apart", action="store_true", help="an address without UPRN is a place of its own")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.borough
        if folder is None:
            from pipeline.settings import PROJECT
            from pipeline.synthetic.borough import synthesise

            folder = Path(temporary)
            synthesise(chosen.population, chosen.seed, folder, declarations=PROJECT / "schemas")
        persons, residences, relationships, on_record = read_borough(folder)
    if chosen.rows_apart:
        residences = residences.drop(columns="address_id")
    started = time.perf_counter()
    nobody = pd.DataFrame({"family_id": [], "person_id": []}, dtype="int64")
    result = form_families(persons, residences, relationships, AS_AT, nobody)
    seconds = time.perf_counter() - started
    right = exactly_right(result.members, on_record)
    table = shapes(persons, residences, relationships, on_record)
    print(
        f"{len(persons):,} persons on record, {len(right):,} true families, "
        f"{len(result.families):,} formed in {seconds:.1f} s"
    )
    print(f"{'shape of the true family':<50}{'families':>10}{'exactly right':>15}")
    for name in table:
        chosen_rows = right[table[name].astype(bool)]
        share = f"{chosen_rows.mean():.1%}" if len(chosen_rows) else "-"
        print(f"{name:<50}{len(chosen_rows):>10,}{share:>15}")


if __name__ == "__main__":
    main()
