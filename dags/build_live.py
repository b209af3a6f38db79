"""`build_live`: link, form families, evaluate, publish, when every partner has delivered, or in the morning anyway."""

from __future__ import annotations

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, Param, task

from orchestration.defaults import DAG_DEFAULTS, ZONE
from orchestration.feeds import delivered, feeds, published
from orchestration.steps import build_and_publish, write_report
from pipeline.airflow_home import HUB_SLOTS
from pipeline.settings import read_settings

# Before offices open: late enough for every feed, early enough for a retry.
WITHOUT_WAITING_LONGER = "0 5 * * *"

DAG_DOC = """\
### Build of the live database

Links the records of one person across partners, forms families, evaluates the criteria and publishes in one
transaction: readers see the old night or the new one.

* **Starts** as soon as every partner has a new delivery loaded; at 05:00 UTC it builds from what is there, and is
  skipped when nothing has come since the last build.
* **A partner is late:** its last good data is used; what rests on a stale feed is *unknown*, not *not met*.
* **It fails:** the last published night stays. The alert says what to do; then trigger this DAG again.
* **Another date:** trigger it with `as_at` to see the cohort as of a day in the past.
"""


with DAG(
    dag_id="build_live",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable(WITHOUT_WAITING_LONGER, timezone=ZONE),
        assets=[delivered(feed.partner) for feed in feeds(read_settings().declarations)],
    ),
    description="Link persons, form families, evaluate criteria, publish",
    doc_md=DAG_DOC,
    tags=["build"],
    params={
        "as_at": Param(
            None,
            type=["null", "string"],
            format="date",
            title="As at",
            description="Day to evaluate at; empty: the last day that any accepted delivery covers.",
        )
    },
    **DAG_DEFAULTS,
):
    run_id = task(
        task_id="build_and_publish",
        outlets=[published()],
        pool_slots=HUB_SLOTS,  # all places: a build has the machine to itself
        doc_md="Same as `wholefamily build`. Hands on the run's id, its as-at date and counts; never a row.",
    )(build_and_publish)()
    task(
        task_id="write_report",
        doc_md="Same as `wholefamily report`: one HTML page with what the run did, for the data team.",
    )(write_report)(run_id)
