"""A changed agreement: what it no longer covers is removed, told beforehand, logged, and nothing else is touched."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from pipeline.holdings.coverage import ACTION, LOADED, find_uncovered, remove_uncovered
from pipeline.nightly import anything_new
from tests.holdings.conftest import Hub, feed

Change = Callable[..., None]
TOLD = f"select subject, detail from audit.log where action = '{ACTION}' order by entry_id"


def content(hub: Hub) -> dict[str, Any]:
    """What is loaded, by table and partner, without what the removal itself writes (prints)."""
    found = {}
    for table in LOADED:
        owner = "(select partner from identity.record r where r.record_id = t.record_id)"
        query = f"select coalesce(to_jsonb(t) ->> 'partner', {owner}), to_jsonb(t) - 'encoding_print' from {table} t"
        for partner, row in hub.rows(query):
            found.setdefault((table, partner), []).append(row)
    return {key: sorted(map(str, rows)) for key, rows in found.items()}


def test_what_is_covered_stays(hub: Hub) -> None:
    before = content(hub)
    assert find_uncovered(hub.settings, hub.database) == []
    assert remove_uncovered(hub.settings, hub.database) == []
    assert content(hub) == before
    assert hub.rows(TOLD) == []
    assert not anything_new(hub.database)


def test_a_column_that_is_not_covered_any_more_is_emptied(hub: Hub, changed: Change) -> None:
    changed(lambda document: feed(document, "council")["columns"]["people"].remove("nino"))
    before, held = content(hub), hub.one("select count(nino_token) from identity.record where partner = 'council'")
    copies = len(list(hub.settings.accepted("council").iterdir()))
    assert held > 0
    assert copies > 0
    (found,) = find_uncovered(hub.settings, hub.database)
    told = {(one.table, one.column): one.rows for one in found.removals}
    assert told[("identity.record", "nino_token")] == held
    assert ("identity.encoding", None) in told  # the pass whose blocks are made of it
    assert content(hub) == before, "a dry run changes nothing"

    assert remove_uncovered(hub.settings, hub.database) == [found]
    assert hub.one("select count(nino_token) from identity.record where partner = 'council'") == 0
    assert hub.one("select count(nino_token) from identity.record where partner = 'dwp'") > 0
    assert hub.one("select count(*) from identity.encoding join identity.record using (record_id)"
                   " where partner = 'council' and pass = 'nino'") == 0  # fmt: skip
    assert list(hub.settings.accepted("council").iterdir()) == []
    after = content(hub)
    touched = {key for key in before if before[key] != after.get(key)}
    assert touched == {("identity.record", "council"), ("identity.encoding", "council")}
    ((subject, detail),) = hub.rows(TOLD)
    assert subject == "feed/council"
    assert detail["sealed"] == copies
    assert sum(one["rows"] for one in detail["removed"]) == found.rows
    assert anything_new(hub.database), "the next night builds without it"
    assert remove_uncovered(hub.settings, hub.database) == [], "twice is once"


def test_a_name_that_is_not_covered_goes_with_the_blocks_made_of_it(hub: Hub, changed: Change) -> None:
    changed(lambda document: feed(document, "police")["columns"]["people"].remove("forename"))
    remove_uncovered(hub.settings, hub.database)
    left = dict(hub.rows("select pass, count(forename) from identity.encoding join identity.record using (record_id)"
                         " where partner = 'police' group by pass"))  # fmt: skip
    assert left
    assert set(left.values()) == {0}
    assert not {"birth_forename", "home_forename", "address_forename", "birth_initials", "names_year"} & set(left)


def test_a_table_that_is_not_covered_any_more_goes(hub: Hub, changed: Change) -> None:
    changed(lambda document: feed(document, "schools")["columns"].pop("attendance"))
    of_schools = "select table_name, count(*) from evidence.fact where partner = 'schools' group by 1"
    before = dict(hub.rows(of_schools))
    assert before["attendance"] > 0
    (found,) = remove_uncovered(hub.settings, hub.database)
    assert {(one.table, one.column) for one in found.removals} == {("evidence.fact", None)}
    assert dict(hub.rows(of_schools)) == {name: rows for name, rows in before.items() if name != "attendance"}


def test_what_a_row_cannot_do_without_takes_the_row(hub: Hub, changed: Change) -> None:
    changed(lambda document: feed(document, "schools")["columns"]["relationships"].remove("relation"))
    remove_uncovered(hub.settings, hub.database)
    assert hub.one("select count(*) from evidence.relationship where partner = 'schools'") == 0
    assert hub.one("select count(*) from evidence.relationship where partner = 'council'") > 0


def test_a_feed_that_is_taken_out_goes_whole(hub: Hub, changed: Change) -> None:
    changed(lambda document: document["feeds"].remove(feed(document, "dwp")))
    before = content(hub)
    (found,) = find_uncovered(hub.settings, hub.database)
    assert found.whole
    remove_uncovered(hub.settings, hub.database)
    after = content(hub)
    assert {partner for _, partner in after} == {"council", "police", "schools"}
    assert after == {key: rows for key, rows in before.items() if key[1] != "dwp"}
    assert hub.rows("select distinct state from registry.delivery where partner = 'dwp'") == [("withdrawn",)]
    assert hub.one("select count(*) from identity.link l where not exists"
                   " (select from identity.record r where r.record_id = l.record_a)") == 0  # fmt: skip


def test_a_purpose_that_is_taken_out_goes_with_its_feed(hub: Hub, changed: Change) -> None:
    changed(lambda document: feed(document, "police")["gateways"].pop("identify"))
    (found,) = remove_uncovered(hub.settings, hub.database)
    assert (found.partner, found.whole) == ("police", True)
    assert "police" not in {partner for _, partner in content(hub)}


def test_an_agreement_that_has_ended_is_left_to_retention(hub: Hub, changed: Change) -> None:
    changed(lambda document: document.update(expiry="2015-03-31"))
    before = content(hub)
    assert remove_uncovered(hub.settings, hub.database) == []
    assert content(hub) == before
    assert find_uncovered(hub.settings, hub.database, dt.date(2014, 7, 31)) == []
