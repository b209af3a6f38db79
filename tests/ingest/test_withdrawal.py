"""A delivery taken back: the hub holds what it held before it came, and no sealed copy of it."""

from __future__ import annotations

import random
import shutil

import pytest

from pipeline.errors import DeliveryError, ExtractError
from pipeline.ingest import ingest_partner, take_in, withdraw_delivery
from pipeline.installation import withdraw_and_deliver
from pipeline.store.database import Database
from tests.ingest.evolving import Extract, held
from tests.ingest.site import Site
from tests.ingest.test_taking_in import query

STATES = "select delivery_id, state from registry.delivery where kind <> 'withdrawal' order by sequence"


@pytest.fixture
def three_nights(site: Site, database: Database) -> tuple[Extract, list[str], list[dict]]:
    """A full delivery and two deltas, with what the hub held after each."""
    extract, chance, names, nights = Extract(site), random.Random(3), [], []
    for night in range(3):
        names.append(extract.deliver(delta=night > 0).name)
        ingest_partner(site.settings, database, "council")
        nights.append(held(database))
        extract.change(chance)
    return extract, names, nights


def test_a_delta_is_withdrawn_with_what_builds_on_it(
    site: Site, database: Database, three_nights: tuple[Extract, list[str], list[dict]]
) -> None:
    extract, names, nights = three_nights
    with database.connect() as connection:
        ids = dict(connection.execute("select person_ref, record_id from identity.record").fetchall())
    done = withdraw_delivery(site.settings, database, names[1], by="A. Lead", why="wrong extract")
    assert (list(done.withdrawn), list(done.in_force)) == (names[1:], names[:1])
    assert held(database) == nights[0]
    kept = dict(query(database, "select person_ref, record_id from identity.record"))
    assert {ref: kept[ref] for ref in kept if ref in ids} == {ref: ids[ref] for ref in kept if ref in ids}
    assert [state for _, state in query(database, STATES)][1:] == ["withdrawn", "withdrawn"]
    archived = {path.name for path in site.settings.accepted("council").iterdir()}
    assert archived == {names[0]}
    said = query(
        database,
        "select subject, detail->>'by', detail->>'why' from audit.log where action = 'delivery withdrawn'"
        " order by entry_id desc limit 1",
    )
    assert said == [(names[1], "A. Lead", "wrong extract")]
    # What builds on the withdrawn is refused; a full delivery goes on from there.
    extract.deliver(delta=True)
    assert [r.code for r in take_in(site.settings, database, "council").rejections] == ["base_replaced"]
    extract.deliver()
    (outcome,) = ingest_partner(site.settings, database, "council")
    assert outcome.state.startswith("accepted")
    with pytest.raises(DeliveryError, match="withdrawn already"):
        withdraw_delivery(site.settings, database, names[1], by="A. Lead", why="again")


def test_a_full_delivery_withdrawn_brings_back_the_chain_before_it(
    site: Site, database: Database, three_nights: tuple[Extract, list[str], list[dict]]
) -> None:
    extract, names, nights = three_nights
    wrong = extract.deliver().name
    ingest_partner(site.settings, database, "council")
    done = withdraw_delivery(site.settings, database, wrong, by="A. Lead", why="wrong extract")
    assert (list(done.withdrawn), list(done.in_force)) == ([wrong], names)
    assert held(database) == nights[2]
    # An older one that is in force no longer: nothing that is loaded changes.
    first = withdraw_delivery(site.settings, database, names[2], by="A. Lead", why="and this")
    assert list(first.in_force) == names[:2]
    assert held(database) == nights[1]


def test_without_an_archive_nothing_is_left_of_the_partner(site: Site, database: Database) -> None:
    extract = Extract(site)
    first = extract.deliver().name
    ingest_partner(site.settings, database, "council")
    second = extract.deliver().name
    ingest_partner(site.settings, database, "council")
    shutil.rmtree(site.settings.accepted("council") / first)
    done = withdraw_delivery(site.settings, database, second, by="A. Lead", why="wrong")
    assert done.in_force == ()
    assert {name: len(rows) for name, rows in held(database).items() if rows} == {}
    # The withdrawn one sent again is refused, and no sealed copy of it is kept among the accepted.
    shutil.copytree(site.settings.outbox("council") / "sent" / second, site.settings.landing("council") / second)
    taken = take_in(site.settings, database, "council")
    assert [rejection.code for rejection in taken.rejections] == ["already_delivered"]
    assert not (site.settings.accepted("council") / second).exists()
    assert query(database, "select count(*) from evidence.fact") == [(0,)]


def test_a_partner_takes_its_own_delivery_back_by_its_signature(
    site: Site, database: Database, three_nights: tuple[Extract, list[str], list[dict]]
) -> None:
    extract, names, nights = three_nights
    contract = site.contract("council")
    for _ in range(2):  # said twice is once
        try:
            withdraw_and_deliver(site.settings, contract, names[2], "the school year was wrong")
        except ExtractError as nothing_to_deliver:
            assert "nothing stands here" in nothing_to_deliver.rule  # noqa: PT017
    (outcome,) = ingest_partner(site.settings, database, "council")
    assert outcome.state == "carried_out"
    assert held(database) == nights[1]
    assert query(database, "select withdrawn_by, withdrawn_why from registry.delivery where state = 'withdrawn'") == [
        ("council, by a signed withdrawal", "the school year was wrong")
    ]
    # The numbering goes on, and no other partner can give such an order.
    extract.deliver()
    assert ingest_partner(site.settings, database, "council")[0].warnings == ()
    with pytest.raises(ExtractError, match="no delivery of this id was sent"):
        withdraw_and_deliver(site.settings, site.contract("police"), names[0], "mischief")
