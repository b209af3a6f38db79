"""The hub's structured log: one JSON object a line, one file a day, under `hub/logs`; for a collector to follow.

Every step and every delivery, on the command line and in the DAGs alike, with the ids that join it to the rest: `run`
(the lineage's run), `run_id` (the build's), `delivery_id`. Names, ids, counts and times; never a value, and of a
failure its kind, code and place.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from typing import Any

from pipeline.settings import Settings

KEPT_DAYS = 90
LEVELS = {"failed": "error", "rejected": "error", "received": "warning"}


def write(settings: Settings, event: str, state: str, **fields: str | int | float | list[str] | None) -> None:
    """Add a line: `event` names what it tells of (`step`, `delivery`), `state` how that ended; fields without a value
    are left out. Raises OSError where the file cannot be written."""
    moment = dt.datetime.now(dt.UTC)
    line: dict[str, Any] = {
        "at": moment.isoformat(timespec="milliseconds"), "level": LEVELS.get(state, "info"), "event": event,
        "state": state, "process": os.getpid(),
    } | {name: value for name, value in fields.items() if value is not None}  # fmt: skip
    text = json.dumps(line, ensure_ascii=True)
    folder = settings.logs
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{moment.date()}.jsonl"
    if not path.exists():
        _forget(settings, moment.date())
    # One write of one line, appended: processes that log at once do not mix.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, text.encode() + b"\n")
    finally:
        os.close(handle)


def _forget(settings: Settings, today: dt.date) -> None:
    """Delete the days that are no longer kept."""
    oldest = f"{today - dt.timedelta(days=KEPT_DAYS)}.jsonl"
    for path in settings.logs.glob("????-??-??.jsonl"):
        if path.name < oldest:
            path.unlink(missing_ok=True)
