"""What we said on a day, knowing what we knew on another: small tables of runs in, answers out."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import psycopg
import pytest

from pipeline.contracts import load_vocabulary
from pipeline.criteria import Pack, load_pack
from pipeline.errors import BuildError
from pipeline.records import CriteriaResult
from pipeline.settings import PROJECT
from pipeline.statements import moves_between, record, said_of
from pipeline.store.database import Database

PACK = "troubled-families-2012"
SCHEMAS = PROJECT / "schemas"


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(SCHEMAS / "criteria" / f"{PACK}.yaml", load_vocabulary(SCHEMAS))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


class Nights:
    """Runs written as a build writes them: what is said of each family, as at a day, published on another."""

    def __init__(self, database: Database, pack: Pack) -> None:
        self.database, self.pack = database, pack

    def publish(self, run: int, as_at: str, on: str, said: dict[int, dict[str, list[str]]], **run_columns: Any) -> None:
        """`said`: family → criterion met → kinds that meet it; with three criteria a family is selected."""
        facts = sorted({kind for criteria in said.values() for kinds in criteria.values() for kind in kinds})
        number = {kind: place for place, kind in enumerate(facts, start=1)}
        evidence = pd.DataFrame(
            [(number[kind], "council", kind, pd.Timestamp("2014-01-01"), pd.NaT) for kind in facts],
            columns=["evidence_id", "partner", "kind", "start_date", "end_date"],
        )
        results, decisive, selection = [], [], []
        for family, met in said.items():
            for criterion in self.pack.criteria:
                state = "met" if criterion.id in met else "not_met"
                results.append((family, criterion.id, state, "a rule" if state == "met" else "no rule met"))
                decisive += [(family, criterion.id, number[kind]) for kind in met.get(criterion.id, [])]
            chosen = len(met) >= 3
            selection.append((family, chosen, "selected" if chosen else "not_selected", len(met), "a route"))
        evaluated = CriteriaResult(
            pd.DataFrame(results, columns=["family_id", "criterion", "state", "reason"]),
            pd.DataFrame(decisive, columns=["family_id", "criterion", "evidence_id"]).astype("int64", errors="ignore"),
            pd.DataFrame(selection, columns=["family_id", "selected", "state", "criteria_met", "reason"]),
        )
        with self.database.connect() as connection:
            connection.execute(
                "insert into registry.run (run_id, kind, as_at, started_at, finished_at, state, pack, pack_version,"
                " model_version) values (%s, 'build', %s, %s, %s, 'published', %s, %s, 1)",
                (run, as_at, on, on, PACK, run_columns.get("pack_version", "1.0.0")),
            )
            record(connection, run, self.pack, evaluated, evidence, ["out_of_work_benefit"])

    def said(self, family: int, on: str, known: str) -> tuple[int, str, list[str]]:
        answer = said_of(self.database, family, day(on), day(known), PACK)
        return answer.run_id, answer.standing, sorted(answer.criteria)

    def rows(self) -> list[tuple[Any, ...]]:
        with self.database.connect() as connection:
            return connection.execute(
                "select family_id, from_run, until_run, criteria_met from publication.statement order by 1, 2"
            ).fetchall()


@pytest.fixture
def nights(database: Database, pack: Pack) -> Nights:
    return Nights(database, pack)


ALL = {"crime_asb": ["proven_offence"], "education": ["suspension"], "work": ["out_of_work_benefit"]}
TWO = {"crime_asb": ["proven_offence"], "work": ["out_of_work_benefit"]}


def test_an_unchanged_run_writes_nothing(nights: Nights) -> None:
    nights.publish(1, "2014-02-28", "2014-03-01", {7: ALL, 8: {}})
    nights.publish(2, "2014-03-31", "2014-04-01", {7: ALL, 8: {}})
    assert nights.rows() == [(7, 1, None, 3), (8, 1, None, 0)]


def test_one_march_as_known_on_fifteen_march_and_later(nights: Nights) -> None:
    """A late delivery corrects the past: the same day, two answers, by when they were known."""
    nights.publish(1, "2014-02-28", "2014-03-01", {7: TWO})
    nights.publish(2, "2014-03-31", "2014-04-01", {7: TWO})
    nights.publish(3, "2014-02-28", "2014-04-10", {7: ALL})  # looks back, knowing more
    nights.publish(4, "2014-04-30", "2014-05-01", {7: TWO})
    assert nights.said(7, "2014-03-01", "2014-03-15") == (1, "not_selected", ["crime_asb", "work"])
    assert nights.said(7, "2014-03-01", "2014-04-20") == (3, "selected", ["crime_asb", "education", "work"])
    assert nights.said(7, "2014-04-01", "2014-04-20") == (2, "not_selected", ["crime_asb", "work"])
    assert nights.said(7, "2014-05-30", "2014-06-01") == (4, "not_selected", ["crime_asb", "work"])


def test_known_on_a_day_is_known_by_its_end(nights: Nights) -> None:
    nights.publish(1, "2014-02-28", "2014-03-01 23:59", {7: ALL})
    assert nights.said(7, "2014-02-28", "2014-03-01")[0] == 1
    with pytest.raises(BuildError, match="by then, no run"):
        nights.said(7, "2014-02-28", "2014-02-28")
    with pytest.raises(BuildError, match="by then, no run"):
        nights.said(7, "2014-02-27", "2014-03-01")


def test_a_family_that_is_no_longer_looked_at(nights: Nights) -> None:
    nights.publish(1, "2014-02-28", "2014-03-01", {7: ALL})
    nights.publish(2, "2014-03-31", "2014-04-01", {8: ALL})
    assert nights.said(7, "2014-02-28", "2014-05-01")[1] == "selected"
    assert nights.said(7, "2014-03-31", "2014-05-01")[1] == "not_looked_at"
    assert nights.rows() == [(7, 1, 2, 3), (8, 2, None, 3)]


def test_dwp_origin_is_told_on_what_rests_on_it(nights: Nights) -> None:
    nights.publish(1, "2014-02-28", "2014-03-01", {7: ALL})
    answer = said_of(nights.database, 7, day("2014-03-01"), day("2014-03-01"), PACK)
    assert {name: told["contains_dwp"] for name, told in answer.criteria.items()} == {
        "crime_asb": False, "education": False, "work": True,
    }  # fmt: skip
    assert answer.criteria["education"]["evidence"] == [["council", "suspension", "2014-01-01", None]]


def test_who_entered_and_left_and_why(nights: Nights) -> None:
    nights.publish(1, "2014-02-28", "2014-03-01", {7: TWO, 8: ALL, 9: ALL, 10: {}, 11: ALL})
    with nights.database.connect() as connection:
        nights.publish(2, "2014-03-31", "2014-04-01", {7: ALL, 8: TWO, 10: {}, 11: ALL, 12: ALL})
        connection.execute("insert into publication.family_ledger values (2, 9, 12, 'merge')")
    moves = moves_between(nights.database, day("2014-03-01"), day("2014-04-01"), day("2014-05-01"), PACK)
    assert [(one.family_id, one.change) for one in moves.moves] == [
        (7, "entered"), (8, "left"), (9, "left"), (12, "entered"),
    ]  # fmt: skip
    entered, left, merged, new = moves.moves
    assert entered.because == "education: not_met → met"
    assert entered.criteria[0].came == [("council", "suspension", "2014-01-01", None)]
    assert left.because == "education: met → not_met"
    assert left.criteria[0].went == [("council", "suspension", "2014-01-01", None)]
    assert merged.because.startswith("merge in run 2 (family 12); the pack no longer looks at it")
    assert "merge in run 2 (family 9)" in new.because


def test_new_rules_are_named_as_a_reason(nights: Nights) -> None:
    nights.publish(1, "2014-02-28", "2014-03-01", {7: TWO})
    nights.publish(2, "2014-03-31", "2014-04-01", {7: ALL}, pack_version="2.0.0")
    (move,) = moves_between(nights.database, day("2014-03-01"), day("2014-04-01"), day("2014-05-01"), PACK).moves
    assert "the rules changed from version 1.0.0 to 2.0.0" in move.because


def test_before_the_first_run_everybody_enters(nights: Nights) -> None:
    nights.publish(1, "2014-02-28", "2014-03-01", {7: ALL, 8: TWO})
    moves = moves_between(nights.database, day("2013-01-01"), day("2014-04-01"), day("2014-05-01"), PACK)
    assert moves.before is None
    assert [(one.family_id, one.change) for one in moves.moves] == [(7, "entered")]
    assert moves.moves[0].because.startswith("first published")


def test_analysts_ask_in_sql_and_write_nothing(nights: Nights, database: Database) -> None:
    nights.publish(1, "2014-02-28", "2014-03-01", {7: ALL})
    with psycopg.connect(database.url_for("analyst", purpose="identify"), autocommit=True) as analyst:
        asked = "select selected, standing from said(7, '2014-03-01', '2014-03-15', %s)"
        assert analyst.execute(asked, (PACK,)).fetchall() == [(True, "selected")]
        asked = "select family_id, change from moved('2013-01-01', '2014-03-01', '2014-03-15', %s)"
        assert analyst.execute(asked, (PACK,)).fetchall() == [(7, "entered")]
        assert analyst.execute("select * from why(7)").fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute("select * from publication.statement")
    with database.connect("wf_linker") as linker, pytest.raises(psycopg.errors.InsufficientPrivilege):
        linker.execute("select * from cohort.why(7)")
