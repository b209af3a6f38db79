"""Run one tool on one case, each step a process of its own, measured from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.bench import meter
from pipeline.bench.case import Case
from pipeline.bench.environments import PeerMissing, peer_python, peer_script
from pipeline.settings import PROJECT

OURS = "whole family"
PEERS = ("splink", "recordlinkage", "anonlink")
LARGEST_IN_CLEAR = 200_000  # records; the comparison costs a second linking


@dataclass(frozen=True)
class Taken:
    """What a process took: seconds of wall and processor time, peak memory in MB, one-minute load before and after."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    load_before: float | None
    load_after: float | None


@dataclass(frozen=True)
class Ran:
    """One tool on one case. `missing`: why there is no result; `encode`: the partners' part, where there is one;
    `identical`: share of records grouped exactly as by the same linkage in clear."""

    tool: str
    out: Path
    taken: Taken | None = None
    encode: Taken | None = None
    report: dict[str, Any] = field(default_factory=dict)
    explained: dict[str, Any] = field(default_factory=dict)
    blocking_recall: float | None = None
    identical: float | None = None
    missing: str | None = None


def run_ours(case: Case, time_limit: int) -> Ran:
    """Encode as partners would, link as the hub would; then, where the truth is known, explain what was missed."""
    out = case.folder / "ours"
    worker = [sys.executable, "-m", "pipeline.bench.worker"]
    try:
        encode = measured([*worker, "encode", str(case.folder)], case.folder / "encode.log", time_limit)
        taken = measured([*worker, "link", str(case.folder), str(out)], case.folder / "link.log", time_limit)
        explained = {}
        if case.truth() is not None:
            measured([*worker, "explain", str(case.folder), str(out)], case.folder / "explain.log", time_limit)
            explained = json.loads((out / "explained.json").read_text(encoding="utf-8"))
        identical = None
        if case.records <= LARGEST_IN_CLEAR:
            measured([*worker, "clear", str(case.folder), str(out)], case.folder / "clear.log", time_limit)
            identical = json.loads((out / "in_clear.json").read_text(encoding="utf-8"))["identical"]
    except PeerMissing as problem:
        return Ran(OURS, out, missing=str(problem))
    recall = explained["blocking"]["recall"] if explained else None
    return Ran(OURS, out, taken, encode, _report(out), explained, recall, identical)


def run_peer(peer: str, case: Case, home: Path, base_python: Path | None, time_limit: int) -> Ran:
    """A peer on a case, in its own environment."""
    out = case.folder / peer.replace(" ", "_")
    try:
        command = [str(peer_python(peer, home, base_python)), str(peer_script(peer)), str(case.folder), str(out)]
        command += peer.split(" ")[1:]
        taken = measured(command, out.with_suffix(".log"), time_limit)
        recall = None
        if case.truth() is not None:
            measured([*command, "blocking"], out.with_suffix(".blocking.log"), time_limit)
            recall = json.loads((out / "blocking.json").read_text(encoding="utf-8"))["recall"]
    except PeerMissing as problem:
        return Ran(peer, out, missing=str(problem))
    return Ran(peer, out, taken, report=_report(out), blocking_recall=recall)


def measured(command: list[str], log: Path, time_limit: int) -> Taken:
    """Run a command under the meter, its output into a log. Raises PeerMissing where it fails or takes too long."""
    report = log.with_suffix(".meter.json")
    report.unlink(missing_ok=True)
    metered = [sys.executable, "-I", "-S", str(Path(meter.__file__)), str(report), *command]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"}
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(metered, stdout=output, stderr=output, env=environment, start_new_session=True)
        try:
            code = process.wait(timeout=time_limit)
        except subprocess.TimeoutExpired:
            _stop(process)
            raise PeerMissing(f"stopped after {time_limit} s") from None
        except BaseException:
            _stop(process)
            raise
    if code:
        lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        kind = lines[-1].partition(":")[0] if lines else "no output"
        raise PeerMissing(f"failed ({kind}; exit code {code}); see {log}")
    found = json.loads(report.read_text(encoding="utf-8"))
    return Taken(**{name: found[name] for name in Taken.__dataclass_fields__})


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the meter and the tool under it: they are a session of their own."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _report(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "report.json").read_text(encoding="utf-8"))
    return found
