"""Environments of the peers: each a virtual environment of its own, made once from a hash-pinned lock.

They stand in the home's `peers/`, apart from ours, because their pins clash with ours and with each other. A peer that
cannot be installed on this machine is said to be missing, never silently left out.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from pipeline.settings import PROJECT

PEERS = PROJECT / "benchmarks" / "peers"
OWN = ("recordlinkage",)  # stands in our own environment already
INSTALL_SECONDS = 900


class PeerMissing(Exception):  # noqa: N818  (not an error: a peer that cannot be had is reported in the table)
    """A peer cannot be had here; the text says why."""


def installed_as(peer: str) -> str:
    """The environment of a peer: `splink wide` is Splink with other settings."""
    return peer.split(" ")[0]


def peer_script(peer: str) -> Path:
    """The script that runs a peer. Raises PeerMissing where the project's `benchmarks/` is not beside the package."""
    script = PEERS / f"{installed_as(peer)}_peer.py"
    if not script.exists():
        raise PeerMissing(f"no {script.name} in {PEERS}; benchmarks run from a checkout of the project")
    return script


def peer_python(peer: str, home: Path, base_python: Path | None = None) -> Path:
    """The interpreter of a peer's environment, made on first use. Raises PeerMissing where it cannot be made."""
    peer_script(peer)
    peer = installed_as(peer)
    if peer in OWN:
        return Path(sys.executable)
    lock = PEERS / f"{peer}.lock"
    base = base_python or Path(sys.executable)
    version = _version_of(base)
    mark = hashlib.sha256(lock.read_bytes() + version.encode()).hexdigest()[:12]
    folder = home / "peers" / f"{peer}-{mark}"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if (folder / ".complete").exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _run([str(base), "-m", "venv", str(folder)], f"no environment could be made with {base}")
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    _run([*install, "-r", str(lock)], f"{peer} cannot be installed on Python {version}")
    (folder / ".complete").touch()
    return python


def _version_of(python: Path) -> str:
    command = [str(python), "-c", "import platform; print(platform.python_version())"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        raise PeerMissing(f"{python} is no Python") from None


def _run(command: list[str], why: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise PeerMissing(f"{why}: {type(problem).__name__}") from None
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise PeerMissing(f"{why}: {errors[-1] if errors else 'see the output of pip'}")
