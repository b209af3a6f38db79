"""Night after night: what is published is what comparing everything gives, and every change of an id is in a ledger."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pipeline.nightly import read_link_inputs
from pipeline.run import build
from pipeline.settings import Settings
from pipeline.store.database import Database
from tests.nightly.town import Town
from tests.whole_way.conftest import Run

NIGHTS = 8  # tests/link/test_state.py has thirty, without the store
QUIET = 4  # every so many nights nothing is delivered
BUILD = "select parameters -> 'build' from registry.run order by run_id desc limit 1"


def made(town: Town) -> dict[str, Any]:
    return dict(town.rows(BUILD)[0][0])


def test_nights_of_changes_give_what_comparing_everything_gives_and_every_change_of_an_id_is_told(
    dozen: Run, settings: Settings, database: Database
) -> None:
    random = np.random.default_rng(8)
    town = Town(database)
    town.keep()
    kinds: set[tuple[str, str]] = set()
    alone = 0
    for number in range(NIGHTS):
        before, quiet = ids(town), number % QUIET == QUIET - 1
        if not quiet:
            town.change(random)
        run_id = build(settings, database).run_id
        alone += not made(town)["full"]
        after = ids(town)
        for table in ("person", "family"):
            ledger = town.rows(
                f"select old_id, new_id, change from {LEDGERS[table]} where run_id = %s order by 1, 2", run_id
            )
            every_change_is_told(before[table], after[table], ledger, moving_tells=table == "person")
            kinds |= {(table, change) for _, _, change in ledger}
            if quiet:
                assert not ledger
                assert after[table] == before[table]
        if quiet:
            assert made(town)["compared"] == 0
            published = town.published()
            town.rows("delete from identity.link_print returning 1")  # so that every record counts as changed
            build(settings, database)
            assert made(town)["compared"] == len(after["person"])
            assert town.published() == published
    assert alone == NIGHTS
    assert {table for table, _ in kinds} == set(LEDGERS), "on some night ids of both changed"


LEDGERS = {"person": "identity.person_ledger", "family": "publication.family_ledger"}


def ids(town: Town) -> dict[str, dict[int, int]]:
    """Who is whom: the person of each record, and the family of each record's person (its own, not as a guest)."""
    return {
        "person": dict(town.rows("select record_id, person_id from identity.person")),
        "family": dict(
            town.rows(
                "select p.record_id, m.family_id from identity.person p join publication.family_member m"
                " using (person_id) where m.end_date is null and m.role in ('adult', 'child')"
            )
        ),
    }


def every_change_is_told(
    before: dict[int, int], after: dict[int, int], ledger: list[tuple[Any, ...]], *, moving_tells: bool
) -> None:
    """`moving_tells`: going from one id to another is in the ledger too: a record does not change who it is about by
    itself, as a person changes family by moving house."""
    told = {(old, new) for old, new, _ in ledger if old is not None and new is not None}
    moved = {(before[one], after[one]) for one in before.keys() & after.keys() if before[one] != after[one]}
    appeared, gone = set(after.values()) - set(before.values()), set(before.values()) - set(after.values())
    assert not moving_tells or moved <= told
    assert appeared <= {new for _, new, _ in ledger}
    assert gone <= {old for old, _, _ in ledger}


def test_a_full_build_can_be_forced_and_says_why(dozen: Run, settings: Settings, database: Database) -> None:
    town = Town(database)
    assert "only what has changed" in dozen("build").out
    assert made(town) == {"full": False, "because": None, "compared": 0}
    assert "everything was compared: asked for" in dozen("build", "--full").out
    assert made(town)["because"] == "asked for"
    published = town.published()
    build(settings, database)
    assert town.published() == published


@pytest.mark.parametrize(
    ("changed", "because"),
    [
        ("update identity.link_fit set basis = 'encoding 0, key 1'", "another encoding or key"),
        ("update identity.link_fit set fitted = jsonb_set(fitted::jsonb, '{model}', '\"x\"')", "another link model"),
        ("delete from identity.link_fit", "nothing stands"),
        ("update identity.record set encoding_print = null", "nothing stands"),
        ("update identity.link_fit set fitted = jsonb_set(fitted::jsonb, '{records}', '1')", "drifted"),
    ],
)
def test_what_asks_for_a_full_build(
    changed: str, because: str, dozen: Run, settings: Settings, database: Database
) -> None:
    town = Town(database)
    before = town.published()
    town.rows(f"{changed} returning 1")
    build(settings, database)
    assert because in made(town)["because"]
    after = town.published()
    if "encoding_print" in changed:  # without prints nothing is kept for the next night
        assert not after.pop("pairs")
        before.pop("pairs")
    assert after == before


def test_a_record_has_another_print_when_anything_that_is_compared_changes(
    dozen: Run, settings: Settings, database: Database
) -> None:
    town = Town(database)
    town.keep()
    before = read_link_inputs(database).records.set_index("record_id")["fingerprint"]
    assert before.is_unique
    for column in ("sex", "encoding_print", "nino_token", "uprn_token", "postcode_token"):
        changed = town.rows(
            f"update identity.record set {column} = null where record_id ="
            f" (select min(record_id) from identity.record where {column} is not null) returning record_id"
        )
        if column != "encoding_print":
            now = read_link_inputs(database).records.set_index("record_id")["fingerprint"]
            assert now.index[now != before].tolist() == [changed[0][0]], column
        town.rows(
            f"update identity.record r set {column} = o.{column} from kept.record o"
            " where o.record_id = r.record_id returning 1"
        )
    unchanged = read_link_inputs(database).records.set_index("record_id")["fingerprint"]
    assert unchanged.equals(before)
    dozen("ingest")  # nothing waits; prints stay as they are
    assert read_link_inputs(database).records.set_index("record_id")["fingerprint"].equals(before)
