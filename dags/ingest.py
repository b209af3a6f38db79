"""`ingest_<partner>` for every contract in `schemas/extracts/`: a contract more is a DAG more, and no code."""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable, task

from orchestration.defaults import DAG_DEFAULTS, ZONE
from orchestration.feeds import Feed, delivered, feeds
from orchestration.steps import take_in_deliveries, tell_of_rejections
from pipeline.settings import read_settings

DAG_DOC = """\
### Nightly ingest of {partner}

{description}

Opens what waits in the landing folder, verifies signature, order and known-answer records, checks every row
against the contract, quarantines the rows that do not pass, and loads the rest in one transaction.

* **No delivery waits:** the task is skipped; the build goes on with the last good data.
* **Nothing has come for longer than the contract allows:** the task fails, every night until something does.
* **A delivery is rejected:** the task (or, where others were taken in beside it, `tell_of_rejections`) fails at once,
  without retries, and nothing that users see has changed. The alert says where, which rule and what to do;
  `wholefamily deliveries` says it again. After a corrected delivery, trigger this DAG.
* **Run it again at any time:** twice is once.
"""

TASK_DOC = "Same as `wholefamily ingest {partner}`. Hands on delivery ids, states and row counts; never a row."
REJECTIONS_DOC = "Fails, and so alerts, when a delivery was rejected while others of the same night were taken in."


def ingest_dag(feed: Feed) -> DAG:
    partner = feed.partner
    with DAG(
        dag_id=f"ingest_{partner}",
        schedule=CronTriggerTimetable(feed.schedule, timezone=ZONE),
        description=f"Take in the nightly delivery of {partner}",
        doc_md=DAG_DOC.format(partner=partner, description=feed.problem or feed.description),
        tags=["ingest", partner],
        **DAG_DEFAULTS,
    ) as dag:
        taken = task(
            task_id="take_in_deliveries",
            outlets=[delivered(partner)],
            doc_md=TASK_DOC.format(partner=partner),
        )(take_in_deliveries)(partner, feed.problem)
        task(task_id="tell_of_rejections", doc_md=REJECTIONS_DOC)(tell_of_rejections)(taken)
    return dag


for feed in feeds(read_settings().declarations):
    globals()[f"ingest_{feed.partner}"] = ingest_dag(feed)
