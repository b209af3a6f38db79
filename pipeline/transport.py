"""How a sealed delivery travels: into a drop folder, or by URL to SFTP or object storage; partner and hub use the same.

Every file is whole before its name is seen, and the signature comes last, so that a half-written upload is never
opened. What travels is sealed and signed; nothing here opens it. Credentials come from the filesystem's own
configuration or from a file that only its owner can read, never from a URL; a server whose host key is not known is
refused.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Protocol, TypeVar
from urllib.parse import SplitResult, urlsplit

from pipeline.errors import TransportError, WholeFamilyError
from pipeline.manifest import DELIVERY_ID, MANIFEST_FILE, SIGNATURE_FILE

T = TypeVar("T")
PIECE = 1 << 20
WAITS = (1.0, 4.0, 15.0)  # seconds before a cut connection is tried again
MOST_DELIVERIES, MOST_FILES = 10_000, 64  # that one listing may hold
RENAMES_WHOLE = {"sftp", "file"}  # others show an object only when all of it is there
TAKEN, REFUSED = ".taken", ".refused"


class Landing(Protocol):
    """Where a partner puts its deliveries."""

    @property
    def name(self) -> str:
        """For people; holds no credentials."""

    def identity(self) -> str | None:
        """What tells this place from another, whatever leads there; None where it is not there."""

    def has(self, delivery: str) -> bool:
        """Whether anything of the delivery is there."""

    def put(self, source: Path, delivery: str) -> None:
        """Put a file of the delivery there, whole or not at all; one that is there stays."""

    def location(self, delivery: str) -> PurePath:
        """Where the delivery lies."""


@dataclass(frozen=True)
class DropFolder:
    """A folder of this machine, or a share that is mounted."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def identity(self) -> str | None:
        if not self.path.is_dir():
            return None
        found = self.path.stat()
        return json.dumps({"device": found.st_dev, "inode": found.st_ino})

    def has(self, delivery: str) -> bool:
        return (self.path / delivery).exists()

    def put(self, source: Path, delivery: str) -> None:
        target = self.path / delivery / source.name
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        with source.open("rb") as read, part.open("wb") as written:
            shutil.copyfileobj(read, written, PIECE)
            written.flush()
            os.fsync(written.fileno())
        part.replace(target)

    def location(self, delivery: str) -> Path:
        return self.path / delivery


