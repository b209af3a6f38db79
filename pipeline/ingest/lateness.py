"""Who has delivered nothing for too long, by today's date: also when every partner has stopped, and nothing else fails.

What the data cover is another matter (registry.freshness, against a build's as-at date): a build that looks back, or
whose as-at date stays where the last delivery left it, finds every feed fresh for ever.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from pipeline.contracts import Contract
from pipeline.errors import LatenessError

LAST_ACCEPTED = """
    select p.partner, max(d.decided_at) from registry.partner p
    left join registry.delivery d on d.partner = p.partner
        and d.state in ('accepted', 'accepted_with_quarantine', 'superseded')
    group by p.partner
"""


@dataclass(frozen=True)
class Late:
    """A partner whose last accepted delivery is more than `allowed` days old; `days` is None when it never had one."""

    partner: str
    name: str
    last: dt.date | None
    days: int | None
    allowed: int

    def __str__(self) -> str:
        if self.last is None:
            return f"{self.name} ({self.partner}) has delivered, but none of it stands: rejected, or withdrawn."
        return (
            f"{self.name} ({self.partner}) has had nothing taken in since {self.last}: {self.days} days; "
            f"its contract allows {self.allowed}."
        )


def late_partners(connection: psycopg.Connection[Any], contracts: Mapping[str, Contract], today: dt.date) -> list[Late]:
    """The partners that are late today, by name. One that has never sent anything is not: its feed has not begun."""
    found = []
    for partner, decided_at in connection.execute(LAST_ACCEPTED).fetchall():
        contract = contracts.get(partner)
        if contract is None:  # its contract has ended
            continue
        last = decided_at.astimezone(dt.UTC).date() if decided_at else None
        days = (today - last).days if last else None
        if days is None or days > contract.freshness_days:
            found.append(Late(partner, contract.name, last, days, contract.freshness_days))
    return sorted(found, key=lambda late: late.partner)


def lateness_error(late: Iterable[Late]) -> LatenessError:
    """The error that says who is late."""
    partners = list(late)
    return LatenessError(
        where=f"deliveries of {', '.join(one.partner for one in partners)}",
        rule=" ".join(map(str, partners)),
        remedy="see whether the landing folder can be reached, and ask the partner's data officer what was sent last "
        "(`wholefamily sent` there). Builds go on with the last good data.",
    )
