"""Tools in processes of their own: measured, stopped in time, and honestly missing where they cannot be had."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.bench.case import Case, write_case
from pipeline.bench.environments import PEERS, PeerMissing, peer_python
from pipeline.bench.mapping import read_mapping, read_table
from pipeline.bench.quality import measure
from pipeline.bench.tools import measured, run_ours, run_peer
from pipeline.cli import app
from pipeline.settings import PROJECT
from tests.bench.tables import write_registers


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("tools")
    table, mapping = write_registers(folder)
    return write_case(folder / "case", "registers", read_table(table), read_mapping(mapping), PROJECT / "schemas")


def test_memory_is_the_tools_own(tmp_path: Path) -> None:
    """A process that takes 200 MB is seen to; one that takes nothing is not charged with ours."""
    greedy = measured([sys.executable, "-c", "block = b'x' * 200_000_000"], tmp_path / "greedy.log", 60)
    idle = measured([sys.executable, "-S", "-c", "pass"], tmp_path / "idle.log", 60)
    assert 190 < greedy.peak_mb < 400
    assert idle.peak_mb < 60
    assert 0 < idle.cpu_seconds <= idle.wall_seconds + 0.5


def test_a_tool_that_fails_or_lingers_is_missing_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(PeerMissing, match=r"failed \(ValueError; exit code 1\)"):
        measured([sys.executable, "-c", "raise ValueError('a person')"], tmp_path / "fails.log", 60)
    with pytest.raises(PeerMissing, match="stopped after 1 s"):
        measured([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path / "lingers.log", 1)


def test_ours_and_recordlinkage_on_the_same_case(case: Case, tmp_path: Path) -> None:
    ours = run_ours(case, 300)
    peer = run_peer("recordlinkage", case, tmp_path, None, 300)
    assert ours.missing is None
    assert peer.missing is None
    assert ours.taken is not None
    assert ours.taken.peak_mb > 50
    assert ours.blocking_recall is not None
    assert peer.blocking_recall is not None
    for ran in (ours, peer):
        assert measure(case, ran.out)["clustered"]["recall"] > 0.8, ran.tool


def test_a_peer_that_cannot_be_installed_is_reported(case: Case, tmp_path: Path) -> None:
    ran = run_peer("splink", case, tmp_path, tmp_path / "no-python", 60)
    assert ran.missing is not None
    assert "is no Python" in ran.missing
    with pytest.raises(PeerMissing, match=r"no elsewhere_peer\.py"):
        peer_python("elsewhere", tmp_path)


def test_locks_are_pinned_by_hash_and_name_no_index() -> None:
    for lock in PEERS.glob("*.lock"):
        lines = lock.read_text(encoding="utf-8").splitlines()
        pins = [line for line in lines if line and not line.startswith((" ", "#"))]
        assert pins
        assert all("==" in line for line in pins)
        assert sum("--hash=sha256:" in line for line in lines) >= len(pins)
        assert not [line for line in lines if "://" in line]


def test_the_command_links_anybodys_table(tmp_path: Path) -> None:
    table, mapping = write_registers(tmp_path)
    out, home, told = tmp_path / "out", tmp_path / "home", tmp_path / "results.md"
    command = ["bench", "link", "--table", str(table), "--mapping", str(mapping), "--home", str(home), "--json"]
    done = CliRunner().invoke(app, [*command, "--out", str(out), "--markdown", str(told)])
    assert done.exit_code == 0, done.output
    results = json.loads(done.stdout[done.stdout.index("{") :])
    assert results["datasets"][0]["tools"][0]["quality"]["clustered"]["recall"] > 0.9
    assert results["machine"]["processors"] >= 1
    assert (out / "clusters.csv").exists()
    assert "Two parish registers (480 records)" in told.read_text(encoding="utf-8")


def test_a_missing_dataset_says_what_to_do(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "historical_50k.parquet")
    command = ["bench", "link", "--dataset", "historical_50k", "--historical", nowhere, "--home", str(tmp_path)]
    done = CliRunner().invoke(app, [*command, "--peer", "none"])
    assert done.exit_code == 1
    assert "--historical" in str(done.exception)
    unknown = CliRunner().invoke(app, ["bench", "link", "--peer", "dedupe"])
    assert unknown.exit_code == 2
