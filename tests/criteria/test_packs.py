"""A pack that is not well formed is refused at load, at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.contracts import Vocabulary
from pipeline.criteria import Pack, load_pack
from pipeline.errors import DeclarationError

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
DEFAULT = SCHEMAS / "criteria" / "troubled-families-2012.yaml"


def test_the_default_pack(pack: Pack) -> None:
    assert [criterion.id for criterion in pack.criteria] == ["crime_asb", "education", "work", "local"]
    assert [criterion.local for criterion in pack.criteria] == [False, False, False, True]
    assert [term.name for term in pack.terms] == ["spring", "summer", "autumn"]
    assert pack.criteria[1].any_of[4].termly == {"unauthorised_absence"}
    assert len(pack.sha256) == 64


WRONG = {
    # what is changed: from, to, and what the error says
    "unknown kind": ("kinds: [permanent_exclusion]", "kinds: [expulsion]", "no evidence kind 'expulsion'"),
    "unknown code": ("codes: [none]", "codes: [nowhere]", "none of its kinds has the code 'nowhere'"),
    "unknown role": ("roles: [suspect, offender, victim]", "roles: [witness]", "has the role 'witness'"),
    "roles left out": ("roles: [suspect, offender, victim], ", "", "must say which roles count"),
    "unknown key": ("measure: rate, at_least: 0.15", "measure: rate, at_lest: 0.15", "no key 'at_lest'"),
    "who": ("who: adult", "who: grandparent", "nobody is so called"),
    "rate of what has no quantity": ("window: {terms: 3}, measure: count, at_least: 3",
                                     "window: {terms: 3}, measure: rate, at_least: 0.3", "that a rate needs"),
    "sum of what has no quantity": ("kinds: [eviction_notice], window: {months: 12}, measure: count",
                                    "kinds: [eviction_notice], window: {months: 12}, measure: sum", "that a sum needs"),
    "rate in per cent": ("at_least: 0.15", "at_least: 15", "a share between 0 and 1"),
    "half a count": ("at_least: 3", "at_least: 2.5", "a count is a whole number"),
    "threshold of nothing": ("at_least: 3", "at_least: 0", "no positive number"),
    "unknown measure": ("measure: rate", "measure: average", "unknown measure"),
    "one day cannot be current": ("kinds: [permanent_exclusion], window: {terms: 3}",
                                  "kinds: [permanent_exclusion], window: current", "cannot be current"),
    "unknown window": ("{terms: 3}, measure: rate", "{years: 3}, measure: rate", "unknown window"),
    "window of no length": ("{terms: 3}, measure: rate", "{terms: 0}, measure: rate", "window of no length"),
    "terms overlap": ("spring: {start: '01-01', end: '03-31'}", "spring: {start: '01-01', end: '04-01'}",
                      "'spring' and 'summer' overlap"),
    "term missing": ("  spring: {start: '01-01', end: '03-31'}\n", "", "term 'spring' is missing"),
    "term unknown": ("  spring: {start: '01-01'", "  lent: {start: '01-01'", "unknown name"),
    "term backwards": ("start: '04-01', end: '08-31'", "start: '08-31', end: '04-01'", "ends before it starts"),
    "term on no day": ("start: '04-01'", "start: '04-31'", "needs a start"),
    "criterion without source": ("    source: Financial framework 2012, identification criterion 2\n", "",
                                 "needs 'source'"),
    "route over nothing": ("all: [local]", "all: [regional]", "no criterion 'regional'"),
    "route that cannot hold": ("at_least: 2, of:", "at_least: 4, of:", "at most the number"),
    "families": ("families: with_children", "families: all_of_them", "'families' is not known"),
    "age": ("dependent_child: {under: 18}", "dependent_child: {under: eighteen}", "as an age in years"),
    "rule twice": ("id: no_roll", "id: pru_or_ap", "a rule stands twice"),
    "criterion twice": ("  - id: local", "  - id: work", "a criterion stands twice"),
    "no selection": ("selection:", "choice:", "needs 'selection'"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), WRONG.values(), ids=list(WRONG))
def test_refused_with_file_and_line(tmp_path: Path, vocabulary: Vocabulary, old: str, new: str, says: str) -> None:
    text = DEFAULT.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / DEFAULT.name
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DeclarationError, match=says) as refused:
        load_pack(path, vocabulary)
    assert refused.value.where.startswith(f"{DEFAULT.name}, line ")


def test_the_line_is_that_of_the_rule(tmp_path: Path, vocabulary: Vocabulary) -> None:
    lines = DEFAULT.read_text(encoding="utf-8").splitlines()
    number = next(index for index, line in enumerate(lines, start=1) if "id: fixed_exclusions" in line)
    lines[number - 1] = lines[number - 1].replace("[suspension]", "[suspensions]")
    path = tmp_path / DEFAULT.name
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DeclarationError) as refused:
        load_pack(path, vocabulary)
    assert refused.value.where == f"{DEFAULT.name}, line {number}"


def test_a_kind_that_no_contract_produces(vocabulary: Vocabulary) -> None:
    produced = set(vocabulary.kinds) - {"eviction_notice"}
    with pytest.raises(DeclarationError, match="no partner's contract produces 'eviction_notice'"):
        load_pack(DEFAULT, vocabulary, produced=produced)
    assert load_pack(DEFAULT, vocabulary, produced=vocabulary.kinds).id == "troubled-families-2012"


def test_a_pack_without_terms_may_not_count_in_terms(tmp_path: Path, vocabulary: Vocabulary) -> None:
    text = DEFAULT.read_text(encoding="utf-8")
    start, end = text.index("terms:   "), text.index("criteria:")
    path = tmp_path / DEFAULT.name
    path.write_text(text[:start] + text[end:], encoding="utf-8")
    with pytest.raises(DeclarationError, match="no term calendar"):
        load_pack(path, vocabulary)


def test_a_pack_is_named_after_its_file(tmp_path: Path, vocabulary: Vocabulary) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(DEFAULT.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(DeclarationError, match="named after its pack"):
        load_pack(path, vocabulary)
