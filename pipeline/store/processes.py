"""Which PostgreSQL processes run on this machine, by their command lines: a number alone may be another's by now."""

from __future__ import annotations

import subprocess
from pathlib import Path

PROC = Path("/proc")


def servers_running() -> dict[int, bytes]:
    """Command line by number, of every process that is a PostgreSQL server or a child of one; none that is dead."""
    if (PROC / "self" / "cmdline").exists():
        commands = _from_proc()
    else:
        listing = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, check=False).stdout
        commands = {int(number): command for number, command in (line.split(None, 1) for line in listing.splitlines())}
    return {number: command for number, command in commands.items() if b"postgres" in command.split(b"\0")[0]}


def _from_proc() -> dict[int, bytes]:
    commands = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                commands[int(entry.name)] = (entry / "cmdline").read_bytes()
            except OSError:  # gone in between, or not for our eyes: not ours, then
                continue
    return commands
