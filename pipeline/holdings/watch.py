"""What the governance night watches: agreements that end, silent partners, what is held and covered by none."""

from __future__ import annotations

import datetime as dt

from pipeline.contracts import load_agreements, load_contracts, load_vocabulary
from pipeline.contracts.agreement import ending, in_words
from pipeline.holdings.coverage import find_uncovered
from pipeline.ingest.lateness import late_partners
from pipeline.notices import Notice
from pipeline.settings import Settings
from pipeline.store.database import Database

EXPIRING, UNCOVERED = "agreement-expiring", "agreement-changed"
TOLD_AT = (31, 14, 7, 3, 2, 1, 0)  # days left on which a notice goes out; afterwards every Monday


def agreement_notices(settings: Settings, now: dt.datetime) -> list[Notice]:
    """The notices about agreements that end: a month before, then nearer and nearer, and weekly once they have."""
    today = now.date()
    found = []
    for one in ending(load_agreements(settings.declarations), today):
        days = one.days_left(today)
        if days in TOLD_AT or (days < 0 and today.weekday() == 0):
            told = in_words(one, today).capitalize()
            text = f"{told} What to do: renew it, and put the renewed one into schemas/agreements."
            found.append(Notice(EXPIRING, f"agreement {one.id}", text, now))
    return found


def open_alerts(settings: Settings, database: Database, today: dt.date) -> list[list[str]]:
    """What somebody should look at now: when, what, text."""
    contracts = load_contracts(settings.declarations, load_vocabulary(settings.declarations))
    found = [
        [str(today), EXPIRING, in_words(one, today)] for one in ending(load_agreements(settings.declarations), today)
    ]
    found += [
        [str(today), UNCOVERED, f"{one.rows} rows or cells of {one.partner} are held and covered by no agreement."]
        for one in find_uncovered(settings, database, today)
    ]
    with database.connect() as connection:
        found += [[str(today), "feed-late", str(late)] for late in late_partners(connection, contracts, today)]
    path = settings.airflow / "logs" / "alerts.log"
    lines = path.read_text(encoding="utf-8").splitlines()[-100:] if path.exists() else []
    return found + [[line.partition("\t")[0], "alert", line.partition("\t")[2]] for line in lines]
