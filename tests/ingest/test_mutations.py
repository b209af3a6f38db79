"""Mutated deliveries never get in; mutated content inside valid ones never breaks the ingest. benchmarks/deliveries.py
tries thousands; here, a few of each kind."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from pipeline.ingest import take_in
from pipeline.store.database import Database
from tests.ingest.conftest import digest
from tests.ingest.mutations import MUTATIONS, mutated_csv, try_contents, try_mutations
from tests.ingest.site import Site, replaced
from tests.ingest.test_taking_in import query


def test_no_mutated_delivery_gets_in_and_the_true_one_does(site: Site, database: Database) -> None:
    first = site.deliver("council")
    take_in(site.settings, database, "council")
    sealed = site.settings.home / "sealed"
    second = site.deliver("council")
    shutil.move(second, sealed / second.name)
    before = digest(database)
    earlier = site.settings.accepted("council") / first.name
    tally = try_mutations(site.settings, database, "council", sealed / second.name, earlier, 4 * len(MUTATIONS), seed=1)
    assert (tally.accepted, tally.plaintext, tally.crashed) == ([], [], [])
    assert sum(tally.tried.values()) >= 3 * len(MUTATIONS)
    assert len(tally.refused) > 5
    assert digest(database) == before
    shutil.move(sealed / second.name, second)
    assert [outcome.state for outcome in take_in(site.settings, database, "council").outcomes] == ["accepted"]


def test_every_row_of_mutated_content_is_accounted_for(site: Site, tmp_path: Path) -> None:
    tally = try_contents(site, tmp_path, 400, seed=random.randrange(10**6))
    assert tally.broken == []
    assert {"loaded", "with quarantine", "not_utf8", "bad_csv"} <= set(tally.found)


@pytest.mark.parametrize("seed", range(3))
def test_mutated_content_is_loaded_quarantined_or_refused(site: Site, database: Database, seed: int) -> None:
    chance = random.Random(seed)
    table = chance.choice(["people", "events", "residences", "relationships", "nominations"])
    site.deliver("council", replaced(table, lambda content: mutated_csv(chance, content)))
    taken = take_in(site.settings, database, "council")
    assert len(taken.outcomes) == 1
    wrong = "select count(*) from registry.delivery_table where rows_delivered <> rows_loaded + rows_quarantined"
    assert query(database, wrong) == [(0,)]
    assert not [path for path in site.settings.work.rglob("*") if path.is_file()]
