"""Wall time, CPU time and peak memory of a command with everything it starts (the embedded PostgreSQL included)."""

from __future__ import annotations

import datetime as dt
import os
import platform
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.2


@dataclass(frozen=True)
class Measured:
    """One command's cost: seconds of wall, seconds of CPU over all its processes, peak memory in GB (sum of PSS)."""

    wall: float
    cpu: float
    peak_gb: float


def measure(
    command: list[str], log: Path, environment: dict[str, str] | None = None, server: Path | None = None
) -> Measured:
    """Run a command to its end; its output goes to `log`. Raises CalledProcessError when it fails.

    Memory is sampled five times a second as the sum of the proportional set sizes (shared pages are counted once)
    of the command's processes and of the PostgreSQL servers on this machine; with `server`, the folder of one, of that
    one alone, whose CPU time is counted too.
    """
    before = os.times()
    started = time.perf_counter()
    with log.open("ab") as out:
        child = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
        peak = _Peak(child.pid, server)
        code = child.wait()
        peak.stop()
    wall = time.perf_counter() - started
    after = os.times()
    if code:
        raise subprocess.CalledProcessError(code, command)
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Measured(round(wall, 1), round(cpu + peak.server_cpu, 1), round(peak.bytes / 1e9, 2))


def machine() -> str:
    """This machine and this day, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, Python {platform.python_version()}, "
        f"{dt.date.today().isoformat()}, load before the run {load:.1f}"
    )


def peak_gb() -> float:
    """The largest resident set of this process so far, in GB; getrusage would tell its parent's too."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e9
    return float("nan")


class _Peak:
    def __init__(self, root: int, server: Path | None) -> None:
        self.bytes, self.server_cpu = 0, 0.0
        self._server, self._ended = server, dict[int, float]()
        self._root, self._over = root, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            servers = {pid for pid in _servers() if self._server is None or _works_in(pid, self._server)}
            self.bytes = max(self.bytes, sum(_pss(pid) for pid in _tree(self._root) | servers))
            if self._server is not None:
                self._ended |= {pid: seconds for pid in servers if (seconds := _cpu(pid)) is not None}
                self.server_cpu = sum(self._ended.values())


def _parents() -> dict[int, tuple[int, str]]:
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = stat.read_text().rsplit(")", 1)
        except OSError:
            continue
        found[int(stat.parent.name)] = (int(rest.split()[1]), name.partition("(")[2])
    return found


def _tree(root: int) -> set[int]:
    parents, members = _parents(), {root}
    while grown := {pid for pid, (parent, _) in parents.items() if parent in members} - members:
        members |= grown
    return members


def _servers() -> set[int]:
    return {pid for pid, (_, name) in _parents().items() if name == "postgres"}


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


def _cpu(pid: int) -> float | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _pss(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)
