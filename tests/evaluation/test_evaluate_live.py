"""The whole measurement against a live database, with a truth and a night written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pyrage
import pytest

from pipeline.errors import BuildError, KeyMaterialError, TruthError
from pipeline.evaluation import evaluate
from pipeline.evaluation.truth import read_truth
from pipeline.partner.keys import (
    create_linkage_key,
    create_partner_keys,
    install_hub_recipient,
    linkage_key_path,
    load_partner_keys,
)
from pipeline.partner.tokens import pseudonymise_references
from pipeline.settings import Settings
from pipeline.store.database import Database
from tests.reports.live import PACK, write_family, write_run

# Ann (1980) and her child Ben (2005) are one family, Cy (1950) another. Dee (2008) is Cy's grandchild, whose only
# record is in quarantine. The police's record of Cy was linked to Ann.
RECORDS = [  # partner, reference, true person, linked to person, birth month
    ("council", "C-ann", "ann", 11, "1980-03-01"),
    ("dwp", "D-ann", "ann", 11, "1980-03-01"),
    ("schools", "S-ann", "ann", 11, None),
    ("council", "C-ben", "ben", 12, "2005-05-01"),
    ("schools", "S-ben", "ben", 12, "2005-05-01"),
    ("council", "C-cy", "cy", 13, "1950-01-01"),
    ("police", "P-cy", "cy", 11, "1950-01-01"),
]
QUARANTINED = [("schools", "S-dee", "dee")]
NOT_IN_THE_TRUTH = [("police", "P-eve", 14)]


@pytest.fixture
def keys(settings: Settings) -> None:
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    for partner in ("council", "dwp", "police", "schools"):
        create_partner_keys(settings, partner)
        create_linkage_key(linkage_key_path(settings, partner))
        install_hub_recipient(settings, partner, recipient)


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    folder = tmp_path / "truth"
    folder.mkdir()
    people = [(partner, reference, person) for partner, reference, person, *_ in RECORDS] + QUARANTINED
    write(folder / "people.csv", "partner,person_ref,true_person_id", people)
    families = [("ann", "F1"), ("ben", "F1"), ("cy", "F2"), ("dee", "F2"), ("never delivered", "F3")]
    write(folder / "families.csv", "true_person_id,true_family_id", families)
    met = [("F1", "work", "met"), ("F1", "education", "met"), ("F1", "local", "met"), ("F1", "crime_asb", "not_met"),
           ("F2", "work", "met"), ("F3", "work", "met")]  # fmt: skip
    write(folder / "criteria.csv", "true_family_id,criterion,state,pack", [(*row, PACK) for row in met])
    details = [("ann", "25 to 64", "lone parent"), ("ben", "5 to 9", "lone parent"), ("cy", "65 and over", "older")]
    write(folder / "people_details.csv", "true_person_id,age_band,household_shape", details)
    return folder


@pytest.fixture
def night(database: Database, settings: Settings, keys: None) -> int:
    with database.connect() as connection:
        loaded = [(p, r, person, born) for p, r, _, person, born in RECORDS]
        for number, (partner, reference, person, born) in enumerate(
            [*loaded, *((*row, None) for row in NOT_IN_THE_TRUTH)], start=1
        ):
            (pseudonym,) = pseudonymise_references(load_partner_keys(settings, partner), [reference])
            assert pseudonym is not None
            connection.execute(
                "insert into identity.record (record_id, partner, person_ref, delivery_id, row_number)"
                " values (%s, %s, decode(%s, 'hex'), 'd', %s)",
                (number, partner, pseudonym, number + 1),
            )
            connection.execute("insert into identity.person values (%s, %s)", (number, person))
            connection.execute(
                "insert into evidence.person_attribute values (%s, %s, %s, null)", (number, partner, born)
            )
    run_id = write_run(database)
    write_family(database, run_id, 1, {11: "adult", 12: "child"}, {"work", "education"}, selected=False)
    write_family(database, run_id, 2, {13: "adult", 11: "associated"}, {"work"}, selected=False)
    write_family(database, run_id, 3, {14: "adult"}, {"crime_asb"}, selected=False)
    return run_id


def write(path: Path, header: str, rows: list[tuple[str, ...]]) -> None:
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n", encoding="utf-8")


def test_everything_measured(database: Database, settings: Settings, night: int, truth: Path) -> None:
    quality = evaluate(database, settings, truth)

    json.dumps(quality, allow_nan=False)
    assert quality["run_id"] == night
    assert quality["as_at"] == "2014-07-31"
    assert quality["records"] == {"in_truth": 8, "loaded": 7, "not_loaded": 1, "loaded_but_not_in_truth": 1}

    # Person 11 has four records (six pairs, three right), 12 two (one right); truly there are 3 + 1 + 1 pairs.
    persons = quality["persons"]
    assert (persons["precision"], persons["recall"]) == (4 / 7, 4 / 5)
    assert persons["exact"] == 1 / 3  # Ben
    groups = {row["group"]: row for row in persons["by_subgroup"] if row["dimension"] == "age_band"}
    assert groups["5 to 9"]["f1"] == 1
    assert groups["65 and over"]["recall"] == 0

    # F1 is right; F2 lacks Dee, who was delivered; F3 was never on record. An associated member lives elsewhere.
    families = quality["families"]
    assert families["true_families"] == 2
    assert families["exact_membership"] == 0.5
    assert families["with_children"] == {"exact_membership": 1.0, "families": 1}
    assert families["pairwise"]["precision"] == 1
    assert families["pairwise"]["recall"] == 0.5  # Ann-Ben, not Cy-Dee
    assert {row["household_shape"]: row["exact_membership"] for row in families["by_household_shape"]} == {
        "lone parent": 1.0,
        "older": 0.0,
    }

    # True of families on record: F1 work, education, local; F2 work. Said: work and education of 1, work of 2,
    # crime_asb of the stranger's.
    criteria = quality["criteria"]
    assert (criteria["true_positives"], criteria["predicted"], criteria["true"]) == (3, 4, 4)
    assert criteria["families_matched"] == 2
    assert [row["criterion"] for row in criteria["by_criterion"]] == ["crime_asb", "education", "work", "local"]
    # Two of three and local: F1 should be selected, by the pack's own routes, and is not.
    assert (quality["selected"]["true"], quality["selected"]["predicted"]) == (1, 0)
    assert quality["selected"]["recall"] == 0


def test_a_truth_that_tells_the_selection_is_believed(
    database: Database, settings: Settings, night: int, truth: Path
) -> None:
    with (truth / "criteria.csv").open("a", encoding="utf-8") as file:
        file.write(f"F2,selected,met,{PACK}\nF1,selected,not_met,{PACK}\n")

    assert evaluate(database, settings, truth)["selected"]["true"] == 1


def test_nothing_published(database: Database, settings: Settings, keys: None, truth: Path) -> None:
    with pytest.raises(BuildError, match="nothing has been published"):
        evaluate(database, settings, truth)


def test_a_truth_of_other_people(database: Database, settings: Settings, night: int, truth: Path) -> None:
    write(truth / "people.csv", "partner,person_ref,true_person_id", [("council", "X1", "xen")])

    with pytest.raises(TruthError, match="no record at the hub is in this truth"):
        evaluate(database, settings, truth)


def test_a_partner_without_keys(database: Database, settings: Settings, night: int, truth: Path) -> None:
    with (truth / "people.csv").open("a", encoding="utf-8") as file:
        file.write("probation,B1,ann\n")

    with pytest.raises(KeyMaterialError):
        evaluate(database, settings, truth)


def test_a_missing_file_and_a_missing_column(truth: Path) -> None:
    (truth / "criteria.csv").write_text("true_family_id,criterion\nF1,work\n", encoding="utf-8")
    with pytest.raises(TruthError, match=r"criteria.csv: it has no column pack, state\."):
        read_truth(truth)

    (truth / "criteria.csv").unlink()
    with pytest.raises(TruthError, match="the file is not there"):
        read_truth(truth)


def test_a_truth_in_another_encoding_is_refused_without_its_text(truth: Path) -> None:
    (truth / "people.csv").write_bytes(b"partner,person_ref,true_person_id\ncouncil,Zo\xeb,1\n")

    with pytest.raises(TruthError) as caught:
        read_truth(truth)
    assert "Zo" not in str(caught.value)
