"""Erased is gone everywhere, and stays gone: after the old file, after a restored backup, in every table and file."""

from __future__ import annotations

from pipeline.rights import acts, keep_up
from tests.rights.conftest import Site


def erase(site: Site, partner: str, pseudonym: str) -> acts.Done:
    asked = acts.whom(site.settings, site.database, partner, pseudonym, "I. Lead", "asked in writing")
    return acts.erase(site.settings, site.database, asked)


def test_erased_then_the_old_files_are_loaded_again_and_built(site: Site) -> None:
    pseudonym, person = site.person("schools")
    sought = site.sought(person)
    assert len(sought.references) > 1
    places = {hit.where for hit in site.left(sought)}
    assert {"identity.record"} < places, places
    assert any(place.startswith("hub/accepted/") for place in places)
    done = erase(site, "schools", pseudonym)
    assert done.counts["records"] == len(sought.references)
    assert site.left(sought) == []
    for partner in ("council", "dwp", "police", "schools"):
        site.deliver(partner)
    site.run("ingest")
    site.run("build")
    assert site.left(sought) == []
    assert site.rows("select from identity.record") != []
    assert site.one("select sum(rows_suppressed) from registry.delivery") > 0
    assert keep_up(site.settings, site.database) == []
