"""Which results are marked as closed to onward disclosure follows from the agreement, and from nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from pipeline.casework import Declared, load_declared
from pipeline.casework.night import closed_values, marked
from pipeline.contracts import load_vocabulary
from pipeline.criteria import load_pack
from pipeline.settings import PROJECT
from tests.casework.conftest import PACK


def declared(schemas: Path, pack: str = PACK) -> Declared:
    vocabulary = load_vocabulary(schemas)
    return load_declared(schemas, vocabulary, load_pack(schemas / "criteria" / f"{pack}.yaml", vocabulary))


def changed(tmp_path: Path, *, blocked: str) -> Path:
    """The declarations, with the feed of one partner closed and the others open."""
    schemas = Path(shutil.copytree(PROJECT / "schemas", tmp_path / "schemas"))
    agreement = next((schemas / "agreements").glob("*.yaml"))
    lines, partner = [], ""
    for line in agreement.read_text().splitlines():
        partner = line.split(":")[1].strip() if "partner:" in line else partner
        if "onwardBlocked:" not in line:
            lines.append(line)
        if "partner:" in line and partner == blocked:
            lines.append(" " * (len(line) - len(line.lstrip(" -"))) + "onwardBlocked: true")
    agreement.write_text("\n".join(lines) + "\n")
    return schemas


def test_as_it_is_dwps_feed_is_closed() -> None:
    now = declared(PROJECT / "schemas")
    assert now.closed.partners == {"dwp"}
    assert now.closed.kinds == {"out_of_work_benefit", "programme_attachment"}
    assert now.closed_criteria() == {"crime_asb": False, "education": False, "work": True, "local": False}
    assert closed_values(now) == {"criteria_met", "fiscal_cost", "partners"}
    assert {rule.id for rule in now.costs.rules if now.costs.is_closed(rule)} == {
        "jobseeker", "incapacity", "income_support", "work_programme",
    }  # fmt: skip
    results = pd.DataFrame({"family_id": 1, "criterion": ["work", "education"], "state": ["not_met", "met"]})
    assert marked(results, now)["contains_dwp"].tolist() == [True, False]  # in every state


def test_another_agreement_closes_another_feed(tmp_path: Path) -> None:
    police = declared(changed(tmp_path, blocked="police"))
    assert police.closed.partners == {"police"}
    assert "arrest" in police.closed.kinds
    assert police.closed.nominates
    assert police.closed_criteria()["crime_asb"]
    assert not police.closed_criteria()["work"]
    assert closed_values(police) == {"criteria_met", "fiscal_cost", "partners", "nominating_partners", "best_rank"}


def test_nothing_closed_marks_nothing(tmp_path: Path) -> None:
    nobody = declared(changed(tmp_path, blocked="nobody"))
    assert not nobody.closed.partners
    assert not any(nobody.closed_criteria().values())
    assert not closed_values(nobody)
