"""Who is late by today's date; and what an ingest tells when some is taken in and some rejected."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.errors import DeliveryError
from pipeline.ingest import ingest_partner, take_in
from pipeline.ingest.lateness import late_partners, lateness_error
from pipeline.reports.facts import LATE
from pipeline.reports.quarantined import quarantine_table, read_quarantined
from pipeline.store.database import Database
from pipeline.terminal import console
from tests.ingest.site import PEOPLE, Site, changed, values_of
from tests.ingest.test_taking_in import query


def late_on(site: Site, database: Database, days: int) -> list[str]:
    contracts = load_contracts(site.settings.declarations, load_vocabulary(site.settings.declarations))
    today = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days)
    with database.connect() as connection:
        return [late.partner for late in late_partners(connection, contracts, today)]


def test_a_silent_partner_is_late_after_its_days_and_so_are_all_when_all_stop(site: Site, database: Database) -> None:
    assert late_on(site, database, 999) == []  # no feed has begun
    for partner in ("council", "police"):
        site.deliver(partner)
        ingest_partner(site.settings, database, partner)
    allowed = {name: site.contract(name).freshness_days for name in ("council", "police")}
    assert late_on(site, database, min(allowed.values())) == []
    assert late_on(site, database, allowed["council"] + 1) == sorted(
        name for name, days in allowed.items() if days <= allowed["council"]
    )
    assert late_on(site, database, max(allowed.values()) + 1) == ["council", "police"]


def test_a_rejected_delivery_does_not_make_a_feed_fresh(site: Site, database: Database) -> None:
    site.deliver("council")
    ingest_partner(site.settings, database, "council")
    with database.connect(autocommit=True) as connection:
        connection.execute("update registry.delivery set decided_at = decided_at - interval '900 days'")
    site.deliver("council", changed("events", lambda rows: [row.update(code="N99") for row in rows] and None))
    with pytest.raises(DeliveryError):
        ingest_partner(site.settings, database, "council")
    assert late_on(site, database, 0) == ["council"]
    contracts = load_contracts(site.settings.declarations, load_vocabulary(site.settings.declarations))
    with database.connect() as connection:
        told = str(lateness_error(late_partners(connection, contracts, dt.datetime.now(dt.UTC).date())))
    assert "900 days" in told
    (in_report,) = query(database, LATE)
    assert in_report[2:] == (900, site.contract("council").freshness_days)


def test_some_taken_in_and_some_rejected_are_both_told(site: Site, database: Database) -> None:
    bad = site.deliver("council", changed("events", lambda rows: [row.update(code="N99") for row in rows] and None))
    good = site.deliver("council")
    taken = take_in(site.settings, database, "council")
    assert [outcome.delivery_id for outcome in taken.accepted] == [good.name]
    assert [outcome.state for outcome in taken.outcomes] == ["rejected", "accepted"]
    assert [rejection.code for rejection in taken.rejections] == ["too_many_problems"]
    # Every line of the rejected one is told too, not only the first.
    rows = read_quarantined(database, bad.name).rows
    assert [(row["table_name"], row["reason"], len(row["lines"])) for row in rows] == [
        ("events", "unknown_code", PEOPLE)
    ]
    assert query(database, "select count(*) from identity.quarantined_row") == [(0,)]


def test_the_quarantined_lines_of_a_delivery_are_shown_without_a_value(
    site: Site, database: Database, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(rows: list[dict[str, str]]) -> None:
        rows[7].update(sex="X")

    landed = site.deliver(
        "council", changed("people", broken), changed("relationships", lambda rows: rows[:6] + rows[7:])
    )
    ingest_partner(site.settings, database, "council")
    found = read_quarantined(database, landed.name)
    console().print(quarantine_table(found))
    shown = capsys.readouterr().out + json.dumps(found.as_json(), default=str)
    assert [(row["table_name"], row["column_name"], row["reason"], row["lines"]) for row in found.rows][:1] == [
        ("events", "person_ref", "unknown_person", [9])
    ]
    assert ("people", "sex", "unknown_code", [9]) in [
        (row["table_name"], row["column_name"], row["reason"], row["lines"]) for row in found.rows
    ]
    assert not [value for value in values_of(site, "council") if value in shown]
    whose = query(database, "select count(person_ref), count(distinct person_ref) from identity.quarantined_row")
    assert whose == [(5, 1)]
