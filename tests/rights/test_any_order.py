"""Whatever is delivered, built, restricted, lifted and erased, in any order: nothing of an erased person stands."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from pipeline.rights.ledger import LIFT, RESTRICT, read_ledger
from pipeline.rights.scan import Sought
from pipeline.rights.suppressed import restricted_tags
from pipeline.settings import Settings
from pipeline.store.database import open_database
from tests.conftest import TestServer, live_database
from tests.rights.conftest import BY, Site
from tests.whole_way.conftest import runner

ACTS = st.one_of(
    st.tuples(st.sampled_from(["erase", "restrict", "object"]), st.integers(0, 5)),
    st.tuples(st.sampled_from(["lift", "build", "deliver"]), st.just(0)),
)


@with_settings(max_examples=2)
@given(st.lists(ACTS, min_size=3, max_size=6))
def test_nothing_of_an_erased_person_stands(
    built_dozen: Settings, test_server: TestServer, acts: list[tuple[str, int]]
) -> None:
    template = urlsplit(str(built_dozen.database_url)).path.lstrip("/")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        shutil.copytree(built_dozen.home, home)
        with live_database(test_server, template, home) as settings, open_database(settings) as database:
            site = Site(settings, database, runner(settings), test_server.superuser)
            people = site.rows(
                "select r.partner, encode(r.person_ref, 'hex'), p.person_id from identity.record r"
                " join identity.person p using (record_id) order by r.record_id"
            )
            sought = {person: site.sought(person) for _, _, person in people}
            erased: set[bytes] = set()
            for act, number in [*acts, ("deliver", 0), ("build", 0)]:
                partner, pseudonym, person = people[number * 3]
                if act in ("erase", "restrict", "object"):
                    site.run("rights", act, partner, pseudonym, *BY, *(["--yes"] if act == "erase" else []))
                    erased |= sought[person].references if act == "erase" else set()
                elif act == "deliver":
                    site.deliver("schools")
                    site.run("ingest", "schools")
                elif act == "lift":
                    requests = site.rows("select request_id from rights.request where \"right\" = 'restriction'")
                    for (request,) in requests:
                        done = [one.act for one in read_ledger(settings) if one.request == request]
                        if done == [RESTRICT]:
                            site.run("rights", "lift", request, *BY)
                            assert LIFT in [one.act for one in read_ledger(settings) if one.request == request]
                else:
                    site.run("build")
                if erased:
                    assert site.left(Sought(frozenset(erased))) == [], (act, number)
            # Held and live never at once, and whoever nobody restricts is live again.
            assert site.rows("select from rights.held_row join identity.record using (record_id)") == []
            if not restricted_tags(read_ledger(settings)):
                assert site.rows("select from rights.held_row") == []
