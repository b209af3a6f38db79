"""A pack, a term calendar or a local filter that is not well formed is refused at load, at its line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.contracts import Vocabulary
from pipeline.criteria import Pack, load_pack
from pipeline.errors import DeclarationError

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
DEFAULT = "troubled-families-2012"


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """A copy of packs and calendars, to be spoilt."""
    for folder in ("criteria", "terms"):
        shutil.copytree(SCHEMAS / folder, tmp_path / folder)
    return tmp_path


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def line_of(path: Path, text: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def test_the_default_pack(pack: Pack) -> None:
    assert [criterion.id for criterion in pack.criteria] == ["crime_asb", "education", "work", "local"]
    assert [criterion.local for criterion in pack.criteria] == [False, False, False, True]
    assert pack.terms is not None
    assert pack.terms.id == "borough"
    assert pack.criteria[1].any_of[4].termly == {"unauthorised_absence"}
    assert len(pack.sha256) == 64
    assert all(rule.sentence and rule.source for criterion in pack.criteria for rule in criterion.any_of)
    assert "Carer's Allowance" in pack.criteria[2].any_of[0].unconfirmed


UNIT_COUNT = "kinds: [suspension]\n        window: {terms: 3}\n        measure: count\n        at_least: 3"
WRONG = {
    # what is changed: from, to, what the error says, and a text of its line (empty: any)
    "unknown kind": ("kinds: [permanent_exclusion]", "kinds: [expulsion]", "no evidence kind 'expulsion'", "expulsion"),
    "unknown code": ("codes: [none]", "codes: [nowhere]", "none of its kinds has the code 'nowhere'", "nowhere"),
    "unknown role": ("roles: [suspect, offender, victim]", "roles: [witness]", "has the role 'witness'", "witness"),
    "roles left out": ("        roles: [suspect, offender, victim]\n", "", "must say which roles count", ""),
    "unknown key": ("at_least: 0.15", "at_lest: 0.15", "no key 'at_lest'", "at_lest"),
    "unknown key of a pack": ("version:", "verson:", "no key 'verson'", "verson"),
    "unknown key of a criterion": ("number: 2", "nummer: 2", "no key 'nummer'", "nummer"),
    "who": ("who: adult", "who: grandparent", "nobody is so called", "grandparent"),
    "sentence left out": ("        sentence: A child permanently excluded.\n", "", "needs 'sentence'", ""),
    "rate of what has no quantity": (UNIT_COUNT, UNIT_COUNT.replace("count", "rate").replace("least: 3", "least: 0.3"),
                                     "that a rate needs", "measure: rate"),
    "sum of what has no quantity": ("kinds: [eviction_notice]\n        window: {months: 12}\n        measure: count",
                                    "kinds: [eviction_notice]\n        window: {months: 12}\n        measure: sum",
                                    "that a sum needs", "measure: sum"),
    "sum without its unit": (UNIT_COUNT, UNIT_COUNT.replace("count", "sum"), "not in the unit of 'suspension'", ""),
    "sum in another unit": (UNIT_COUNT, UNIT_COUNT.replace("count", "sum") + "\n        unit: days",
                            "half-day sessions", "unit: days"),
    "a unit where none is": ("measure: rate", "unit: days\n        measure: rate", "a rate has no unit", "unit: days"),
    "rate in per cent": ("at_least: 0.15", "at_least: 15", "a share between 0 and 1", "at_least: 15"),
    "rate with its sign": ("at_least: 0.15", "at_least: 15 %", "no positive number", "at_least: 15 %"),
    "half a count": ("at_least: 3", "at_least: 2.5", "a count is a whole number", "2.5"),
    "threshold of nothing": ("at_least: 3", "at_least: 0", "no positive number", "at_least: 0"),
    "empty range": ("at_least: 3", "at_least: 3\n        below: 3", "the range is empty", "below: 3"),
    "unknown measure": ("measure: rate", "measure: average", "unknown measure", "average"),
    "one day cannot be current": ("kinds: [permanent_exclusion]\n        window: {terms: 3}",
                                  "kinds: [permanent_exclusion]\n        window: current", "cannot be current", ""),
    "unknown window": ("window: {terms: 3}", "window: {years: 3}", "unknown window", "years"),
    "window of no length": ("window: {terms: 3}", "window: {terms: 0}", "window of no length", "terms: 0"),
    "unknown moment": ("window: {terms: 3}", "window: {terms: 3, moment: soon}", "unknown moment", "soon"),
    "date of a code it has not": ("UC_PLANNING: {from", "UC_NEVER: {from", "'UC_NEVER' is not among its codes",
                                  "UC_NEVER"),
    "code that ends before it starts": ("UC_PLANNING: {from: 2013-04-29}",
                                        "UC_PLANNING: {from: 2013-04-29, until: 2013-01-01}", "ends before", ""),
    "no such calendar": ("terms: borough", "terms: nowhere", "no such term calendar", "terms: nowhere"),
    "criterion without source": ("    source: Financial framework 2012, identification criterion 2\n", "",
                                 "'source' is missing", "id: education"),
    "route over nothing": ("all: [local]", "all: [regional]", "no criterion 'regional'", "regional"),
    "route that cannot hold": ("at_least: 2, of:", "at_least: 4, of:", "at most the number", "at_least: 4"),
    "families": ("families: with_children", "families: all_of_them", "'families' is not known", "all_of_them"),
    "age": ("dependent_child: {under: 18}", "dependent_child: {under: eighteen}", "as an age in years", "eighteen"),
    "rule twice": ("id: no_roll", "id: pru_or_ap", "a rule stands twice", ""),
    "criterion twice": ("  - id: local", "  - id: work", "a criterion stands twice", "criteria:"),
    "no selection": ("selection:", "choice:", "no key 'choice'", "choice:"),
    "filter of a national criterion": ("    number: 3\n", "    number: 3\n    filter: repeat-demand\n",
                                       "only a local criterion", "filter: repeat"),
    "filter there is not": ("    local: true\n", "    local: true\n    filter: nowhere\n", "no such local filter",
                            "filter: nowhere"),
    "a code that one kind has not": ("kinds: [child_protection_plan]", "kinds: [child_protection_plan, child_in_need]"
                                     "\n        codes: [N1]", "which then never counts", "codes: [N1]"),
    "'and' within 'and'": (
        "at_least: 0.15", "at_least: 0.15\n        and: [{id: a, sentence: A., who: child, kinds: [enrolment], window: "
        "current, measure: count, at_least: 1, and: [{id: b, sentence: B., who: child, kinds: [enrolment], window: "
        "current, measure: count, at_least: 1}]}]", "has tests of its own", "and: [{id: a"),
    "not YAML": ("criteria:", "criteria: [", "not valid YAML", ""),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says", "line"), WRONG.values(), ids=list(WRONG))
def test_refused_with_file_and_line(
    schemas: Path, vocabulary: Vocabulary, old: str, new: str, says: str, line: str
) -> None:
    path = schemas / "criteria" / f"{DEFAULT}.yaml"
    spoil(path, old, new)
    with pytest.raises(DeclarationError, match=says) as refused:
        load_pack(path, vocabulary)
    where = refused.value.where
    assert where.startswith(f"{path.name}, line ")
    if line:
        assert where == f"{path.name}, line {line_of(path, line)}"


WRONG_TERMS = {
    "terms overlap": ("end: '03-31'", "end: '04-01'", "'spring' and 'summer' overlap", "  summer: {start"),
    "term missing": ("  spring: {start: '01-01', end: '03-31'}\n", "", "term 'spring' is missing", "every_year:"),
    "term unknown": ("  spring: {", "  lent: {", "no key 'lent'", "lent"),
    "term backwards": ("start: '04-01', end: '08-31'", "start: '08-31', end: '04-01'", "ends before it starts",
                       "  summer: {start"),
    "term on no day": ("start: '04-01'", "start: '04-31'", "needs a start", "04-31"),
    "terms in the wrong order": ("autumn: {start: '09-01', end: '12-31'}\n  spring: {start: '01-01', end: '03-31'}",
                                 "spring: {start: '09-01', end: '12-31'}\n  autumn: {start: '01-01', end: '03-31'}",
                                 "spring, summer, autumn", ""),
    "no terms": ("every_year:\n  autumn: {start: '09-01', end: '12-31'}\n  spring: {start: '01-01', end: '03-31'}\n"
                 "  summer: {start: '04-01', end: '08-31'}", "", "is empty", ""),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says", "line"), WRONG_TERMS.values(), ids=list(WRONG_TERMS))
def test_terms_refused_with_file_and_line(
    schemas: Path, vocabulary: Vocabulary, old: str, new: str, says: str, line: str
) -> None:
    path = schemas / "terms" / "borough.yaml"
    spoil(path, old, new)
    with pytest.raises(DeclarationError, match=says) as refused:
        load_pack(schemas / "criteria" / f"{DEFAULT}.yaml", vocabulary)
    assert refused.value.where.startswith("borough.yaml, line ")
    if line:
        assert refused.value.where.endswith(f" {line_of(path, line)}")


def test_a_kind_that_no_contract_produces(schemas: Path, vocabulary: Vocabulary) -> None:
    path = schemas / "criteria" / f"{DEFAULT}.yaml"
    produced = set(vocabulary.kinds) - {"eviction_notice"}
    with pytest.raises(DeclarationError, match="no partner's contract produces 'eviction_notice'") as refused:
        load_pack(path, vocabulary, produced=produced)
    assert refused.value.where == f"{path.name}, line {line_of(path, 'kinds: [eviction_notice]')}"
    assert load_pack(path, vocabulary, produced=vocabulary.kinds).id == DEFAULT
    # A pack may say that it knows.
    spoil(path, "kinds: [eviction_notice]", "kinds: [eviction_notice]\n        awaits_feed: true")
    assert load_pack(path, vocabulary, produced=produced).criteria[3].any_of[3].awaits_feed


def test_a_pack_without_terms_may_not_count_in_terms(schemas: Path, vocabulary: Vocabulary) -> None:
    path = schemas / "criteria" / f"{DEFAULT}.yaml"
    spoil(path, "terms: borough", "#")
    with pytest.raises(DeclarationError, match="no term calendar"):
        load_pack(path, vocabulary)


def test_terms_may_stand_in_the_pack(schemas: Path, vocabulary: Vocabulary) -> None:
    path = schemas / "criteria" / f"{DEFAULT}.yaml"
    spoil(path, "terms: borough", "terms: {every_year: {autumn: {start: '09-01', end: '12-31'}, "
          "spring: {start: '01-01', end: '03-31'}, summer: {start: '04-01', end: '08-31'}}}")  # fmt: skip
    assert load_pack(path, vocabulary).terms is not None


def test_a_pack_is_named_after_its_file(schemas: Path, vocabulary: Vocabulary) -> None:
    path = schemas / "criteria" / "mine.yaml"
    shutil.copy(schemas / "criteria" / f"{DEFAULT}.yaml", path)
    with pytest.raises(DeclarationError, match="named after its pack"):
        load_pack(path, vocabulary)


# --- what-if: changes before they are put in force
def test_a_change_is_tried_without_touching_the_file(schemas: Path, vocabulary: Vocabulary) -> None:
    path = schemas / "criteria" / f"{DEFAULT}.yaml"
    before = path.read_bytes()
    changed = load_pack(
        path,
        vocabulary,
        changes={
            "education.unauthorised_absence.at_least": 0.10,
            "selection.two_and_local.at_least": 1,
            "dependent_child.under": 19,
            "education.fixed_exclusions.window.terms": 2,
        },
    )
    assert changed.criteria[1].any_of[4].at_least == 0.10
    assert changed.criteria[1].any_of[1].window.length == 2
    assert changed.selection.any_of[1].at_least == 1
    assert changed.child_under == 19
    assert changed.sha256 != load_pack(path, vocabulary).sha256
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "value", "says"),
    [
        ("education.unauthorised_absence.at_least", 10, "a share between 0 and 1"),
        ("education.unauthorised_absence.at_most", 10, "no key 'at_most'"),
        ("education.truancy.at_least", 0.1, "nothing called 'truancy'"),
        ("schooling.unauthorised_absence.at_least", 0.1, "nothing called 'schooling'"),
        ("education.unauthorised_absence.kinds", ["truancy"], "no evidence kind 'truancy'"),
        ("education.no_roll.window.terms", 3, "nothing called 'terms'"),
    ],
)
def test_a_change_is_checked_like_the_pack_and_named(
    vocabulary: Vocabulary, change: str, value: object, says: str
) -> None:
    with pytest.raises(DeclarationError, match=says) as refused:
        load_pack(SCHEMAS / "criteria" / f"{DEFAULT}.yaml", vocabulary, changes={change: value})
    assert refused.value.where == f"the change '{change}'"
