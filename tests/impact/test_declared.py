"""The declaration of outcomes and issues: what is wrong with one is told with its line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.contracts import load_vocabulary
from pipeline.errors import DeclarationError
from pipeline.impact import load_impact
from pipeline.settings import PROJECT
from tests.impact.impact_tables import declared


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "schemas" / "impact", tmp_path / "impact")
    return tmp_path


def test_the_published_shares_are_those_of_the_family_intervention_projects() -> None:
    shares = {issue.id: (issue.entry, issue.exit) for issue in declared().issues}
    assert shares == {
        "school": (58, 28), "asb": (81, 34), "child_protection": (27, 18), "domestic_violence": (28, 12),
        "mental_health": (36, 28), "drugs": (32, 20), "alcohol": (29, 15), "crime": (35, 20),
        "no_parent_in_work": (68, 58),
    }  # fmt: skip
    assert declared().primary.id == "service_contacts"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (("kinds: [proven_offence]}", "kinds: [offence]}"), "'offence' is no kind of evidence"),
        (("roles: [suspect, offender]", "roles: [culprit]"), "no such roles"),
        (("primary: true", "primary: false"), "one outcome is primary"),
        (("id: offences", "id: police"), "stands twice"),
        (("measure: years", "measure: fortnights"), "unknown measure"),
        (
            ("measure: years, who: adult, kinds: [out_of_work_benefit]", "measure: years, kinds: [arrest]"),
            "needs spells",
        ),
        (("who: adult", "who: uncle"), "nobody is so called"),
        (("rate_at_least: 0.15", "rate: 0.15"), "unknown key rate"),
        (("level: 0.95", "level: 95"), "'level' is a number from 0.5 to 0.999"),
        (("method: propensity", "method: guess"), "unknown method"),
        (("business_as_usual: Business", "usual: Business"), "there are two arms"),
    ],
)
def test_a_bad_declaration_is_refused(schemas: Path, change: tuple[str, str], rule: str) -> None:
    path = schemas / "impact" / "impact.yaml"
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change, 1))
    with pytest.raises(DeclarationError, match=rule):
        load_impact(schemas, load_vocabulary(PROJECT / "schemas"))
