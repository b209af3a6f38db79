"""Are answers to "why is this family here" complete and minimal, and how fast? Judged by the evaluator itself.

    .venv/bin/python benchmarks/why.py --home HOME [--packs PACK …] [--families 1000]

Reads the published night of an installation. For every pack, families that it selects are explained; then the evidence
of the whole place is judged again by `criteria.evaluate` on full frames, not by the worlds in which the answer was
found:

- complete: with the cited rows alone (and none of the other rows of the family) it is still selected;
- minimal: for each cited row, removed from everything: the family is no longer selected, or the answer names what
  would stand in, and with that removed as well the family is not selected.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from measuring import machine

from pipeline import families as forming
from pipeline import nightly
from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.criteria import Pack, evaluate, load_pack
from pipeline.settings import read_settings
from pipeline.store.bulk import read_frame
from pipeline.store.database import Database, open_database
from pipeline.why import Explainer, explainer, support_of
from pipeline.why.minimal import Support

PACKS = ["troubled-families-2012", "troubled-families-2015", "supporting-families-2022"]


class Place:
    """The published night as frames: families, members, persons, evidence by person."""

    def __init__(self, database: Database) -> None:
        facts = nightly.read_evidence_inputs(database)
        with database.adbc() as connection:

            def frame(sql: str) -> pd.DataFrame:
                return pd.DataFrame(read_frame(connection, sql).to_pandas(date_as_object=False))

            persons = frame("select record_id, person_id from evidence.person order by record_id")
            self.families = frame("select * from publication.family order by family_id")
            self.members = frame("select * from publication.family_member order by family_id, person_id")
        self.persons = forming.persons_frame(facts.attributes, persons)
        self.evidence = forming.by_person(facts.facts, persons)

    def selected(self, pack: Pack, coverage: pd.DataFrame, as_at: pd.Timestamp, gone: set[int]) -> set[int]:
        evidence = self.evidence[~self.evidence["evidence_id"].isin(gone)] if gone else self.evidence
        judged = evaluate(self.families, self.members, self.persons, evidence, coverage, pack, as_at).selection
        return set(judged.loc[judged["selected"], "family_id"])


def judge(
    place: Place, asked: Explainer, pack: Pack, supports: dict[int, tuple[Support, set[int]]]
) -> tuple[int, int, int]:
    """How many of the answers are complete, how many minimal, and how many cited rows were taken away in turn."""
    as_at = pd.Timestamp(asked.run["as_at"])

    def selected(gone: set[int]) -> set[int]:
        return place.selected(pack, asked.coverage, as_at, gone)

    spare = {row for support, rows in supports.values() for row in rows - set(support.rows)}
    complete = selected(spare) & set(supports)
    minimal, rows = set(supports), 0
    for turn in range(max(len(support.rows) for support, _ in supports.values())):
        turned = {family: support.rows[turn] for family, (support, _) in supports.items() if turn < len(support.rows)}
        rows += len(turned)
        still = selected(set(turned.values()))
        silent = {family for family, row in turned.items() if family in still and not supports[family][0].instead[row]}
        instead = {one for family, row in turned.items() for one in supports[family][0].instead[row]}
        outlives = selected(set(turned.values()) | instead) & set(turned)
        minimal -= silent | outlives
    return len(complete), len(minimal), rows


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--home", type=Path, required=True)
    arguments.add_argument("--packs", nargs="*", default=PACKS)
    arguments.add_argument("--families", type=int, default=1000, help="at most so many per pack")
    arguments.add_argument("--answers", type=int, default=200, help="how many whole answers to time")
    given = arguments.parse_args()
    settings = read_settings(given.home)
    print(machine())
    vocabulary = load_vocabulary(settings.declarations)
    contracts = load_contracts(settings.declarations, vocabulary)
    produced = frozenset().union(*(contract.evidence_kinds() for contract in contracts.values()))
    with open_database(settings) as database:
        started = time.perf_counter()
        with explainer(settings, database) as asked:
            ready = time.perf_counter() - started
            place = Place(database) if given.packs else None
            for name in given.packs if place else ():
                pack = load_pack(settings.declarations / "criteria" / f"{name}.yaml", vocabulary, produced=produced)
                chosen = sorted(place.selected(pack, asked.coverage, pd.Timestamp(asked.run["as_at"]), set()))
                supports = {}
                asked.pack = pack
                for family in np.random.default_rng(1).permutation(chosen)[: given.families]:
                    case = asked.case(int(family))
                    assert case is not None
                    support = support_of(replace(case, pack=pack))
                    if support is not None:
                        supports[int(family)] = (support, set(case.rows))
                complete, minimal, rows = judge(place, asked, pack, supports)
                tried = min(len(chosen), given.families)
                print(json.dumps({
                    "pack": name, "selected": len(chosen), "explained": tried, "answered": len(supports),
                    "complete": complete, "minimal": minimal, "rows removed in turn": rows,
                }))  # fmt: skip
        with explainer(settings, database) as asked:
            with database.connect() as connection:
                found = connection.execute(
                    "select family_id, selected from publication.statement where until_run is null and pack = %s"
                    " order by family_id", (asked.pack.id,)
                ).fetchall()  # fmt: skip
            for wanted in (True, False):
                ids = [family for family, selected in found if selected == wanted]
                times, used = [], []
                for family in np.random.default_rng(2).permutation(ids)[: given.answers]:
                    started, before = time.perf_counter(), time.process_time()
                    asked.explain(int(family))
                    times.append(time.perf_counter() - started)
                    used.append(time.process_time() - before)  # a busy machine does not lengthen it
                told = dict(zip(("p50", "p95", "p99"), np.round(np.quantile(times, [0.5, 0.95, 0.99]), 3), strict=True))
                told["p95, CPU of this process"] = round(float(np.quantile(used, 0.95)), 3)
                print(json.dumps({"answers": "why" if wanted else "why not", "asked": len(times), "seconds": told}))
    print(json.dumps({"seconds to read the declarations, once": round(ready, 2)}))


if __name__ == "__main__":
    main()
