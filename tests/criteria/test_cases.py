"""The case tables are the packs' specification: every case goes through the engine, and every rule has its cases."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.contracts import Vocabulary, load_contracts
from pipeline.criteria import Pack, load_pack
from pipeline.criteria.cases import Case, cases_path, load_cases
from pipeline.criteria.trial import try_cases
from pipeline.errors import DeclarationError

CRITERIA = Path(__file__).resolve().parents[2] / "schemas" / "criteria"
PACKS = sorted(path.stem for path in CRITERIA.glob("*.yaml"))
FILTERS = sorted(path.stem for path in (CRITERIA / "local").glob("*.yaml"))
SUBJECTS = [*((pack, None) for pack in PACKS), *(("troubled-families-2012", local) for local in FILTERS)]
Subject = tuple[Pack, tuple[Case, ...]]


@pytest.fixture(scope="module", params=SUBJECTS, ids=[local or pack for pack, local in SUBJECTS])
def subject(request: pytest.FixtureRequest, vocabulary: Vocabulary) -> Subject:
    name, local = request.param
    pack = load_pack(CRITERIA / f"{name}.yaml", vocabulary, local=local)
    return pack, load_cases(cases_path(CRITERIA, name, local), vocabulary, pack)


def test_every_case_comes_out_as_it_says(subject: Subject) -> None:
    pack, cases = subject
    wrong = [(one.case.line, one.case.label, one.got, one.reason) for one in try_cases(cases, pack) if not one.passed]
    assert not wrong


def test_every_rule_has_cases_on_both_sides(subject: Subject) -> None:
    pack, cases = subject
    told = {(case.criterion, case.rule, case.out) for case in cases}
    for criterion in pack.criteria:
        if "local" in {c.criterion for c in cases} and len({c.criterion for c in cases}) == 1 and not criterion.local:
            continue  # a local filter's cases are about the local criterion alone
        for rule in criterion.any_of:
            outs = {out for of, by, out in told if (of, by) == (criterion.id, rule.id)}
            assert "met" in outs, (criterion.id, rule.id)
            assert outs & {"not_met", "unknown"}, (criterion.id, rule.id)


def test_a_criterion_is_unknown_never_not_met_while_a_kind_it_needs_is_sent_by_nobody(
    subject: Subject, vocabulary: Vocabulary
) -> None:
    """For each criterion: whatever case comes out as not met is unknown once any of its kinds has no feed."""
    pack, cases = subject
    for criterion in pack.criteria:
        for kind in criterion.kinds:
            gapped = [
                replace(case, no_feed=case.no_feed | {kind}, out="unknown")
                for case in cases
                if case.criterion == criterion.id and case.out == "not_met" and case.as_at == cases[0].as_at
            ]
            assert {one.got for one in try_cases(gapped, pack)} <= {"unknown"}


def test_what_no_contract_sends_is_marked_and_nothing_else_is(subject: Subject, vocabulary: Vocabulary) -> None:
    pack, _ = subject
    produced = frozenset().union(
        *(contract.evidence_kinds() for contract in load_contracts(CRITERIA.parent, vocabulary).values())
    )
    for criterion in pack.criteria:
        for rule in criterion.any_of:
            for test in rule.tests:
                assert test.awaits_feed == (not set(test.kinds) <= produced), (rule.id, test.id)


def test_all_packs_load_against_the_contracts(vocabulary: Vocabulary) -> None:
    contracts = load_contracts(CRITERIA.parent, vocabulary)
    produced = frozenset().union(*(contract.evidence_kinds() for contract in contracts.values()))
    sizes = {pack: len(load_pack(CRITERIA / f"{pack}.yaml", vocabulary, produced=produced).criteria) for pack in PACKS}
    assert sizes == {
        "fmp-2010": 7, "supporting-families-2022": 10, "troubled-families-2012": 4, "troubled-families-2015": 6,
    }  # fmt: skip


def test_a_local_filter_takes_the_place_of_the_local_criterion(vocabulary: Vocabulary) -> None:
    path = CRITERIA / "troubled-families-2012.yaml"
    own, other = load_pack(path, vocabulary), load_pack(path, vocabulary, local="repeat-demand")
    assert other.criteria[:3] == own.criteria[:3]
    assert other.criteria[3].filter == "repeat-demand"
    assert [rule.id for rule in other.criteria[3].any_of] == ["repeat_referral", "frequent_callouts", "eviction_risk"]
    assert other.version == f"{own.version}+repeat-demand.1.0.0"
    assert other.sha256 != own.sha256
    changed = load_pack(path, vocabulary, local="repeat-demand", changes={"local.frequent_callouts.at_least": 5})
    assert changed.criteria[3].any_of[1].at_least == 5
    with pytest.raises(DeclarationError, match="no local criterion to replace"):
        load_pack(CRITERIA / "fmp-2010.yaml", vocabulary, local="repeat-demand")
    with pytest.raises(DeclarationError, match=r"no such local filter.*early-signs"):
        load_pack(path, vocabulary, local="late-signs")


def test_the_three_of_2022_counts_outcomes_or_needs(vocabulary: Vocabulary) -> None:
    """Three needs of two outcomes: selected when needs are counted, not when headline outcomes are."""
    path = CRITERIA / "supporting-families-2022.yaml"
    for counts, expected in (("criteria", "not_selected"), ("rules", "selected")):
        pack = load_pack(path, vocabulary, changes={"selection.three_of_ten.counts": counts})
        cases = load_cases(cases_path(CRITERIA, pack.id), vocabulary, pack)
        case = next(case for case in cases if case.label.startswith("three needs"))
        assert try_cases([case], pack)[0].got == expected


def test_a_wrong_case_is_seen(vocabulary: Vocabulary) -> None:
    pack = load_pack(CRITERIA / "troubled-families-2012.yaml", vocabulary)
    cases = load_cases(cases_path(CRITERIA, pack.id), vocabulary, pack)
    met = next(case for case in cases if case.out == "met")
    assert not try_cases([replace(met, out="not_met")], pack)[0].passed
    assert not try_cases([replace(met, rule="asb_action")], pack)[0].passed  # met, but by another rule


WRONG = {
    "unknown rule": ("    no_roll:\n", "    no_rolls:\n", "there is no rule 'no_rolls'"),
    "unknown criterion": ("  work:\n", "  wurk:\n", "there is no criterion 'wurk'"),
    "unknown person": ("{who: son, kind: proven_offence", "{who: sun, kind: proven_offence", "nobody in the family"),
    "unknown kind": ("kind: asb_order, from: 2010-01-01", "kind: asb_odor, from: 2010-01-01", "no evidence kind"),
    "unknown state": ("out: met", "out: perhaps", "comes out as nothing known"),
    "unknown key": ("facts: [{who: son", "fact: [{who: son", "no key 'fact'"),
    "no date": ("day: 2013-08-01}", "day: soon}", "a date is missing"),
    "no month of birth": ("born: 1980-02", "born: 1980", "'born' is a month"),
}


@pytest.mark.parametrize(("old", "new", "says"), WRONG.values(), ids=list(WRONG))
def test_cases_are_refused_with_file_and_line(
    tmp_path: Path, vocabulary: Vocabulary, old: str, new: str, says: str
) -> None:
    pack = load_pack(CRITERIA / "troubled-families-2012.yaml", vocabulary)
    path = tmp_path / "cases.yaml"
    shutil.copy(cases_path(CRITERIA, pack.id), path)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DeclarationError, match=says) as refused:
        load_cases(path, vocabulary, pack)
    assert refused.value.where.startswith("cases.yaml, line ")