@dataclass
class RemoteFolder:
    """A folder by URL, on any filesystem of fsspec that is installed. A cut connection is made anew, a few times."""

    url: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    waits: tuple[float, ...] = WAITS
    _open: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        parts = _checked(self.url)
        self._parts, self.root = parts, parts.path.rstrip("/") or "/"
        if parts.scheme not in ("sftp", "file"):  # a bucket, or the name of a memory
            self.root = f"{parts.netloc}{parts.path}".rstrip("/")
        host = parts.hostname or ""
        self.name = f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"

    def identity(self) -> str | None:
        has_folders = self._parts.scheme in RENAMES_WHOLE
        there = self._carefully("look for it", lambda files: not has_folders or _exists(files, self.root))
        return json.dumps({"url": self.name}) if there else None

    def has(self, delivery: str) -> bool:
        return bool(self.files(delivery))

    def put(self, source: Path, delivery: str) -> None:
        target = f"{self.root}/{delivery}/{source.name}"
        part = f"{self.root}/{delivery}/.{source.name}.part" if self._parts.scheme in RENAMES_WHOLE else target
        size = source.stat().st_size

        def write(files: Any) -> None:
            if _sizes(files, f"{self.root}/{delivery}").get(source.name) == size:
                return
            files.makedirs(f"{self.root}/{delivery}", exist_ok=True)
            files.put_file(str(source), part)
            if part != target:
                files.mv(part, target)

        self._carefully("write there", write)

    def location(self, delivery: str) -> PurePosixPath:
        return PurePosixPath(self.root) / delivery

    # --- the hub's half

    def deliveries(self) -> list[str]:
        """The names of deliveries that are there whole: their signature has come. In order; other names are left."""
        found = self._carefully("list it", lambda files: _entries(files, self.root, MOST_DELIVERIES))
        named = sorted(name for name, entry in found.items() if DELIVERY_ID.fullmatch(name) and _is_folder(entry))
        return [name for name in named if {MANIFEST_FILE, SIGNATURE_FILE} <= set(self.files(name))]

    def files(self, delivery: str) -> dict[str, int]:
        """The files of a delivery and their sizes in bytes; none where it is not there."""
        return self._carefully("list it", lambda files: _sizes(files, f"{self.root}/{delivery}"))

    def fetch(self, delivery: str, name: str, target: Path, most: int) -> bool:
        """Copy a file of a delivery into a new file of this user alone; false when it holds more than `most` bytes:
        then reading stopped there, and nothing is left."""

        def read(files: Any) -> bool:
            target.unlink(missing_ok=True)
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            left = most
            with os.fdopen(descriptor, "wb") as written, files.open(f"{self.root}/{delivery}/{name}", "rb") as source:
                while piece := source.read(PIECE):
                    left -= len(piece)
                    if left < 0:
                        break
                    written.write(piece)
                written.flush()
                os.fsync(written.fileno())
            return left >= 0

        whole = self._carefully("read from it", read)
        if not whole:
            target.unlink(missing_ok=True)
        return whole

    def take_away(self, delivery: str) -> None:
        """Remove a delivery that the hub holds now; again changes nothing."""
        self._carefully("remove from it", lambda files: self._remove(files, delivery))

    def set_aside(self, delivery: str) -> None:
        """Move a delivery that must not be fetched out of the way, as it is."""

        def move(files: Any) -> None:
            if _exists(files, f"{self.root}/{delivery}"):
                aside = f"{self.root}/{REFUSED}"
                files.makedirs(aside, exist_ok=True)
                number = len(_entries(files, aside, MOST_DELIVERIES))
                self._move(files, delivery, f"{REFUSED}/{delivery}~{number}")

        self._carefully("move in it", move)

    def _remove(self, files: Any, delivery: str) -> None:
        """Out of sight at once where a folder can be renamed: nobody then sees it without its signature."""
        there = f"{self.root}/{delivery}"
        taken = f"{self.root}/{TAKEN}-{delivery}"
        if self._parts.scheme in RENAMES_WHOLE:
            if _exists(files, there) and not _exists(files, taken):
                self._move(files, delivery, f"{TAKEN}-{delivery}")
            there = taken
        if _exists(files, there):
            for name in sorted(_entries(files, there, MOST_FILES), key=lambda name: name != SIGNATURE_FILE):
                files.rm_file(f"{there}/{name}")
            if _exists(files, there):  # object storage has no empty folders
                files.rmdir(there)

    def _move(self, files: Any, delivery: str, to: str) -> None:
        if self._parts.scheme in RENAMES_WHOLE:
            files.mv(f"{self.root}/{delivery}", f"{self.root}/{to}")
        else:
            files.mv(f"{self.root}/{delivery}", f"{self.root}/{to}", recursive=True)

    def _carefully(self, what: str, action: Callable[[Any], T]) -> T:
        for wait in (*self.waits, None):
            try:
                if self._open is None:
                    self._open = _filesystem(self._parts, self.options)
                self._open.invalidate_cache()
                return action(self._open)
            except WholeFamilyError:
                raise
            except Exception as problem:
                self._open, fault = None, _told(problem)
            if wait is None or fault.lasting:
                raise TransportError(
                    where=self.name, rule=f"the hub or partner could not {what}: {fault.rule}", remedy=fault.remedy
                ) from None
            time.sleep(wait)
        raise AssertionError("unreachable")


