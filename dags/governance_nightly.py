"""`governance_nightly`: look at who may do what, check the audit log, sign it, and keep the checkpoint elsewhere."""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable, task

from orchestration.defaults import DAG_DEFAULTS, ZONE
from orchestration.steps import keep_to_retention, record_role_changes, sign_the_log, tell_the_witness

AFTER_THE_BUILD = "30 6 * * *"

DAG_DOC = """\
### Governance, every night

Checks the audit log entry by entry against the checkpoints of earlier nights, signs it as it stands, and keeps the
signed checkpoint outside the database (`hub/checkpoints/`), and with a witness where one is set.

* **It fails at `sign_the_log`:** the log is not as it was left. Do not repair anything. Run `wholefamily verify`, keep
  the database and the checkpoints as they are, and tell the information governance lead.
* **It fails at `tell_the_witness`:** the checkpoint is kept here and goes with the next one.
"""


with DAG(
    dag_id="governance_nightly",
    schedule=CronTriggerTimetable(AFTER_THE_BUILD, timezone=ZONE),
    description="Check the audit log, sign it, keep the checkpoint outside the database",
    doc_md=DAG_DOC,
    tags=["governance"],
    **DAG_DEFAULTS,
):
    kept = task(
        task_id="keep_to_retention",
        doc_md="Same as `wholefamily retention`: what may be held no longer is destroyed, and certified.",
    )(keep_to_retention)()
    roles = task(
        task_id="record_role_changes",
        doc_md="Compares roles, memberships and rights with the last entry about them; a change becomes an entry.",
    )(record_role_changes)()
    signed = task(
        task_id="sign_the_log",
        doc_md="Same as `wholefamily checkpoint`: checks the log, signs it, keeps the checkpoint.",
    )(sign_the_log)()
    told = task(
        task_id="tell_the_witness",
        doc_md="Sends checkpoints without a receipt to WHOLEFAMILY_WITNESS; does nothing where none is set.",
    )(tell_the_witness)()
    kept >> roles >> signed >> told
