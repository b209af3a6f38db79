"""SFTP as a filesystem of fsspec that speaks only to servers whose host key is known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

KNOWN_HOSTS = "known_hosts"  # option: a file of host keys instead of the user's own
CONNECT_SECONDS, SILENT_SECONDS = 20.0, 60.0
REQUESTS = 64  # of one file on their way at once
LARGEST_AHEAD = 16 << 30  # a server may say of a file that it has any size


class UnknownHostKey(paramiko.SSHException):  # type: ignore[misc]  # nor has paramiko
    """The server's host key stands in no known_hosts file."""


class _Refuse(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        raise UnknownHostKey


class KnownSFTP(SFTPFileSystem):  # type: ignore[misc]  # fsspec has no type information
    """SFTP with host keys checked, time limits, and reading ahead."""

    def _connect(self) -> None:
        known = self.ssh_kwargs.pop(KNOWN_HOSTS, None)
        self.client = paramiko.SSHClient()
        if known is None:
            self.client.load_system_host_keys()
        else:
            self.client.load_host_keys(str(Path(known).expanduser()))
        self.client.set_missing_host_key_policy(_Refuse())
        limits = dict.fromkeys(("timeout", "banner_timeout", "auth_timeout"), CONNECT_SECONDS)
        self.client.connect(self.host, **(limits | self.ssh_kwargs))
        self.ftp = self.client.open_sftp()
        self.ftp.get_channel().settimeout(SILENT_SECONDS)

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **kwargs: Any) -> Any:
        handle = super()._open(path, mode, block_size, **kwargs)
        if mode == "rb":
            handle.prefetch(min(handle.stat().st_size, LARGEST_AHEAD), max_concurrent_requests=REQUESTS)
        return handle

    def rm_file(self, path: str) -> None:
        self.ftp.remove(self._strip_protocol(path))


def open_sftp(host: str, port: int | None, user: str | None, options: Mapping[str, Any]) -> KnownSFTP:
    """A connection of its own to an SFTP server. What the options do not say, fsspec's own configuration may."""
    given = dict(options)
    if port is not None:
        given["port"] = port
    if user is not None:
        given["username"] = user
    return KnownSFTP(host=host, skip_instance_cache=True, **given)
