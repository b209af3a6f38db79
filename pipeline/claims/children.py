"""Every school-age child within the limits: exclusions and absence over the last school terms. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from pipeline.claims import measure
from pipeline.claims.declared import Limit, ResultTest
from pipeline.spans import Mask, Span

# The last so many school terms begun on or before a day: (code, first day), in order; empty when not known.
LastTerms = Callable[[pd.Timestamp, int], Sequence[tuple[str, pd.Timestamp]]]


def school_children(
    test: ResultTest, people: pd.DataFrame, facts: pd.DataFrame, last_terms: LastTerms, day: pd.Timestamp
) -> tuple[pd.DataFrame, bool, pd.DataFrame]:
    """One row per case and school-age child: over (a limit is broken), silent (no school sessions on record); whether
    the terms are known; and the evidence looked at."""
    children = measure.of_ages(people, test.ages, day)[["case_id", "person_id"]].copy()
    terms = list(last_terms(day, test.terms))
    if not terms:
        return children.assign(over=False, silent=True), False, facts.iloc[:0]
    window, codes = Span(terms[0][1], day), [code for code, _ in terms]
    over = np.zeros(len(children), dtype=bool)
    silent = np.zeros(len(children), dtype=bool)
    looked_at = []
    keys = pd.MultiIndex.from_frame(children)
    for limit in test.limits:
        rows = facts[facts["kind"].isin(limit.kinds)]
        rows = rows[pd.MultiIndex.from_frame(rows[["case_id", "person_id"]]).isin(keys)]
        if limit.measure == "count":
            rows = rows[window.begins_in(rows["start_date"])]
            amount = measure.distinct(rows, "person").groupby(["case_id", "person_id"]).size()
            broken = amount.reindex(keys).fillna(0).to_numpy() >= limit.under
        else:
            rows = rows[rows["code"].isin(codes) & (rows["start_date"] <= window.last)]
            broken, unsaid = _rates(limit, rows, keys, day)
            silent |= unsaid
        over |= broken
        looked_at.append(rows)
    on_record = measure.of_ages(people, (test.on_record_from, test.ages[1]), day)[["case_id", "person_id"]]
    expected = keys.isin(pd.MultiIndex.from_frame(on_record))  # the youngest may not have been at school for so long
    return children.assign(over=over, silent=silent & ~over & expected), True, pd.concat(looked_at)


def _rates(limit: Limit, rows: pd.DataFrame, keys: pd.MultiIndex, day: pd.Timestamp) -> tuple[Mask, Mask]:
    """Whether each child's share of sessions is at the limit or over it; and whether no session is on record."""
    child = ["case_id", "person_id"]
    once = rows.drop_duplicates([*child, "kind", "code", "start_date", "quantity", "out_of"])
    missed = once.groupby(child)["quantity"].sum().reindex(keys).fillna(0).to_numpy(dtype=np.float64)
    # Two kinds of absence tell of the same sessions: possible ones count once.
    sessions = once.drop_duplicates([*child, "code", "start_date", "out_of"])
    possible = sessions.groupby(child)["out_of"].sum().reindex(keys).fillna(0).to_numpy(dtype=np.float64)
    share = np.divide(missed, possible, out=np.zeros(len(keys)), where=possible > 0)
    return (possible > 0) & (share >= limit.on(day.date())), possible <= 0
