"""What a build writes of rights: which families rest on contested rows, and how far back what is held is shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from pipeline.contracts import Agreement, Contract, Vocabulary
from pipeline.contracts.agreement import agreement_for
from pipeline.rights.months import add_months

CONTESTED = "contested"


def record(
    connection: psycopg.Connection[Any],
    as_at: dt.date,
    agreements: Iterable[Agreement],
    contracts: Mapping[str, Contract],
    vocabulary: Vocabulary,
) -> None:
    """Bring both up to a build, in the publishing transaction.

    Shown is what the agreement of the day says (`retention.shown`), counted back from the day the build speaks of; what
    decides a flag is shown with the flag, however old. A family whose flag rests on a contested row goes to review.
    """
    connection.execute("delete from publication.display_limit")
    standing = tuple(agreements)
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into publication.display_limit values (%s, %s, %s, %s)",
            [
                (partner, kind, vocabulary.kind(kind).spell, add_months(as_at, -agreement.shown_months))
                for partner, contract in contracts.items()
                if (agreement := agreement_for(standing, partner, dt.date.today())) and agreement.shown_months
                for kind in sorted(contract.evidence_kinds())
            ],
        )
    connection.execute(
        """
        update publication.family set to_review = true, review_reason = concat_ws(',', review_reason, %s::text)
        where family_id in (
            select decides.family_id from rights.contest c
            join evidence.fact f on (f.record_id, f.delivery_id, f.table_name, f.row_number)
                                  = (c.record_id, c.delivery_id, c.table_name, c.row_number)
            join publication.criterion_evidence decides using (evidence_id)
            where c.state = 'open')
        """,
        (CONTESTED,),
    )
