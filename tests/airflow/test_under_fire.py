"""The real DAGs on nights that go wrong: a lost database, a twin that did the work, a silent partner, missed nights."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import json
from collections.abc import Iterator

import pytest

from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.run import build
from pipeline.settings import Settings
from tests.airflow.conftest import AirflowDatabase, deliver
from tests.airflow.under_fire import Hub, hub_under_fire
from tests.conftest import TestServer

FIRST, LAST = dt.date(2014, 8, 2), dt.date(2014, 8, 4)  # mornings; the dozen's data end on 31 July
LOCKED = (
    "select 1 from pg_locks where locktype = 'advisory'"
    " and database = (select oid from pg_database where datname = current_database())"
)
PERIODS = """
select family_id, pack, count(*) filter (where valid_to is null) from publication.family_history group by 1, 2
having count(*) filter (where valid_to is null) > 1
"""


@pytest.fixture(scope="module")
def hub(
    test_server: TestServer,
    built_dozen: Settings,
    tmp_path_factory: pytest.TempPathFactory,
    airflow_database: AirflowDatabase,
) -> Iterator[Hub]:
    home = tmp_path_factory.mktemp("fire") / "hub under fire"
    with hub_under_fire(test_server, built_dozen, home, airflow_database) as made:
        yield made


def test_a_lost_database_in_an_ingest_is_tried_again_and_succeeds(hub: Hub) -> None:
    deliver(hub.settings, "dwp")
    with hub.losing(LOCKED) as cut:
        run = hub.run("ingest_dwp")
    assert cut
    assert (run["state"], run["tries"]["take_in_deliveries"]) == ("success", 2)
    assert len(run["results"]["take_in_deliveries"]["deliveries"]) == 1
    assert hub.rows("select count(*) from registry.delivery where partner = 'dwp' and state = 'rejected'") == [(0,)]


def test_a_lost_database_in_a_build_is_tried_again_and_publishes_once(hub: Hub) -> None:
    before = hub.published()
    with hub.losing("select 1 from registry.run where state = 'running'") as cut:
        run = hub.run("build_live")
    assert cut
    assert (run["state"], run["tries"]["build_and_publish"]) == ("success", 2)
    assert [run_id for run_id, _ in hub.published()[len(before) :]] == [run["results"]["build_and_publish"]["run_id"]]


def test_what_a_twin_has_done_is_not_done_again(hub: Hub) -> None:
    """A try that Airflow took for dead published all the same: the next one hands on its run."""
    night = "2026-01-02T05:00:00+00:00"
    order = f"manual__{night}"
    twin = build(hub.settings, hub.database, asked_by=f"{order}, cleared 0")
    before = hub.published()
    run = hub.run("build_live", logical_date=night)
    assert (run["run_id"], run["state"]) == (order, "success")
    assert run["results"]["build_and_publish"]["run_id"] == twin.run_id
    assert hub.published() == before


def test_a_partner_three_nights_late_is_told_of_and_the_build_goes_on_without(hub: Hub) -> None:
    contracts = load_contracts(hub.settings.declarations, load_vocabulary(hub.settings.declarations))
    days = contracts["police"].freshness_days + 3
    hub.rows(
        "update registry.delivery set decided_at = decided_at - make_interval(days => %s),"
        " received_at = received_at - make_interval(days => %s) where partner = 'police' returning 1",
        days, days,
    )  # fmt: skip
    mails, posts, published = len(hub.mails), len(hub.posts), len(hub.published())
    run = hub.run("ingest_police")
    assert (run["state"], run["tries"]["take_in_deliveries"]) == ("failed", 1)
    (mail,) = [email.message_from_string(one, policy=email.policy.default) for one in hub.mails[mails:]]
    (post,) = [json.loads(body) for _, body in hub.posts[posts:]]
    assert mail["Subject"] == "Whole Family: feed-late: ingest_police.take_in_deliveries"
    assert (post["alert"], post["runbook"]) == ("feed-late", "docs/runbook.md#feed-late")
    for said in (mail.get_content(), post["text"]):
        assert f"{days} days" in said
        assert "What to do:" in said

    built = hub.run("build_live")
    assert built["state"] == "success"
    assert built["results"]["build_and_publish"]["late"] == ["police"]
    assert len(hub.published()) == published + 1
    assert hub.rows("select count(*) > 0 from evidence.fact where partner = 'police'") == [(True,)]


def test_missed_nights_are_filled_in_one_by_one_and_only_once(hub: Hub) -> None:
    before, said = hub.published(), hub.rows("select * from publication.family_history order by 1, 2, 5")
    nights = [f"{day}T00:00:00+00:00" for day in (FIRST, LAST + dt.timedelta(days=1))]
    filled_in = hub.run("build_live", nights=nights)
    days = [str(FIRST + dt.timedelta(days=number - 1)) for number in range((LAST - FIRST).days + 1)]
    assert [(run["run_type"], run["state"]) for run in filled_in] == [("backfill", "success")] * len(days)
    assert [as_at for _, as_at in hub.published()[len(before) :]] == days
    assert [run["results"]["build_and_publish"]["as_at"] for run in filled_in] == days
    kept = set(hub.rows("select * from publication.family_history where valid_to is not null")) | set(said)
    assert len(kept) >= len(said)  # what was said before stays said
    assert hub.rows(PERIODS) == []
    filled = hub.published()
    again = hub.run("build_live", nights=nights)
    assert {run["states"]["build_and_publish"] for run in again} == {"skipped"}
    assert hub.published() == filled


def test_the_governance_night_signs_the_log_and_tells_the_witness(hub: Hub) -> None:
    mails = len(hub.mails)
    run = hub.run("governance_nightly")
    assert run["state"] == "success", run["states"]
    assert set(run["states"].values()) == {"success"}
    signed = run["results"]["sign_the_log"]
    checkpoints = sorted((hub.settings.hub / "checkpoints").iterdir())
    assert checkpoints
    assert hub.rows("select count(*) from audit.log where entry_id <= %s", signed["entries"]) == [(signed["entries"],)]
    told = [email.message_from_string(one, policy=email.policy.default) for one in hub.mails[mails:]]
    assert [mail["To"] for mail in told] == ["witness@example.org"] * run["results"]["tell_the_witness"]
    assert f"checkpoint {signed['number']}" in told[-1]["Subject"]
