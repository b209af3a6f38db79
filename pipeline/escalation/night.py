"""One night's escalation: who is watched, against whom, what has risen. Pure: frames in, what to write out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.escalation.alert import Rising, find_rising
from pipeline.escalation.contacts import count_contacts, monthly_rows
from pipeline.escalation.declared import Escalation
from pipeline.records import CriteriaResult
from pipeline.spans import own_members

Ints = npt.NDArray[np.int64]
SELECTED, MEETING_ONE = "selected families", "families that meet a criterion"


@dataclass(frozen=True)
class Watched:
    """Ids of families: the selected, and those that meet a criterion (peers, where few are selected)."""

    selected: Ints
    meeting_one: Ints

    @classmethod
    def of(cls, evaluated: CriteriaResult) -> Watched:
        """Of what the criteria say tonight."""
        chosen = evaluated.selection["selected"].to_numpy(dtype=bool)
        met = (evaluated.results["state"] == "met").to_numpy(dtype=bool)
        return cls(_ids(evaluated.selection["family_id"][chosen]), _ids(evaluated.results["family_id"][met]))


@dataclass(frozen=True)
class Night:
    """What to write. `watched`: number of families tested; `peers`: whom they are held against; `monthly`: contact days
    of the watched by agency and month (rows of `contacts.monthly_rows`)."""

    as_at: pd.Timestamp
    watched: int
    peers: str
    rising: Rising
    monthly: pd.DataFrame


def work_out(
    declared: Escalation,
    watched: Watched,
    members: pd.DataFrame,
    evidence: pd.DataFrame,
    coverage: pd.DataFrame,
    as_at: pd.Timestamp,
) -> Night:
    """Test the selected families; the same facts give the same night.

    With fewer selected than the smallest peer group they are held against those that meet a criterion too. `members`:
    MEMBERS; today's family counts in every month, so that somebody's coming or going is no rise. `evidence`: person_id,
    kind, start_date, partner. `coverage`: partner, kind, since, fresh.
    """
    against, peers = SELECTED, watched.selected
    if len(peers) < declared.test.smallest_peer_group:
        against, peers = MEETING_ONE, np.union1d(watched.selected, watched.meeting_one)
    contacts = count_contacts(
        evidence,
        own_members(members, as_at),
        peers,
        covered_from(coverage),
        declared,
        as_at,
        declared.test.months,
    )
    monthly = monthly_rows(contacts)
    return Night(
        as_at=as_at,
        watched=len(watched.selected),
        peers=against,
        rising=find_rising(contacts, watched.selected, declared.test, peers),
        monthly=monthly[monthly["family_id"].isin(watched.selected)],
    )


def covered_from(coverage: pd.DataFrame) -> dict[str, pd.Timestamp]:
    """By kind of evidence, the first day that all its feeds cover: of kinds whose feeds are all fresh."""
    known = coverage[coverage["since"].notna()]
    fresh = known.groupby("kind")["fresh"].all()
    fed = known[known["kind"].map(fresh).astype(bool)]
    started = pd.to_datetime(fed["since"]).groupby(fed["kind"]).max()
    return {str(kind): pd.Timestamp(first) for kind, first in started.items()}


def _ids(families: pd.Series) -> Ints:
    return np.unique(families.to_numpy(dtype=np.int64))
