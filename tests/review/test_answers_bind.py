"""Answers on a real database: they bind the next night and those after it, and are never changed or lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from pipeline.errors import BuildError
from pipeline.explain import explain_pair
from pipeline.nightly import anything_new
from pipeline.review import answer_pair, review_queue
from pipeline.review.answers import check_words
from pipeline.review.console import read_standing, standing_text
from tests.review.night import Night, Pair

BY, WHY = "J. Smith", "two siblings at one address"


def say(night: Night, pair: Pair, answer: str, by: str = BY, why: str = WHY) -> bool:
    return answer_pair(night.database, night.settings, *pair, answer, by=by, why=why)


def decision(night: Night, pair: Pair) -> list[tuple[Any, ...]]:
    return night.rows("select decision from identity.link where (record_a, record_b) = (%s, %s)", *sorted(pair))


def test_different_splits_a_person_and_same_merges_two(night: Night) -> None:
    split, merge = night.match(), night.possible(same_partner=False)
    assert night.together(split)
    assert not night.together(merge)
    assert say(night, split, "different")
    assert say(night, merge[::-1], "same", why="one child, two schools")
    run = night.build()
    assert not night.together(split)
    assert night.together(merge)
    assert decision(night, split) == [("cut",)]
    assert decision(night, merge) == [("match",)]
    changes = night.rows("select change from identity.person_ledger where run_id = %s order by 1", run)
    assert changes == [("merge",), ("split",)]
    counts = night.rows("select parameters -> 'answers' from registry.run where run_id = %s", run)
    assert counts == [({"same": 1, "different": 1, "cannot_tell": 0, "set_aside": 0},)]


def test_twice_is_once_and_a_second_night_changes_nothing(night: Night) -> None:
    pair = night.match()
    assert say(night, pair, "different")
    assert not say(night, pair[::-1], "different")
    night.build()
    persons = night.rows("select * from identity.person order by 1")
    links = night.rows("select * from identity.link order by 1, 2")
    run = night.build()
    assert night.rows("select * from identity.person order by 1") == persons
    assert night.rows("select * from identity.link order by 1, 2") == links
    assert night.rows("select count(*) from identity.person_ledger where run_id = %s", run) == [(0,)]
    assert night.rows("select count(*) from identity.review_answer") == [(1,)]


def test_cannot_tell_takes_an_answer_back(night: Night) -> None:
    pair = night.match()
    say(night, pair, "different")
    night.build()
    say(night, pair, "cannot_tell", why="the file was of somebody else")
    night.build()
    assert night.together(pair)


def test_two_records_that_never_met_can_be_one_person(night: Night) -> None:
    pair = night.strangers()
    say(night, pair, "same")
    night.build()
    assert night.together(pair)
    account = explain_pair(night.database, night.settings, *pair)
    assert account.found_by is None
    assert account.decided_by == "review"


def test_an_answer_outlives_the_record_and_its_return(night: Night, tmp_path: Path) -> None:
    """The record goes with a delivery without it, and comes back under another record id."""
    pair = night.match()
    say(night, pair, "different")
    night.build()
    record, partner = pair[0], night.partner_of(pair[0])
    pseudonym = night.pseudonym(record)
    night.redeliver(partner, night.without(record, tmp_path / "without"))
    night.build()
    night.redeliver(partner)
    night.build()
    back = night.rows("select record_id from identity.record where person_ref = %s", bytes.fromhex(pseudonym))[0][0]
    assert back != record
    assert not night.together((back, pair[1]))
    account = explain_pair(night.database, night.settings, back, pair[1])
    assert account.decided_by == "review"


def test_a_contradiction_is_reported_and_the_latest_stands(night: Night) -> None:
    a, b = night.match(0)
    c = night.match(1)[0]
    say(night, (a, b), "same", by="A. Khan")
    say(night, (b, c), "same", by="A. Khan")
    say(night, (a, c), "different", by="B. Lee")
    standing = read_standing(night.database)
    assert (standing.same, standing.different) == (1, 1)
    assert [(row[2], row[3]) for row in standing.set_aside] == [("same", "A. Khan")]
    assert "Contradicted" in standing_text(standing)
    run = night.build()
    assert not night.together((a, c))
    assert night.together((b, c))
    assert not night.together((a, b))
    told = night.rows("select parameters #>> '{answers,set_aside}' from registry.run where run_id = %s", run)
    assert told == [("1",)]
    states = [one.state for one in explain_pair(night.database, night.settings, a, b).answers]
    assert states == ["set aside: later answers contradict it"]


def test_an_answer_leaves_the_queue_and_a_new_build_is_due(night: Night) -> None:
    entries = review_queue(night.database, night.settings)
    first = (entries[0].record_a, entries[0].record_b)
    assert not anything_new(night.database)
    say(night, first, "cannot_tell")
    assert anything_new(night.database)
    listed = {(one.record_a, one.record_b) for one in review_queue(night.database, night.settings)}
    assert first not in listed
    assert first in {(one.record_a, one.record_b) for one in review_queue(night.database, night.settings, again=True)}


def test_each_answer_is_in_the_audit_log_without_its_reason(night: Night) -> None:
    say(night, night.match(), "different", why="their mothers differ")
    entries = night.rows("select actor, action, subject, detail::text from audit.log where action = 'link_answered'")
    assert len(entries) == 1
    assert entries[0][0] == BY
    assert '"answer": "different"' in entries[0][3]
    assert "mothers" not in str(entries)


def test_answers_are_only_ever_added_to(night: Night, superuser: psycopg.Connection[Any]) -> None:
    say(night, night.match(), "different")
    for statement in (
        "update identity.review_answer set answer = 'same'",
        "delete from identity.review_answer",
        "truncate identity.review_answer",
        "delete from identity.review_question",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            superuser.execute(statement.encode())
        with night.database.connect("wf_linker") as linker, pytest.raises(errors.InsufficientPrivilege):
            linker.execute(statement.encode())


def test_who_evaluates_or_analyses_sees_no_answer(night: Night) -> None:
    for role in ("wf_evaluator", "wf_analyst"):
        for name in ("review_answer", "review_question", "review_reply", "review_binding"):
            with night.database.connect(role) as connection, pytest.raises(errors.InsufficientPrivilege):
                connection.execute(f"select * from identity.{name}".encode())


@pytest.mark.parametrize(
    ("by", "why", "rule"),
    [
        (" ", WHY, "may not be empty"),
        (BY, "  ", "may not be empty"),
        (BY, "her NINO is JX123456B", "looks like an identifier"),
        (BY, "born 12/03/1999", "looks like an identifier"),
        (BY, "lives in XB2 2AA", "looks like an identifier"),
        (BY, "ring 01234 567890", "looks like an identifier"),
        (BY, "because " * 60, "longer than"),
    ],
)
def test_an_answer_says_by_whom_and_why_and_names_nobody(by: str, why: str, rule: str) -> None:
    with pytest.raises(BuildError, match=rule) as refused:
        check_words(by, why)
    assert why.strip() not in str(refused.value) or not why.strip()


@pytest.mark.parametrize("why", [WHY, "same child at 2 schools, moved in year 5", "officer saw both passports"])
def test_an_ordinary_reason_is_taken(why: str) -> None:
    check_words(BY, why)


def test_an_unknown_record_or_answer_is_refused(night: Night) -> None:
    with pytest.raises(BuildError, match="no such record"):
        say(night, (1, 10**9), "same")
    with pytest.raises(BuildError, match="no such answer"):
        say(night, night.match(), "perhaps")
    with pytest.raises(BuildError, match="a record is itself"):
        say(night, (night.match()[0],) * 2, "same")
