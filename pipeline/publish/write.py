"""Write a night: links, persons, families, results and their evidence, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import psycopg
from psycopg import sql

from pipeline import audit
from pipeline.doubt import FlagDoubt
from pipeline.publish import history, summarise
from pipeline.publish.doubt import counts_of_doubt, with_doubt, write_doubt
from pipeline.publish.run import ACTOR, Run, close_run
from pipeline.records import CriteriaResult, FamilyResult, LinkResult
from pipeline.store.bulk import copy_frame

KEPT_DECISIONS = ("match", "possible", "cut")


def publish(
    run: Run,
    linked: LinkResult,
    formed: FamilyResult,
    evaluated: CriteriaResult,
    persons: pd.DataFrame,
    evidence: pd.DataFrame,
    doubt: FlagDoubt,
    coverage: pd.DataFrame,
    *also: Callable[[psycopg.Connection[Any]], None],
) -> dict[str, Any]:
    """Replace what users see by this run's results; returns the run's counts.

    `also` write what other parts have of this night. One transaction, under the publishing role and on the
    connection that holds the lock: a reader sees the night before or this one. Raises BuildError when another build has
    begun since; an error rolls everything back.
    """
    counts = summarise.counts(run.pack, linked, formed, evaluated) | {"doubt": counts_of_doubt(run.pack, doubt)}
    doubted = replace(evaluated, results=with_doubt(evaluated.results, doubt))
    connection = run.connection
    with connection.transaction():
        _write_links(connection, run, linked)
        if linked.contexts is not None:
            _replace(connection, "publication.link_context", linked.contexts)
        _write_families(connection, run, formed, persons)
        _write_results(connection, run, doubted, evidence)
        write_doubt(connection, run, doubt, coverage)
        history.record(connection, run, evaluated)
        summarise.write_attrition(connection, run, counts)
        for write_part in also:
            write_part(connection)
        connection.execute("select publication.keep_evidence()")  # of the families and results written above
        close_run(run, counts, linked)
        audit.append(
            connection, ACTOR, "published", f"run/{run.run_id}", {"families": counts["families"], "pack": run.pack.id}
        )
    return counts


def _write_links(connection: psycopg.Connection[Any], run: Run, linked: LinkResult) -> None:
    kept = linked.pairs[linked.pairs["decision"].isin(KEPT_DECISIONS)]
    columns = ["record_a", "record_b", "blocking_pass", "pattern", "weight", "probability", "decision"]
    _replace(connection, "identity.link", kept[columns].assign(model_version=run.model.version))
    _replace(connection, "identity.person", linked.persons[["record_id", "person_id"]])
    _replace(connection, "evidence.person", linked.persons[["record_id", "person_id"]])
    _append_ledger(connection, run, "identity.person_ledger", linked.ledger)


def _write_families(connection: psycopg.Connection[Any], run: Run, formed: FamilyResult, persons: pd.DataFrame) -> None:
    families = formed.families[["family_id", "kind", "area", "adults", "children", "to_review", "review_reason"]]
    _replace(connection, "publication.family", families.assign(as_at=run.as_at, run_id=run.run_id))
    members = formed.members.merge(persons[["person_id", "birth_month", "sex"]], on="person_id", how="left")
    columns = ["family_id", "person_id", "role", "start_date", "end_date", "reason", "confidence"]
    _replace(connection, "publication.family_member", members[[*columns, "birth_month", "sex"]])
    _append_ledger(connection, run, "publication.family_ledger", formed.ledger)


def _write_results(
    connection: psycopg.Connection[Any], run: Run, evaluated: CriteriaResult, evidence: pd.DataFrame
) -> None:
    decisive = evaluated.decisive.merge(
        evidence[["evidence_id", "partner", "kind", "start_date", "end_date"]], on="evidence_id"
    )
    # A criterion that looks at kinds of a feed closed to onward disclosure rests on it in every state: "not met" says
    # that the partner holds nothing.
    closed = {criterion.id: bool(set(criterion.kinds) & run.closed_kinds) for criterion in run.pack.criteria}
    results = evaluated.results.assign(
        pack=run.pack.id,
        pack_version=run.pack.version,
        title=lambda frame: frame["criterion"].map({c.id: c.title for c in run.pack.criteria}),
        contains_dwp=lambda frame: frame["criterion"].map(closed),
        as_at=run.as_at,
        run_id=run.run_id,
    )
    _replace(
        connection,
        "publication.criterion_result",
        results[
            [
                "family_id", "pack", "pack_version", "criterion", "title", "state", "reason", "contains_dwp",
                "as_at", "run_id", "in_doubt", "probability",
            ]
        ],
    )  # fmt: skip
    _replace(
        connection,
        "publication.criterion_evidence",
        decisive.assign(pack=run.pack.id)[
            ["family_id", "pack", "criterion", "evidence_id", "partner", "kind", "start_date", "end_date"]
        ],
    )


def _append_ledger(connection: psycopg.Connection[Any], run: Run, table: str, ledger: pd.DataFrame) -> None:
    changes = ledger.assign(run_id=run.run_id)[["run_id", "old_id", "new_id", "change"]]
    copy_frame(connection, table, changes.astype({"old_id": "Int64", "new_id": "Int64"}))


def _replace(connection: psycopg.Connection[Any], table: str, frame: pd.DataFrame) -> None:
    """Delete and copy inside the transaction: readers keep seeing the old rows until the commit."""
    connection.execute(sql.SQL("delete from {}").format(sql.Identifier(*table.split("."))))
    copy_frame(connection, table, frame)
