"""What leaves: a file with its manifest, in the log, under an agreement; or a refusal that says what to do."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import psycopg
import pytest

from pipeline.settings import Settings
from pipeline.store.database import Database
from tests.whole_way.conftest import Run

COVERED = ("--purpose", "evaluate", "--agreement", "whole-family-2012")


def test_a_table_leaves_with_its_manifest_and_is_in_the_log(dozen: Run, database: Database, tmp_path: Path) -> None:
    told = json.loads(
        dozen("export", "selected-by-area", *COVERED, "--out", tmp_path / "out", "--by", "ig", "--json").out
    )
    path = Path(told["path"])
    manifest = json.loads(path.with_name(path.name + ".manifest.json").read_text())
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() == told["sha256"]
    assert (manifest["purpose"], manifest["agreement"], manifest["exported_by"]) == (
        "evaluate",
        "whole-family-2012",
        "ig",
    )
    assert (manifest["disclosure_rule"], manifest["disclosure_version"]) == ("whole-family-disclosure", "1.0.0")
    frame = pd.read_csv(path)
    assert (len(frame), tuple(frame)) == (manifest["rows"], tuple(manifest["columns"]))
    # A dozen people: every count is under the threshold, so nothing but zeros is shown.
    assert set(frame["families"].dropna()) <= {0}
    assert manifest["hidden"] > 0
    with database.connect() as connection:
        logged = connection.execute("select subject, detail ->> 'sha256' from audit.log where action = 'exported'")
        assert logged.fetchall() == [(f"release/{manifest['release_id']}", manifest["sha256"])]
        row = connection.execute(
            "select name, actor, file, sha256 from cohort.release where release_id = %s", (manifest["release_id"],)
        ).fetchone()
    assert row == ("selected-by-area", "ig", path.name, manifest["sha256"])
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == sorted([path.name, f"{path.name}.manifest.json"])
    for form in ("costs-by-agency", "summary"):
        dozen("export", form, *COVERED, "--out", tmp_path / form, "--format", "parquet")
        (parquet,) = (tmp_path / form).glob("*.parquet")
        assert not len(pd.read_parquet(parquet)) or "counted_on" in pd.read_parquet(parquet)


def test_what_no_agreement_covers_is_refused_and_leaves_no_file(dozen: Run, database: Database, tmp_path: Path) -> None:
    refused = {
        ("selected-by-area", "--purpose", "marketing", "--agreement", "whole-family-2012"): "it may leave for",
        ("selected-by-area", "--purpose", "evaluate", "--agreement", "another"): "there is no such agreement",
        ("families", *COVERED): "counts alone",
        ("nothing", *COVERED): "nothing of this name may leave",
        (
            "families",
            "--purpose",
            "identify",
            "--agreement",
            "whole-family-2012",
            "--recipient",
            "police",
        ): "closed to onward",
        ("families", "--purpose", "identify", "--agreement", "whole-family-2012"): "k is 1",
    }
    for arguments, rule in refused.items():
        ended = dozen("export", *arguments, "--out", tmp_path / "out", code=15)
        assert rule in ended.err, ended.err
        assert "What to do:" in ended.err
    assert not (tmp_path / "out").exists()
    with database.connect() as connection:
        assert connection.execute("select count(*) from audit.log where action = 'exported'").fetchone() == (0,)


def test_anonymity_is_told_without_a_value(dozen: Run, settings: Settings) -> None:
    told = json.loads(dozen("anonymity", "families", "--json").out)
    assert told["k"] == 1
    assert told["rows"] >= told["classes"] >= told["unique"] > 0
    page = (settings.reports / "anonymity-families.html").read_text()
    assert "may not leave as it is" in page
    assert "XB" not in page


def test_every_night_is_remembered_and_analysts_do_not_see_exact_counts(
    dozen: Run, settings: Settings, database: Database
) -> None:
    dozen("build")
    with database.connect() as connection:
        releases = connection.execute("select name, actor from release.release order by release_id").fetchall()
        assert releases == [("summary", "pipeline")] * 2
        exact = connection.execute("select count(*) from release.cell where exact > 0 and low is not null").fetchone()
        shown = connection.execute("select count(*) from cohort.summary where families > 0").fetchone()
        assert exact == shown == (0,)
    with psycopg.connect(database.url_for("analyst"), autocommit=True) as analyst:
        analyst.execute("set wf.purpose = 'evaluate'")
        for table in ("release.cell", "release.figure", "release.release"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                analyst.execute(f"select * from {table}".encode())
    told = dozen("summary").out
    assert "all areas" in told
    assert "Empty: under 10" in told
