"""The measurement in order: read the truth, find its records at the hub, compare persons, families, criteria."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.contracts import load_vocabulary
from pipeline.criteria import Pack, load_pack
from pipeline.errors import TruthError
from pipeline.evaluation.criteria import SELECTED, criteria_quality, match_families, with_selection
from pipeline.evaluation.families import exactly_right, homes_of, majority, place, rates_by
from pipeline.evaluation.persons import person_quality
from pipeline.evaluation.truth import NOBODY, Truth, read_truth
from pipeline.link.quality import clustering_quality
from pipeline.partner.keys import load_partner_keys
from pipeline.partner.tokens import pseudonymise_references
from pipeline.settings import Settings
from pipeline.store.bulk import read_frame
from pipeline.store.database import Database
from pipeline.store.published import published_run

LINKER, EVALUATOR, ANALYST = "wf_linker", "wf_evaluator", "wf_analyst"
IDENTIFY = "identify"  # the purpose for which the rows measured are there
SHAPE = "household_shape"
CHILD_UNDER = 18  # years, as the packs' dependent child


def evaluate(database: Database, settings: Settings, truth: Path) -> dict[str, Any]:
    """Measure the published night against a truth; JSON-able.

    Runs where the partners' keys are (a demo or test installation): the hub holds pseudonyms only, so the truth's
    references are pseudonymised here as each partner's kit would. Keys of the answer: `records` (what of the truth
    was loaded), `persons`, `families`, `criteria`, `selected`; each is defined where it is worked out.

    Records in quarantine or never taken in were delivered but not loaded: persons are measured over loaded records
    only, families and criteria over everybody delivered, so that what the hub lost counts against it there. Raises
    TruthError for a missing or foreign truth, KeyMaterialError without a partner's keys, BuildError when nothing is
    published.
    """
    known = read_truth(truth)
    run_id, as_at, pack = _published(database, settings)
    records = _records(database, settings, known)
    members, results, selected = _cohort(database, pack, as_at)
    standing_for = majority(records)
    on_record = known.members_on_record()
    placed = place(members, standing_for, on_record)
    return {
        "run_id": run_id,
        "as_at": as_at.date().isoformat(),
        "records": _coverage(records, known),
        "persons": person_quality(records, known.details),
        "families": family_quality(
            records, members, placed, on_record, known, children_of(records, _birth_months(database), as_at)
        ),
        **criteria_and_selection(placed, on_record, known, results, selected, pack),
    }


def _published(database: Database, settings: Settings) -> tuple[int, pd.Timestamp, Pack]:
    run = published_run(database)
    path = settings.declarations / "criteria" / f"{run.pack}.yaml"
    return run.run_id, pd.Timestamp(run.as_at), load_pack(path, load_vocabulary(settings.declarations))


def _records(database: Database, settings: Settings, truth: Truth) -> pd.DataFrame:
    """Every loaded record with the person it was linked to and the one it is of: record_id, partner, person_id,
    true_person_id."""
    with database.adbc(role=LINKER) as connection:
        loaded: pd.DataFrame = read_frame(
            connection,
            "select r.record_id, r.partner, encode(r.person_ref, 'hex') as pseudonym, p.person_id"
            " from identity.record r join identity.person p using (record_id) order by r.record_id",
        ).to_pandas()
    parts = []
    for partner, people in truth.people.groupby("partner"):
        keys = load_partner_keys(settings, str(partner))
        pseudonyms = pseudonymise_references(keys, people["person_ref"].tolist())
        parts.append(pd.DataFrame({**people[["partner", "true_person_id"]], "pseudonym": pseudonyms}))
    pseudonymised = pd.concat(parts).dropna().drop_duplicates(["partner", "pseudonym"])
    records = loaded.merge(pseudonymised, on=["partner", "pseudonym"], how="left").drop(columns="pseudonym")
    if records["true_person_id"].isna().all():
        raise TruthError(
            where="evaluate",
            rule="no record at the hub is in this truth.",
            remedy="give the truth of the extracts that were delivered, on the installation that pseudonymised them.",
        )
    return records.assign(true_person_id=records["true_person_id"].fillna(NOBODY).astype("int64"))


def _cohort(database: Database, pack: Pack, as_at: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """What analysts see: who lives in which family on the as-at date, criteria met, families selected.

    Non-resident parents and associated members live elsewhere: they are not members here.
    """
    with database.adbc(role=ANALYST, purpose=IDENTIFY) as connection:
        members = read_frame(
            connection,
            "select distinct family_id, person_id from cohort.family_member"
            " where role in ('adult', 'child') and (start_date is null or start_date <= $1)"
            " and (end_date is null or end_date >= $1)",
            [as_at.date()],
        )
        results = read_frame(
            connection,
            "select family_id, criterion from cohort.criterion_result where pack = $1 and state = 'met'",
            [pack.id],
        )
        selected = read_frame(
            connection,
            "select family_id from cohort.family_history where pack = $1 and valid_to is null and selected",
            [pack.id],
        )
    return members.to_pandas(), results.to_pandas(), selected.to_pandas()


def _coverage(records: pd.DataFrame, truth: Truth) -> dict[str, int]:
    known = int((records["true_person_id"] != NOBODY).sum())
    return {
        "in_truth": len(truth.people),
        "loaded": known,
        "not_loaded": len(truth.people) - known,
        "loaded_but_not_in_truth": len(records) - known,
    }


def _birth_months(database: Database) -> pd.DataFrame:
    with database.adbc(role=EVALUATOR) as connection:
        told: pd.DataFrame = read_frame(
            connection, "select record_id, birth_month from evidence.person_attribute where birth_month is not null"
        ).to_pandas(date_as_object=False)
    return told


def children_of(records: pd.DataFrame, birth_months: pd.DataFrame, as_at: pd.Timestamp) -> pd.Series:
    """True persons under 18 on the as-at date, by the birth month that most of their loaded records give (ties: the
    earliest). Truth itself need not hold dates of birth."""
    told = records[["record_id", "true_person_id"]].merge(birth_months, on="record_id")
    votes = told.groupby(["true_person_id", "birth_month"], as_index=False).size()
    votes = votes.sort_values(["true_person_id", "size", "birth_month"], ascending=[True, False, True])
    born = votes.drop_duplicates("true_person_id")
    return born.loc[born["birth_month"] > as_at - pd.DateOffset(years=CHILD_UNDER), "true_person_id"]


def family_quality(
    records: pd.DataFrame,
    members: pd.DataFrame,
    placed: pd.DataFrame,
    on_record: pd.DataFrame,
    truth: Truth,
    children: pd.Series,
) -> dict[str, Any]:
    """Share of families exactly right (see `families.exactly_right`), overall, with children, by shape of household;
    and pairwise figures: of all pairs of persons, those put (or truly) in one family (see `families.homes_of`)."""
    right = exactly_right(placed, on_record)
    true_label, predicted_label = homes_of(records, members, on_record)
    pairwise = clustering_quality(predicted_label, true_label)
    homes_of_children = on_record.loc[on_record["true_person_id"].isin(children), "true_family_id"].unique()
    with_children = right[right.index.isin(homes_of_children)]
    shapes: list[dict[str, Any]] = []
    if SHAPE in truth.details:
        shape = on_record.merge(truth.details[["true_person_id", SHAPE]], on="true_person_id")
        shapes = rates_by(right, shape.groupby("true_family_id")[SHAPE].first(), SHAPE)
    return {
        "exact_membership": _mean(right),
        "true_families": len(right),
        "predicted_families": int(members["family_id"].nunique()),
        "pairwise": {key: pairwise[f"pairwise_{key}"] for key in ("precision", "recall", "f1")},
        "with_children": {"exact_membership": _mean(with_children), "families": len(with_children)},
        "by_household_shape": shapes,
    }


def criteria_and_selection(
    placed: pd.DataFrame,
    on_record: pd.DataFrame,
    truth: Truth,
    results: pd.DataFrame,
    selected: pd.DataFrame,
    pack: Pack,
) -> dict[str, Any]:
    """Precision, recall and F1 of criteria and of the selection, over true families with a member on record."""
    true = with_selection(truth.criteria, pack)
    true = true[true["true_family_id"].isin(on_record["true_family_id"])]
    said = pd.concat([results, selected.assign(criterion=SELECTED)], ignore_index=True)
    matched = match_families(placed)
    criteria = [criterion.id for criterion in pack.criteria]
    of_criteria = criteria_quality(true, said, matched, criteria)
    of_selection = criteria_quality(true, said, matched, [SELECTED])["by_criterion"][0]
    return {
        "criteria": {**of_criteria, "families_matched": len(matched)},
        SELECTED: {key: value for key, value in of_selection.items() if key != "criterion"},
    }


def _mean(right: pd.Series) -> float | None:
    return float(right.mean()) if len(right) else None
