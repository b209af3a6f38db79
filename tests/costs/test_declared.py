"""Unit costs are replaceable data: what does not fit is refused, with its line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.contracts import load_vocabulary
from pipeline.costs import load_cost_model
from pipeline.errors import DeclarationError
from pipeline.settings import PROJECT

SCHEMAS = PROJECT / "schemas"
VOCABULARY = load_vocabulary(SCHEMAS)
LINE = (
    "  - {id: mine, need: crime_asb, kinds: [arrest], roles: [suspect], measure: facts, per: person, parts: [CR7.0]}\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SCHEMAS / "costs", tmp_path / "costs"))


def with_line(folder: Path, old: str, new: str) -> Path:
    mapping = folder / "mapping.yaml"
    text = mapping.read_text()
    assert old in LINE
    mapping.write_text(
        text.replace("services:\n", "services:\n", 1).replace("costs:\n", "costs:\n" + LINE.replace(old, new), 1)
    )
    return folder


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[CR7.0]", "[CR99.9]", r"mapping.yaml, line \d+: cost 'mine': there is no unit cost 'CR99.9'"),
        ("[CR7.0]", "[CR3.0]", "facts cannot be counted in a cost 'Per person per year'"),
        ("measure: facts", "measure: days", "'arrest' is one day"),
        ("measure: facts", "measure: guesses", "unknown measure"),
        ("[arrest]", "[arrests]", "there is no evidence kind 'arrests'"),
        ("[suspect]", "[neighbour]", "none of its kinds has the role 'neighbour'"),
        (", roles: [suspect]", "", "must say which roles count"),
        (", parts: [CR7.0]", "", "has no code"),
        ("parts: [CR7.0]", "total: CR8.0, parts: [CR8.0.6]", "falls on nobody"),
        ("per: person", "per: street", "counted per nobody known"),
        ("per: person", "per: person, share: 25", "a share is above 0, up to 1"),
    ],
)  # fmt: skip
def test_a_mapping_that_does_not_hold_is_refused_at_its_line(folder: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        load_cost_model(with_line(folder, old, new), VOCABULARY)


def test_another_table_takes_the_old_ones_place(folder: Path) -> None:
    table = (folder / "unit-costs-gmca-1.4.csv").read_text().replace(",593,2006/07,", ",1000,2015/16,")
    (folder / "unit-costs-2016.csv").write_text(table)
    mapping = folder / "mapping.yaml"
    mapping.write_text(mapping.read_text().replace("unit-costs-gmca-1.4.csv", "unit-costs-2016.csv"))
    model = load_cost_model(folder, VOCABULARY)
    assert model.unit_costs["CR7.0"].fiscal == 1000


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "Per incident,Police,,593,2006/07,",
            "Per incident,Police,,about 600,2006/07,",
            r"line \d+: the fiscal cost is no",
        ),
        ("Per incident,Police,,593,2006/07,", "Per incident,Police,,593,,", "no amount with its price year"),
        (
            "Per incident,Police,,593,2006/07,",
            "Per incident,Constabulary,,593,2006/07,",
            "agency of 'CR7.0' is not declared",
        ),
        ("Per incident,Police,,593,2006/07,", "Per incident,Police,,593,1996/97,", "has no 1996/97"),
        ("Salford: Police costs 2006/07,A", "Salford: Police costs 2006/07,B", "confidence is not known"),
        (",rag", ",colour", "no column rag"),
    ],
)
def test_a_table_that_does_not_hold_is_refused_at_its_line(folder: Path, old: str, new: str, says: str) -> None:
    table = folder / "unit-costs-gmca-1.4.csv"
    assert old in table.read_text()
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(DeclarationError, match=says):
        load_cost_model(folder, VOCABULARY)


@pytest.mark.parametrize(("old", "new"), [("'2003/04'", "'2003/05'"), ("{index: 76.200,", "{index: 0,")])
def test_an_index_that_does_not_hold_is_refused(folder: Path, old: str, new: str) -> None:
    prices = folder / "prices.yaml"
    prices.write_text(prices.read_text().replace(old, new))
    with pytest.raises(DeclarationError, match=r"prices.yaml, line \d+"):
        load_cost_model(folder, VOCABULARY)


def test_kinds_without_a_unit_cost_can_be_told() -> None:
    model = load_cost_model(SCHEMAS / "costs", VOCABULARY)
    assert "rent_arrears" in model.not_costed(VOCABULARY.kinds)
    assert "arrest" not in model.not_costed(VOCABULARY.kinds)
