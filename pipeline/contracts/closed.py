"""What the agreements close to onward disclosure (DWP's feed, by law): whose feeds, and which kinds of evidence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.contracts.agreement import load_agreements
from pipeline.contracts.evidence import Vocabulary
from pipeline.contracts.loading import load_contracts
from pipeline.records import NOMINATIONS


@dataclass(frozen=True)
class Closed:
    """Partners whose feed is closed, the kinds of evidence they send, and whether one of them nominates.

    What looks at such a kind rests on it in every state: "not met" and "none" say that the partner holds nothing.
    """

    partners: frozenset[str]
    kinds: frozenset[str]
    nominates: bool


def load_closed(declarations: Path, vocabulary: Vocabulary) -> Closed:
    """What the agreements close, by the contracts of the partners named. Raises DeclarationError."""
    contracts = load_contracts(declarations, vocabulary)
    feeds = [feed for agreement in load_agreements(declarations) for feed in agreement.feeds.values()]
    closed = {feed.partner for feed in feeds if feed.onward_blocked and feed.partner in contracts}
    return Closed(
        partners=frozenset(closed),
        kinds=frozenset().union(*(contracts[partner].evidence_kinds() for partner in closed)),
        nominates=any(table.name == NOMINATIONS for partner in closed for table in contracts[partner].tables),
    )