def landing_at(where: str | Path, credentials: Path | None = None) -> DropFolder | RemoteFolder:
    """The landing place of a path or a URL. `credentials`: a JSON file of options for the filesystem, mode 0600.

    Raises TransportError where the URL holds a password, or others can read the file.
    """
    text = str(where)
    if "://" not in text:
        return DropFolder(Path(text).expanduser().resolve())
    return RemoteFolder(text, _read_options(credentials) if credentials else {})


def _checked(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.password is not None or "@" in parts.path or parts.query or parts.fragment:
        raise TransportError(
            where=f"landing place {parts.scheme}://{parts.hostname or ''}",
            rule="its URL holds more than scheme, user, host, port and path.",
            remedy="take password and options out of it; give them in a file (WHOLEFAMILY_LANDING_CREDENTIALS).",
        )
    return parts


def _read_options(path: Path) -> dict[str, Any]:
    problem = "it is missing or cannot be read."
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            problem = "others than its owner can read or write it."
        else:
            options = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(options, dict):
                return options
            problem = "it is not a JSON object of options."
    except (OSError, ValueError):
        pass
    raise TransportError(
        where=f"credentials {path}", rule=problem, remedy='write {"username": …, "key_filename": …}, and chmod 600 it.'
    )


def _filesystem(parts: SplitResult, options: Mapping[str, Any]) -> Any:
    try:
        if parts.scheme == "sftp":
            from pipeline.sftp import open_sftp

            return open_sftp(parts.hostname or "", parts.port, parts.username, options)
        import fsspec

        return fsspec.filesystem(parts.scheme, skip_instance_cache=True, **options)
    except (ImportError, ValueError) as problem:
        if isinstance(problem, ValueError) and "Protocol not known" not in str(problem):
            raise
    raise TransportError(
        where=f"landing place {parts.scheme}://…",
        rule="no filesystem for this kind of URL is installed.",
        remedy="install it beside this program: fsspec and paramiko for sftp://, s3fs for s3://, gcsfs for gs://.",
    )


def _exists(files: Any, path: str) -> bool:
    """Not the filesystem's own `exists`, which says no when the connection is cut."""
    try:
        files.info(path)
    except FileNotFoundError:
        return False
    return True


def _entries(files: Any, path: str, most: int) -> dict[str, Mapping[str, Any]]:
    try:
        found = files.ls(path, detail=True)
    except FileNotFoundError:
        return {}
    if len(found) > most:
        raise TransportError(
            where="landing place",
            rule=f"a folder of it holds more than {most} entries.",
            remedy="see who writes there, and clear it.",
        )
    named = {str(entry["name"]).rstrip("/").rsplit("/", 1)[-1]: entry for entry in found}
    return {name: entry for name, entry in named.items() if name not in ("", ".", "..")}


def _sizes(files: Any, path: str) -> dict[str, int]:
    found = _entries(files, path, MOST_FILES)
    return {name: int(entry.get("size") or 0) for name, entry in found.items() if not _is_folder(entry)}


def _is_folder(entry: Mapping[str, Any]) -> bool:
    return entry.get("type") == "directory"


@dataclass(frozen=True)
class _Fault:
    rule: str
    remedy: str = "see whether the server can be reached, and run it again: nothing is lost."
    lasting: bool = False


def _told(problem: Exception) -> _Fault:
    """What kind of fault it is, by its type: its text may hold a name, a path or a credential."""
    kinds = {kind.__name__ for kind in type(problem).__mro__}
    if "BadHostKeyException" in kinds or "UnknownHostKey" in kinds:
        return _Fault(
            "the server's host key is not the one that is known.",
            "ask who runs the server for its host key, by telephone; only then add it to the known_hosts file.",
            lasting=True,
        )
    if "AuthenticationException" in kinds:
        return _Fault("the server refuses the login.", "mend user name and key in the credentials.", lasting=True)
    if "PermissionError" in kinds:
        return _Fault("this login may not.", "ask who runs the server for the rights.", lasting=True)
    return _Fault(f"the connection failed ({type(problem).__name__}).")
