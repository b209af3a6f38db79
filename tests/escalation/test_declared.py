"""The declaration of contacts, test and readers: what is wrong with one is told with its line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.contracts.closed import load_closed
from pipeline.errors import DeclarationError
from pipeline.escalation import Escalation, load_escalation
from pipeline.settings import PROJECT
from tests.escalation.contact_tables import declared


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "schemas" / "escalation", tmp_path / "escalation")
    return tmp_path


def load(schemas: Path, change: tuple[str, str]) -> Escalation:
    path = schemas / "escalation" / "escalation.yaml"
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change, 1))
    vocabulary = load_vocabulary(PROJECT / "schemas")
    closed = load_closed(PROJECT / "schemas", vocabulary)
    return load_escalation(schemas, vocabulary, closed, load_contracts(PROJECT / "schemas", vocabulary))


def test_the_default_closes_dwp_to_all_but_the_council_and_itself() -> None:
    assert declared().blocked == {"dwp"}
    assert {name for name, reader in declared().readers.items() if "dwp" in reader.sees} == {"council", "dwp"}
    assert all(reader.sees >= {"council", "police", "schools"} for reader in declared().readers.values())


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (("kind: arrest", "kind: arest"), "'arest' is no kind of evidence"),
        (("kind: asb_incident", "kind: arrest"), "'arrest' stands twice"),
        (("{kind: arrest, agency: police}", "{kind: arrest, agency: polis}"), "'polis' is no agency"),
        (("recent_months: 3", "recent_months: 0"), "no whole number from 1"),
        (("false_discovery_rate: 0.10", "false_discovery_rate: 10"), r"not in \(0.0, 0.5\]"),
        (("discounts: [1.0", "discounts: [1.1"), r"numbers in \(0, 1\]"),
        (("sees_blocked: [dwp]", "sees_blocked: [dss]"), "a partner without a contract"),
        (("readers:", "reader:"), "'readers' is missing"),
        (("role: wf_police, ", ""), "a reader lacks 'role'"),
    ],
)
def test_a_bad_declaration_is_refused(schemas: Path, change: tuple[str, str], rule: str) -> None:
    with pytest.raises(DeclarationError, match=rule):
        load(schemas, change)


def test_a_reader_by_id_or_database_role_and_nobody_else() -> None:
    assert declared().reader("police") is declared().reader("wf_police")
    with pytest.raises(DeclarationError, match=r"there are: analyst, caseworker, council"):
        declared().reader("polise")


def test_an_agency_that_a_blocked_partner_speaks_of_is_closed() -> None:
    assert declared().closed == {"jobcentre"}
