"""Where the server's log is: the embedded server's own, or the file that an installation names."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.settings import Settings
from pipeline.store.place import find_place

VARIABLE = "WHOLEFAMILY_SERVER_LOG"


def server_logs(settings: Settings) -> list[Path]:
    """The logs to take accesses from, the older first; none where a server of one's own writes elsewhere, and
    WHOLEFAMILY_SERVER_LOG does not say where (docs/operations.md)."""
    named = os.environ.get(VARIABLE)
    if named:
        return [Path(named).expanduser()]
    if settings.database_url is not None or not settings.postgres.exists():
        return []
    log = find_place(settings.postgres).log
    return [log.with_suffix(".log.old"), log]
