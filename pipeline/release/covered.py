"""Whether an agreement lets something leave: for this purpose, in this form, to this reader. Refused unless
declared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from pipeline.contracts import Agreement, load_agreements, refusal
from pipeline.contracts.shown import load_shown
from pipeline.errors import ReleaseError

DERIVED = "derived"  # of a closed feed: what rests on it, as against its rows


def agreement_covering(
    declarations: Path, agreement_id: str, purpose: str, partners: Sequence[str], on: dt.date,
    *, rows: bool, reader: str,
) -> Agreement:  # fmt: skip
    """The agreement, where it lets this leave on this day. `partners`: whose data it rests on; `rows`: rows of families
    and not counts. Raises ReleaseError with the rule and what to do."""
    agreements = {one.id: one for one in load_agreements(declarations)}
    agreement = agreements.get(agreement_id)
    if agreement is None:
        raise _refused(f"there is no such agreement; there are: {', '.join(agreements)}.", "name one of these.")
    if not agreement.in_force(on):
        raise _refused("this agreement is not in force today.", "export under one that is, or have it renewed.")
    for partner in partners:
        found = refusal([agreement], partner, purpose, on)
        if found is not None:
            raise _refused(
                f"the feed of {partner}: {found.rule}", "state a purpose that the agreement names, or have it changed."
            )
    shown = load_shown(declarations)
    named = [one for one in shown.purposes if one.agreement == agreement_id and one.id == purpose]
    if rows and any(one.aggregates_only for one in named):
        raise _refused(
            "the agreement lets this purpose be served by counts alone.",
            "export a table of counts, or state a purpose that needs rows.",
        )
    for partner in partners:
        if rows and partner in shown.closed and (partner, reader, DERIVED) not in shown.readers:
            raise _refused(
                f"rows rest on the feed of {partner}, which is closed to onward disclosure to this recipient.",
                "export a table of counts; or name as recipient one that the agreement shows it to.",
            )
    return agreement


def _refused(rule: str, remedy: str) -> ReleaseError:
    return ReleaseError(where="export", rule=rule, remedy=remedy)
