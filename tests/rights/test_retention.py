"""Retention by the agreements: counted dry, destroyed once, certified; and what is shown apart from what is held."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from pipeline.audit import public_key
from pipeline.errors import KeyMaterialError
from pipeline.rights.certificate import check_certificate
from pipeline.rights.months import add_months
from pipeline.rights.retention import keep_to_retention
from tests.rights.conftest import Site

OLD = "update evidence.fact set start_date = %s, end_date = null where evidence_id = %s"


def test_what_is_over_is_counted_then_destroyed_once_and_certified(site: Site) -> None:
    police, dwp = (
        site.one("select evidence_id from evidence.fact where partner = %s and kind = %s limit 1", partner, kind)
        for partner, kind in (("police", "proven_offence"), ("dwp", "out_of_work_benefit"))
    )
    with site.database.connect() as connection:
        connection.execute(OLD, (dt.date(2011, 7, 30), police))  # over: more than three years before 31 July 2014
        connection.execute(
            OLD, (dt.date(2009, 1, 1), dwp)
        )  # a period that lasts is not over, however long ago it began
    facts = site.one("select count(*) from evidence.fact")
    dry = json.loads(site.run("retention", "--dry-run", "--json").out)
    assert {"table": "evidence.fact", "agreement": "whole-family-2012", "year": "2011", "rows": 1} in dry["destroyed"]
    assert {one["held_from"] for one in dry["limits"]} == {"2011-07-31"}
    assert dry["certificate"] is None
    assert site.one("select count(*) from evidence.fact") == facts

    done = json.loads(site.run("retention", "--json").out)
    assert done["destroyed"] == dry["destroyed"]
    assert site.rows("select from evidence.fact where evidence_id = %s", police) == []
    assert len(site.rows("select from evidence.fact where evidence_id = %s", dwp)) == 1
    told = site.run("retention", "--check", done["certificate"]).out
    assert "is as it was signed" in told
    assert site.rows("select number, rows_gone from rights.destruction") == [
        (1, sum(one["rows"] for one in done["destroyed"]))
    ]
    assert "Nothing is held longer" in site.run("retention").out
    assert len(list((site.settings.hub / "certificates").glob("*.json"))) == 1
    # No person, and no longer as signed when a count is changed.
    path = site.settings.hub / "certificates" / "destruction-000001.json"
    assert site.one("select encode(person_ref, 'hex') from identity.record limit 1") not in path.read_text()
    key = public_key(site.settings)
    assert key is not None
    path.chmod(0o600)
    path.write_text(path.read_text().replace('"rows": 1', '"rows": 0'))
    with pytest.raises(KeyMaterialError, match="not a certificate"):
        check_certificate(path, key)


def test_a_feed_that_stops_does_not_stop_its_retention(site: Site) -> None:
    def held_from(today: dt.date) -> dt.date | None:
        done = keep_to_retention(site.settings, site.database, dry_run=True, today=today)
        return next(limit.held_from for limit in done.limits if limit.partner == "schools")

    today = dt.datetime.now(dt.UTC).date()
    assert held_from(today) == dt.date(2011, 7, 31)
    assert held_from(today + dt.timedelta(days=40)) == dt.date(2011, 9, 9)


def test_shown_is_shorter_than_held_but_what_decides_is_shown_with_its_flag(site: Site) -> None:
    shown = site.rows("select distinct partner, shown_from from publication.display_limit order by 1")
    assert shown == [(partner, dt.date(2013, 7, 31)) for partner in ("council", "dwp", "police", "schools")]
    chosen, decides = (
        site.rows(
            "select evidence_id from publication.chronology c where partner = 'schools' and"
            f" {has} exists (select from publication.criterion_evidence e where e.evidence_id = c.evidence_id) limit 1"
        )
        for has in ("not", "")
    )
    for rows, stays in ((chosen, False), (decides, True)):
        for (evidence,) in rows:
            with site.database.connect() as connection:
                connection.execute(
                    "update publication.chronology set start_date = '2012-01-01', end_date = '2012-02-01'"
                    " where evidence_id = %s",
                    (evidence,),
                )
            query = f"select 'row ' || evidence_id from cohort.chronology where evidence_id = {evidence}"
            assert (f"row {evidence}" in site.run("sql", "--purpose", "identify", query).out) is stays
    assert chosen or decides


def test_months_are_those_of_the_calendar() -> None:
    assert add_months(dt.date(2014, 3, 31), -1) == dt.date(2014, 2, 28)
    assert add_months(dt.date(2014, 7, 31), -36) == dt.date(2011, 7, 31)
    assert add_months(dt.date(2015, 12, 31), 2) == dt.date(2016, 2, 29)
