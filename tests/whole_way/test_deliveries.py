"""docs/deliveries.md, step by step, as the two who read it would do it."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import psycopg

from pipeline.settings import Settings
from tests.whole_way.conftest import DOZEN, PERIOD, Run


def test_a_delta_a_rejection_and_a_withdrawal(dozen: Run, settings: Settings, tmp_path: Path) -> None:
    raw = Path(shutil.copytree(DOZEN / "raw" / "schools", tmp_path / "schools"))
    people = list(csv.reader((raw / "people.csv").open(encoding="utf-8", newline="")))
    people[1][people[0].index("surname")] = "Marrowby"
    with (raw / "people.csv").open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(people)

    shown = dozen("pseudonymise", "schools", raw, *PERIOD, "--delta").out
    assert "removals" in shown or "files leave" in shown
    delivered = re.search(r"Delivered (schools-\d+-\w+)", dozen("deliver", "schools").out)
    assert delivered is not None
    taken = dozen("ingest", "schools").out
    assert "accepted" in taken
    sent = json.loads(dozen("sent", "schools", "--json").out)
    assert [entry["kind"] for entry in sent] == ["full", "delta"]
    assert 0 < sent[1]["rows"]["people"] < sent[0]["rows"]["people"]
    assert (settings.reports / f"delivery-{delivered[1]}.html").exists()
    assert "No row of it is quarantined" in dozen("deliveries", delivered[1]).out
    assert "delta" in dozen("deliveries", "--trend", "--json").out

    out = tmp_path / "rejections.json"
    assert str(out) in dozen("deliveries", delivered[1], "--out", out).out
    assert "No row is listed" in dozen("rejected", "schools", out, "--raw", raw).out

    undone = dozen("withdraw", delivered[1], "--reason", "wrong extract", "--by", "J. Smith").out
    assert f"Withdrawn: {delivered[1]}." in undone
    assert f"In force now: {sent[0]['delivery_id']}." in undone
    dozen("build")
    assert "withdrawn already" in dozen("withdraw", delivered[1], "--reason", "x", "--by", "y", code=5).err

    # The partner may order it too; the order goes by the landing folder.
    assert "Delivered schools-000003" in dozen("withdraw", sent[0]["delivery_id"], "--reason", "x", "--signed").out
    ended = dozen("ingest", "schools", code=12)  # and now nothing of the partner stands
    assert "carried out" in ended.out
    assert "none of it stands" in ended.err
    dozen("withdraw", sent[0]["delivery_id"], "--reason", "x", code=2)


def shown(superuser: psycopg.Connection[object]) -> dict[str, object]:
    """What users see: each view of cohort as one hash."""
    views = superuser.execute("select table_name from information_schema.views where table_schema = 'cohort'")
    return {
        str(name): superuser.execute(
            f"select md5(string_agg(v::text, '|' order by v::text)) from cohort.{name} v".encode()
        ).fetchone()
        for (name,) in views.fetchall()  # type: ignore[misc]
    }


def test_what_users_see_waits_for_the_build(dozen: Run, superuser: psycopg.Connection[object]) -> None:
    before = shown(superuser)
    assert {"chronology", "evidence_origin", "criterion_evidence"} <= {name for name, rows in before.items() if rows}
    first = json.loads(dozen("sent", "schools", "--json").out)[0]["delivery_id"]
    dozen("withdraw", first, "--reason", "wrong extract", "--by", "J. Smith")
    assert superuser.execute("select count(*) from evidence.fact where partner = 'schools'").fetchone() == (0,)
    assert shown(superuser) == before
    dozen("build")
    after = shown(superuser)
    assert {"chronology", "evidence_origin"} <= {name for name in after if after[name] != before[name]}


def test_who_is_late_is_said_by_every_command_and_by_the_exit_code(
    dozen: Run, superuser: psycopg.Connection[object]
) -> None:
    assert dozen("deliveries", "--check").err == ""
    superuser.execute("update registry.delivery set decided_at = decided_at - interval '200 days'")
    ended = dozen("deliveries", "--check", code=12)
    assert all(partner in ended.err for partner in ("council", "dwp", "police", "schools"))
    assert "What to do" in ended.err
    assert "Late:" in dozen("deliveries").err
    assert "nothing taken in since" in dozen("ingest", code=12).err.replace("has had nothing", "nothing")
    assert "last good data" in dozen("build").err
    page = Path(dozen("report").out.strip()).read_text(encoding="utf-8")
    assert page.count("is late:") == 4
