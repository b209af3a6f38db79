"""End a process and everything it has started, also what has made process groups of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path


def end_session(leader: subprocess.Popen[bytes], seconds: float) -> None:
    """End the session that `leader` (started with `start_new_session=True`) leads: politely, then by force.

    Airflow's tasks run in process groups of their own, so a signal to one group would not reach them; but they
    stay in the session.
    """
    session = leader.pid
    if leader.poll() is None:
        leader.send_signal(signal.SIGINT)  # what a Ctrl-C sends: `airflow standalone` then stops its parts in order
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and _living(leader, session):
        time.sleep(0.1)
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + 5
        while (members := _living(leader, session)) and time.monotonic() < deadline:
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            time.sleep(0.2)
    leader.wait()


def members_of(session: int) -> list[int]:
    """The processes of a session that still run."""
    members = []
    for pid in _all_processes():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == session and not _is_zombie(pid):
                members.append(pid)
    return members


def _living(leader: subprocess.Popen[bytes], session: int) -> list[int]:
    leader.poll()
    return members_of(session)


def _all_processes() -> list[int]:
    if Path("/proc/self").exists():
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    listed = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True, text=True, check=True)
    return [int(pid) for pid in listed.stdout.split()]


def _is_zombie(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] in "ZX"
