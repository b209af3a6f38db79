"""A hundred kills (benchmarks/kills.py makes thousands): nobody sees half a night, and every next run repairs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from pipeline.settings import PROJECT
from tests.kills.campaign import VICTIMS

KILLS = 100
CLEAN = ("partial_reads", "mixed_reads", "went_back", "faults", "not_repaired", "different_at_the_end")
INGEST, BUILD = {"Check", "Load"}, {"link persons", "form families", "evaluate criteria", "publish", "published"}


@pytest.fixture(scope="module")
def told() -> Any:
    """The command's own account; in a process that nothing else has used, since its runs are forked from it."""
    command = [sys.executable, str(PROJECT / "benchmarks" / "kills.py"), str(KILLS), "--per-night", "50"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_nobody_sees_half_a_night_and_every_next_run_repairs(told: Any) -> None:
    assert {name: told[name] for name in CLEAN} == dict.fromkeys(CLEAN, 0), told["said"]


def test_the_kills_fell_everywhere_and_somebody_was_looking(told: Any) -> None:
    assert told["kills"] == sum(told["by_stage"].values()) == sum(told["by_victim"].values()) >= KILLS
    assert set(told["by_stage"]) >= INGEST
    assert len(set(told["by_stage"]) & BUILD) > 2
    assert set(told["by_victim"]) == set(VICTIMS)
    assert told["polls"] > told["kills"]
