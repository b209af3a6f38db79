"""A superuser changes the log for real, in six ways and more; each is found, by its name and its place."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
import pytest

from pipeline import audit
from pipeline.audit import examine, ledger, notes
from pipeline.errors import KeyMaterialError, StoreError
from pipeline.settings import Settings
from tests.audit.conftest import Kept


def found(verdict: audit.Verdict) -> list[tuple[str, str]]:
    return [(one.kind, one.where) for one in verdict.findings]


def test_an_untouched_log_is_whole_under_its_checkpoints(kept: Kept) -> None:
    verdict = kept.verdict()
    assert verdict.whole
    assert (verdict.entries, verdict.covered, verdict.checkpoints) == (12, 10, 2)
    assert "newer than the newest checkpoint: 2" in verdict.notes[0]


def test_an_edit(kept: Kept) -> None:
    with kept.unguarded() as superuser:
        superuser.execute("update audit.log set detail = '{\"rows\": 0}' where entry_id = 3")
    assert found(kept.verdict()) == [("edited", "entry 3")]


def test_a_deletion(kept: Kept) -> None:
    with kept.unguarded() as superuser:
        superuser.execute("delete from audit.log where entry_id in (3, 4)")
    assert found(kept.verdict()) == [("deleted", "between entries 2 and 5")]


def test_a_change_of_order(kept: Kept) -> None:
    with kept.unguarded() as superuser:
        superuser.execute("update audit.log set entry_id = entry_id + 100 where entry_id in (3, 4)")
        superuser.execute(
            "update audit.log set entry_id = case entry_id when 103 then 4 else 3 end where entry_id > 100"
        )
    verdict = kept.verdict()
    assert {one.kind for one in verdict.findings} == {"reordered"}
    assert verdict.findings[0].entry == 3


def test_a_cut_tail(kept: Kept) -> None:
    with kept.unguarded() as superuser:
        superuser.execute("delete from audit.log where entry_id >= 9")
    assert ("cut", "after entry 8") in found(kept.verdict())


def test_a_cut_tail_that_no_checkpoint_covers_leaves_a_gap_in_the_numbers(kept: Kept) -> None:
    with kept.unguarded() as superuser:
        superuser.execute("delete from audit.log where entry_id = 12")
    verdict = kept.verdict()
    assert verdict.whole
    assert any("given up to 12, and the last entry is 11" in note for note in verdict.notes)


def test_a_history_written_anew(kept: Kept) -> None:
    """The chain is whole again; only the checkpoints know better, and say between which two it begins."""
    with kept.unguarded() as superuser:
        superuser.execute("update audit.log set actor = 'nobody' where entry_id = 8")
        kept.rebuild(8)
    assert found(kept.verdict()) == [("rewritten", "after entry 5, up to entry 10")]


def test_an_entry_taken_out_and_the_rest_numbered_and_hashed_anew(kept: Kept) -> None:
    with kept.unguarded() as superuser:
        superuser.execute("delete from audit.log where entry_id = 2")
        superuser.execute("update audit.log set entry_id = entry_id - 1 + 100 where entry_id > 2")
        superuser.execute("update audit.log set entry_id = entry_id - 100 where entry_id > 100")
        kept.rebuild(1)
    assert found(kept.verdict()) == [("rewritten", "from the first entry on, up to entry 5")]


def test_a_fork_inside_the_table(kept: Kept) -> None:
    """Two entries that say they follow the same one."""
    with kept.unguarded() as superuser:
        superuser.execute("alter table audit.log drop constraint log_previous_hash_key")
        superuser.execute(
            "insert into audit.log select 13, at, 'nobody', action, subject, detail, previous_hash,"
            " sha256(previous_hash || audit.netstring('13')"
            " || audit.netstring(to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))"
            " || audit.netstring('nobody') || audit.netstring(action) || audit.netstring(subject)"
            " || audit.netstring(detail::text)) from audit.log where entry_id = 12"
        )
    verdict = kept.verdict()
    assert ("forked", "entry 13") in found(verdict)
    assert "unguarded" in {one.kind for one in verdict.findings}


def test_a_log_set_back_that_went_on_another_way(kept: Kept) -> None:
    with kept.unguarded() as superuser:
        superuser.execute("delete from audit.log where entry_id > 7")
        superuser.execute("alter table audit.log alter entry_id restart with 8")
    kept.append(6, 100)
    assert ("rewritten", "after entry 5, up to entry 10") in found(kept.verdict())


def test_a_ledger_forged_with_the_key_shows_against_a_witness(kept: Kept, tmp_path: Path) -> None:
    """Somebody who has the database, the home and the key writes everything anew: a copy elsewhere tells."""
    witness = tmp_path / "kept by the auditor"
    shutil.copytree(audit.ledger_folder(kept.settings), witness)
    for path in audit.ledger_folder(kept.settings).glob("checkpoint-*"):
        path.unlink()
    with kept.unguarded() as superuser:
        superuser.execute("delete from audit.log where entry_id > 4")
        superuser.execute("alter table audit.log alter entry_id restart with 5")
    kept.checkpoint()
    kept.append(6, 100)
    kept.checkpoint()
    assert kept.verdict().whole
    kinds = [one.kind for one in kept.verdict(witness=witness).findings]
    assert kinds.count("forked") == 2
    assert "rewritten" in kinds or "cut" in kinds


def test_the_witness_holds_what_we_hold(kept: Kept, tmp_path: Path) -> None:
    shutil.copytree(audit.ledger_folder(kept.settings), tmp_path / "copy")
    assert kept.verdict(witness=tmp_path / "copy").whole


@pytest.mark.parametrize("number", [1, 2])
def test_a_checkpoint_taken_away(kept: Kept, number: int) -> None:
    (audit.ledger_folder(kept.settings) / f"checkpoint-{number:06d}.txt").unlink()
    assert "ledger" in {one.kind for one in kept.verdict().findings}


def test_a_checkpoint_changed(kept: Kept) -> None:
    path = audit.ledger_folder(kept.settings) / "checkpoint-000002.txt"
    text = path.read_text()
    path.chmod(0o600)
    path.write_text(text.replace("last-entry 10", "last-entry 11"))
    verdict = kept.verdict()
    assert verdict.findings[0].kind == "ledger"
    assert "not signed" in verdict.findings[0].what


def test_what_is_not_whole_is_not_signed(kept: Kept) -> None:
    with kept.unguarded() as superuser:
        superuser.execute("update audit.log set actor = 'nobody' where entry_id = 8")
        kept.rebuild(8)
    with pytest.raises(StoreError, match="not signed as it stands"):
        kept.checkpoint()
    assert len(list(audit.ledger_folder(kept.settings).glob("checkpoint-*.txt"))) == 2


@pytest.mark.parametrize(
    ("statement", "guard"),
    [
        ("alter table audit.log disable trigger append_only", "append_only"),
        ("drop trigger never_emptied on audit.log", "never_emptied"),
        ("alter table audit.log drop constraint log_previous_hash_key", "fork"),
    ],
)
def test_a_guard_taken_away_is_told(kept: Kept, statement: str, guard: str) -> None:
    kept.superuser.execute(statement.encode())
    (finding,) = kept.verdict().findings
    assert finding.kind == "unguarded"
    assert guard in finding.what


def test_a_deed_that_no_entry_tells_of(kept: Kept) -> None:
    with kept.database.connect() as connection:
        connection.execute(
            "insert into registry.run (kind, as_at, state) values ('build', '2014-07-31', 'published'),"
            " ('build', '2014-07-31', 'failed')"
        )
        connection.execute("insert into registry.partner (partner, name, contract_version, contract_sha256) values"
                           " ('council', 'A council', '1', repeat('0', 64))")  # fmt: skip
        connection.execute(
            "insert into registry.delivery (delivery_id, partner, sequence, state, code, reason, remedy) values"
            " ('council-1', 'council', 1, 'rejected', 'c', 'r', 'r')"
        )
    assert found(kept.verdict()) == [("unrecorded", "delivery council-1"), ("unrecorded", "published run 1")]


def test_many_breaks_make_a_short_list(kept: Kept) -> None:
    kept.append(80, 100)
    with kept.unguarded() as superuser:
        superuser.execute("update audit.log set actor = 'nobody'")
    assert len(kept.verdict().findings) == examine.MOST_BREAKS


def test_the_key_is_random_per_installation_and_its_owners_alone(kept: Kept, tmp_path: Path) -> None:
    private = kept.settings.hub_keys / "audit.key"
    assert private.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(private.read_text().strip())) == 32
    ours = audit.public_key(kept.settings)
    assert ours is not None
    other = ledger.signing_key(Settings(home=tmp_path / "another home")).public_key()
    assert notes.origin_of(other) != notes.origin_of(ours)


def test_a_lost_key_is_not_quietly_replaced(kept: Kept) -> None:
    (kept.settings.hub_keys / "audit.key").unlink()
    with pytest.raises(KeyMaterialError, match="the audit key is gone"):
        kept.checkpoint()


def test_another_key_does_not_pass(kept: Kept) -> None:
    verdict = kept.verdict(key="d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert verdict.findings[0].kind == "ledger"
    with pytest.raises(KeyMaterialError, match="64 hex digits"):
        kept.verdict(key="not a key")


def test_roles_that_change_are_logged_once(kept: Kept) -> None:
    audit.record_role_changes(kept.database)
    assert audit.record_role_changes(kept.database) == {"added": 0, "removed": 0}
    kept.superuser.execute("grant select on audit.log to wf_analyst")
    try:
        assert audit.record_role_changes(kept.database)["added"] == 1
    finally:
        kept.superuser.execute("revoke select on audit.log from wf_analyst")
    with kept.database.connect() as connection:
        last = connection.execute("select detail -> 'added' from audit.log order by entry_id desc limit 1").fetchone()
    assert last == (["grant audit.log wf_analyst select"],)
    assert audit.record_role_changes(kept.database) == {"added": 0, "removed": 1}


def test_the_pipeline_may_not_take_the_guards_off(kept: Kept) -> None:
    with kept.database.connect("wf_pipeline") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("alter table audit.log disable trigger all")
