"""The embedded server's settings: sized to this machine, quiet about values, and never at durability's cost."""

from __future__ import annotations

import os
from pathlib import Path

MEGABYTE = 1024 * 1024
SHARED_MEMORY_WANTED = 512 * MEGABYTE


def server_settings(host: str) -> str:
    """The text of postgresql.conf."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEGABYTE
    settings = {
        "listen_addresses": host,
        "unix_socket_directories": "",
        "password_encryption": "scram-sha-256",
        "max_connections": 60,
        # Durability, said out loud: a committed night survives a power cut.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        # Loads of a county in one transaction: room between checkpoints; nothing replicates from this server.
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "shared_buffers": f"{max(64, min(512, memory // 8))}MB",
        "effective_cache_size": f"{max(128, memory // 2)}MB",
        "work_mem": f"{max(8, min(64, memory // 128))}MB",
        "maintenance_work_mem": f"{max(32, min(256, memory // 16))}MB",
        "max_parallel_workers_per_gather": 1,
        "jit": "off",
        "random_page_cost": 1.1,
        # A container's small /dev/shm ends parallel queries: then files in the data folder do.
        "dynamic_shared_memory_type": "posix" if _shared_memory() >= SHARED_MEMORY_WANTED else "mmap",
        # The log tells of the server and never of rows: a client's error may repeat a value, and goes to the client.
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        # Parameters of a reader's query are a detail of it (pipeline.access.looked); errors are not in the log at all.
        "log_error_verbosity": "default",
        "log_parameter_max_length_on_error": 0,
        "log_checkpoints": "off",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_timezone": "UTC",
        "timezone": "UTC",
        "datestyle": "iso, ymd",
    }
    return "".join(f"{name} = '{value}'\n" for name, value in settings.items())


def _shared_memory() -> int:
    try:
        state = os.statvfs(Path("/dev/shm"))  # noqa: S108  (its size is asked, nothing is written)
    except OSError:
        return SHARED_MEMORY_WANTED if os.uname().sysname != "Linux" else 0
    return state.f_bavail * state.f_frsize
