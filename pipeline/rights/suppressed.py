"""Whose rows an ingest leaves out: people who were erased, and people whose data are restricted.

Read from the ledger outside the database, so that a restored backup cannot bring them back in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.rights.ledger import ENDS_RESTRICTION, ERASE, RESTRICT, Act, read_ledger
from pipeline.rights.tags import Tagger, load_tagger
from pipeline.settings import Settings


@dataclass(frozen=True)
class Suppressed:
    """The tags of one partner's records that are not loaded; nobody's, where none is given."""

    partner: str = ""
    erased: frozenset[bytes] = frozenset()
    restricted: frozenset[bytes] = frozenset()
    tagger: Tagger | None = field(default=None, repr=False)

    def of(self, person_refs: Iterable[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Of these pseudonyms (16 bytes): those that were erased, and those that are restricted."""
        if self.tagger is None:
            return [], []
        found = self.tagger.among(self.partner, person_refs, self.erased | self.restricted)
        gone = set(self.tagger.among(self.partner, found, self.erased))
        return sorted(gone), sorted(set(found) - gone)


NOBODY = Suppressed()


def load_suppressed(settings: Settings, partner: str) -> Suppressed:
    """As the ledger stands now. Raises StoreError, or KeyMaterialError where its secret is gone."""
    acts = read_ledger(settings)
    erased = frozenset(bytes.fromhex(tag) for act in acts if act.act == ERASE for of, tag in act.tags if of == partner)
    restricted = frozenset(tag for of, tag in restricted_tags(acts) if of == partner) - erased
    if not erased and not restricted:
        return Suppressed(partner)
    return Suppressed(partner, erased, restricted, load_tagger(settings, needed=True))


def restricted_tags(acts: Iterable[Act]) -> set[tuple[str, bytes]]:
    """(partner, tag) of every record that some request restricts now."""
    standing: dict[str, set[tuple[str, bytes]]] = {}
    for act in acts:
        if act.act == RESTRICT:
            standing[act.request] = {(partner, bytes.fromhex(tag)) for partner, tag in act.tags}
        elif act.act in ENDS_RESTRICTION:
            standing.pop(act.request, None)
    return set().union(*standing.values()) if standing else set()
