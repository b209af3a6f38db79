"""A real SFTP server on loopback that can cut the connection at the n-th operation, or serve what was not put there."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import paramiko

PASSWORD = "only for this test"


@dataclass
class Sftp:
    """A running server: its folder, its port, its host key; `operations` counts what clients asked for."""

    root: Path
    key: paramiko.PKey
    port: int = 0
    operations: int = 0
    cut_at: int | None = None  # the operation at which the connection is closed
    on_operation: Callable[[str], None] = field(default=lambda name: None)
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"sftp://partner@127.0.0.1:{self.port}/landing"

    def known_hosts(self, path: Path, key: paramiko.PKey | None = None) -> Path:
        hosts = paramiko.HostKeys()
        shown = key or self.key
        hosts.add(f"[127.0.0.1]:{self.port}", shown.get_name(), shown)
        hosts.save(str(path))
        return path


@contextmanager
def sftp_server(root: Path) -> Iterator[Sftp]:
    served = Sftp(root, paramiko.ECDSAKey.generate())
    (root / "landing").mkdir(parents=True)
    listener = socket.create_server(("127.0.0.1", 0))
    served.port = listener.getsockname()[1]
    threading.Thread(target=_accept, args=(listener, served), daemon=True).start()
    try:
        yield served
    finally:
        served.stopped.set()
        listener.close()


def _accept(listener: socket.socket, served: Sftp) -> None:
    while not served.stopped.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = paramiko.Transport(connection)
        transport.add_server_key(served.key)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, served=served, transport=transport)
        try:
            transport.start_server(server=_Login())
        except (paramiko.SSHException, EOFError):
            transport.close()


class _Login(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        right = (username, password) == ("partner", PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def get_allowed_auths(self, username: str) -> str:
        return "password"


class _Handle(paramiko.SFTPHandle):
    files: _Files

    def stat(self) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))

    def write(self, offset: int, data: bytes) -> int:
        return self.files.counted("write") or super().write(offset, data)

    def read(self, offset: int, length: int) -> bytes | int:
        return self.files.counted("read") or super().read(offset, length)


class _Files(paramiko.SFTPServerInterface):
    def __init__(self, server: object, served: Sftp, transport: paramiko.Transport) -> None:
        super().__init__(server)
        self.served, self.transport = served, transport

    def counted(self, name: str) -> int:
        """0, or a failure after the connection was cut."""
        self.served.operations += 1
        self.served.on_operation(name)
        if self.served.cut_at is not None and self.served.operations >= self.served.cut_at:
            self.transport.close()
            return paramiko.SFTP_CONNECTION_LOST
        return 0

    def _path(self, path: str) -> Path:
        return self.served.root / self.canonicalize(path).lstrip("/")

    def _do(self, name: str, action: Callable[[], object]) -> object:
        if self.counted(name):
            return paramiko.SFTP_CONNECTION_LOST
        try:
            found = action()
        except OSError as problem:
            return paramiko.SFTPServer.convert_errno(problem.errno)
        return paramiko.SFTP_OK if found is None else found

    def list_folder(self, path: str) -> object:
        def listed() -> list[paramiko.SFTPAttributes]:
            return [
                paramiko.SFTPAttributes.from_stat(entry.stat(follow_symlinks=False), entry.name)
                for entry in os.scandir(self._path(path))
            ]

        return self._do("list", listed)

    def stat(self, path: str) -> object:
        return self._do("stat", lambda: paramiko.SFTPAttributes.from_stat(self._path(path).stat()))

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> object:
        def opened() -> paramiko.SFTPHandle:
            descriptor = os.open(self._path(path), flags, 0o600)
            handle = _Handle(flags)
            handle.files = self
            mode = "r+b" if flags & os.O_RDWR else "wb" if flags & os.O_WRONLY else "rb"
            handle.readfile = handle.writefile = os.fdopen(descriptor, mode)
            return handle

        return self._do("open", opened)

    def remove(self, path: str) -> object:
        return self._do("remove", lambda: self._path(path).unlink())

    def rename(self, oldpath: str, newpath: str) -> object:
        return self._do("rename", lambda: self._path(oldpath).rename(self._path(newpath)) and None)

    posix_rename = rename

    def mkdir(self, path: str, attr: paramiko.SFTPAttributes) -> object:
        return self._do("mkdir", lambda: self._path(path).mkdir())

    def rmdir(self, path: str) -> object:
        return self._do("rmdir", lambda: self._path(path).rmdir())
