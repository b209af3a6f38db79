"""How every task of the hub behaves: retries, limits, places on the machine, and who is told of a failure."""

from __future__ import annotations

import datetime as dt
from typing import Any

from orchestration.failures import tell

# A fixed day in the past: with catchup off, a DAG that is switched on runs once for the night that has just been.
START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
# All crons are UTC: no night has its 01:15 twice or not at all.
ZONE = "UTC"

TASK_DEFAULTS: dict[str, Any] = {
    "owner": "data team",
    "retries": 3,
    "retry_delay": dt.timedelta(minutes=1),
    "retry_exponential_backoff": 2,
    "max_retry_delay": dt.timedelta(minutes=15),
    "execution_timeout": dt.timedelta(hours=2),
    "pool": "default_pool",
    "on_failure_callback": tell,
    "show_return_value_in_logs": False,
}

DAG_DEFAULTS: dict[str, Any] = {
    "start_date": START,
    "catchup": False,
    "max_active_runs": 1,
    "max_active_tasks": 1,
    "dagrun_timeout": dt.timedelta(hours=8),
    "default_args": TASK_DEFAULTS,
}
