"""clkhash and anonlink: one CLK of 1,024 bits a record, Dice between all records, greedy or connected clusters.

Bits per field as in anonlink-client's tutorial for FEBRL 4: 200 for names and date of birth, 100 for the rest.
"""

from __future__ import annotations

import secrets
from array import array
from pathlib import Path

import anonlink
import pandas as pd
from clkhash import clk
from clkhash.comparators import ExactComparison, NgramComparison
from clkhash.field_formats import BitsPerFeatureStrategy, FieldHashingProperties, MissingValueSpec, StringSpec
from clkhash.schema import Schema
from common import Case, Stopwatch, connected, main

CLK_BITS = 1024
# 0.8 suits two registers taken one to one; one register against itself chains everybody together there, and its F1 is
# best at about 0.87 (four choices of fields tried).
THRESHOLD, THRESHOLD_ALONE = 0.8, 0.87
LOWEST = 0.7
NEAREST = 40  # candidates kept per record and pair of datasets
NOT_SIMILAR = ("sex",)
# Not in a CLK of names and addresses: identifiers and occupations, which are mostly missing; F1 gains without them.
LEFT_OUT = ("occupation", "soc_sec_id", "nino", "nhs_number", "upn", "pnc_id", "uprn")


def schema_of(case: Case) -> tuple[Schema, list[str]]:
    """The schema and the fields in its order."""
    names = [name for name in case.fields if name not in LEFT_OUT]
    fields = []
    for name in names:
        kind = case.fields[name]["normalise"]
        if name in NOT_SIMILAR:
            comparator, bits = ExactComparison(), 50
        elif kind == "name":
            comparator, bits = NgramComparison(2), 200
        elif kind.startswith("date"):
            comparator, bits = NgramComparison(1, True), 200
        elif name in ("street_number", "postcode"):
            comparator, bits = NgramComparison(1, True), 100
        else:
            comparator, bits = NgramComparison(2), 100
        hashing = FieldHashingProperties(
            comparator=comparator, strategy=BitsPerFeatureStrategy(bits), missing_value=MissingValueSpec(sentinel="")
        )
        fields.append(StringSpec(name, hashing))
    return Schema(fields, CLK_BITS), names


def encoded(case: Case, people: pd.DataFrame) -> list:
    schema, names = schema_of(case)
    rows = people[names].fillna("").to_numpy().tolist()
    return clk.generate_clks(rows, schema, secrets.token_hex(16), validate=False)


def link(case: Case, out: Path) -> dict:
    watch = Stopwatch()
    people = case.clear()
    watch.lap("read")
    clks = encoded(case, people)
    watch.lap("encode")
    records = people["record"].tolist()
    sources = people["source"].tolist()
    dice = anonlink.similarities.dice_coefficient
    if len(case.sources) > 1:  # registers beside each other: what anonlink is made for
        rows = [[row for row, source in enumerate(sources) if source == name] for name in case.sources]
        datasets = [[clks[row] for row in part] for part in rows]
        found = anonlink.candidate_generation.find_candidate_pairs(datasets, dice, LOWEST, k=NEAREST)
        similarity, (set_a, set_b), (row_a, row_b) = found
        a = [records[rows[s][r]] for s, r in zip(set_a, row_a, strict=True)]
        b = [records[rows[s][r]] for s, r in zip(set_b, row_b, strict=True)]
    else:  # one register against itself; its solver knows no such thing, so clusters are connected components
        found = anonlink.candidate_generation.find_candidate_pairs([clks, clks], dice, LOWEST, k=NEAREST)
        similarity, _, (row_a, row_b) = found
        a, b = [records[r] for r in row_a], [records[r] for r in row_b]
    pairs = pd.DataFrame({"a": a, "b": b, "score": similarity})
    pairs = pairs[pairs["a"] != pairs["b"]]
    if len(case.sources) == 1:
        pairs = pairs[pairs["a"] < pairs["b"]].drop_duplicates(["a", "b"])
    watch.lap("compare")
    if len(case.sources) > 1:
        above = [place for place, score in enumerate(similarity) if score >= THRESHOLD]
        kept = (
            array("d", (similarity[p] for p in above)),
            (array("I", (set_a[p] for p in above)), array("I", (set_b[p] for p in above))),
            (array("I", (row_a[p] for p in above)), array("I", (row_b[p] for p in above))),
        )
        groups = anonlink.solving.greedy_solve(kept)
        label = {records[rows[s][r]]: number for number, group in enumerate(groups) for s, r in group}
        alone = len(label)
        labels = [label.get(record, alone + place) for place, record in enumerate(records)]
        clusters = pd.DataFrame({"record": records, "cluster": labels})
    else:
        clusters = connected(people["record"], pairs[pairs["score"] >= THRESHOLD_ALONE])
    clusters.to_parquet(out / "clusters.parquet")
    watch.lap("cluster")
    pairs.to_parquet(out / "pairs.parquet")
    threshold = THRESHOLD if len(case.sources) > 1 else THRESHOLD_ALONE
    return {"seconds": watch.seconds, "threshold": threshold, "encoded_per_second": len(clks) / watch.seconds["encode"]}


def blocking(_: Case) -> float:
    """Every record is compared with every other."""
    return 1.0


if __name__ == "__main__":
    main(link, blocking)
