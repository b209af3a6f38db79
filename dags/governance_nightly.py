"""`governance_nightly`: look at who may do what, check the audit log, sign it, and keep the checkpoint elsewhere."""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable, task

from orchestration.defaults import DAG_DEFAULTS, ZONE
from orchestration.steps import (
    collect_accesses,
    keep_to_retention,
    make_evidence_pack,
    record_role_changes,
    remove_what_no_agreement_covers,
    sign_the_log,
    tell_of_ending_agreements,
    tell_the_witness,
    write_what_is_held,
)

AFTER_THE_BUILD = "30 6 * * *"

DAG_DOC = """\
### Governance, every night

Checks the audit log entry by entry against the checkpoints of earlier nights, signs it as it stands, and keeps the
signed checkpoint outside the database (`hub/checkpoints/`), and with a witness where one is set.

Before that it removes what is held and covered by no agreement any more, and tells of agreements that end; afterwards
it writes what is held (`hub/reports/holdings.html`) and makes the signed evidence pack (`hub/evidence-packs/`).

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
    covered = task(
        task_id="remove_what_no_agreement_covers",
        doc_md="Same as `wholefamily agreements --enforce`: rows and columns that no agreement covers are removed.",
    )(remove_what_no_agreement_covers)()
    ending = task(
        task_id="tell_of_ending_agreements",
        doc_md="Sends a notice of agreements that end: a month before, then nearer and nearer, then weekly.",
    )(tell_of_ending_agreements)()
    kept = task(
        task_id="keep_to_retention",
        doc_md="Same as `wholefamily retention`: what may be held no longer is destroyed, and certified.",
    )(keep_to_retention)()
    roles = task(
        task_id="record_role_changes",
        doc_md="Compares roles, memberships and rights with the last entry about them; a change becomes an entry.",
    )(record_role_changes)()
    looked = task(
        task_id="collect_accesses",
        doc_md="Takes what readers' logins asked from the server's log into `access.query`; says what stands out.",
    )(collect_accesses)()
    signed = task(
        task_id="sign_the_log",
        doc_md="Same as `wholefamily checkpoint`: checks the log, signs it, keeps the checkpoint.",
    )(sign_the_log)()
    told = task(
        task_id="tell_the_witness",
        doc_md="Sends checkpoints without a receipt to WHOLEFAMILY_WITNESS; does nothing where none is set.",
    )(tell_the_witness)()
    held = task(
        task_id="write_what_is_held",
        trigger_rule="all_done",  # a log that is not as it was left is the more reason to show what there is
        doc_md="Same as `wholefamily holdings`: pages of what is held and of where it comes from, from live counts.",
    )(write_what_is_held)()
    pack = task(
        task_id="make_evidence_pack",
        doc_md="Same as `wholefamily evidence-pack`: one signed zip for the information governance lead.",
    )(make_evidence_pack)()
    kept >> roles
    looked >> signed
    covered >> ending >> roles >> signed >> told
    signed >> held >> pack
