"""How a failure reaches Airflow and the data team: where, which rule, what to do; never a value of a person.

Airflow writes an exception's text and traceback into task logs, its database and lineage events. So nothing but
our own texts may leave a task: an error of a library is replaced by its kind and place.
"""

from __future__ import annotations

import datetime as dt
import errno
import functools
import logging
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout

from pipeline.errors import LatenessError, StoreError, WholeFamilyError
from pipeline.notices import Notice, routes, send
from pipeline.settings import read_settings

log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")

ALERTS = Path("logs", "alerts.log")
BY_DAG = {"ingest_": "ingest-failed", "build_": "build-failed", "governance_": "governance-failed"}
# How a full disk is told: by the server (SQLSTATE 53100), and by the hub's own system.
FULL = ("disk is full", *(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)))


def told_plainly(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a task's function: our errors as Airflow's, others by kind and place; skips and timeouts pass through.

    Only what may pass by itself is retried: the database being away, or something unforeseen. A rejected delivery
    or a wrong declaration is the same at the next try.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except AirflowException:
            raise
        except Exception as error:
            failure = as_airflow_failure(error)
        # Raised here, outside the handler, so that the first error does not travel along as its context.
        raise failure

    return run


def as_airflow_failure(error: Exception) -> AirflowException:
    """The same failure in words that hold no value, and with the right to a retry or not."""
    if isinstance(error, WholeFamilyError):
        kind = AirflowException if isinstance(error, StoreError) else AirflowFailException
        failure = kind(str(error))
        failure.alert = "feed-late" if isinstance(error, LatenessError) else None
        return failure
    return AirflowException(
        f"{_place(error)}: an unforeseen {_kind(error)}. What to do: if the retries fail too, run the same step from "
        "the command line (`wholefamily ingest PARTNER`, `wholefamily build`), and report it with this line."
    )


def tell(context: dict[str, Any]) -> None:
    """Failure callback: one plain line in the task's log and in `logs/alerts.log` of Airflow's home, and a notice by
    every route of `hub/notices.yaml`. A route that fails is a line of its own there; it never hides the failure."""
    task = context["ti"]
    error = context.get("exception")
    if error is None:
        text = "the task was ended from outside. What to do: see that the machine has memory to spare; run it again."
    elif isinstance(error, AirflowTaskTimeout):
        text = "it took longer than it may. What to do: see what is in its way (a lock held for hours); run it again."
    else:
        text = " ".join(str(error).split())
    what = f"{task.dag_id}.{task.task_id}"
    notice = Notice(_alert_of(task.dag_id, task.task_id, error), what, text, dt.datetime.now(dt.UTC))
    log.error(f"{what}: {text}")
    _append(notice.at, f"{what}: {text}")
    for line in _send(notice):
        log.error(line)
        _append(notice.at, line)


def announce(notice: Notice) -> None:
    """Tell of something that is no failure (yet): in `logs/alerts.log`, and by every route of `hub/notices.yaml`."""
    log.warning(f"{notice.what}: {notice.text}")
    _append(notice.at, f"{notice.what}: {notice.text}")
    for line in _send(notice):
        log.error(line)
        _append(notice.at, line)


def _alert_of(dag_id: str, task_id: str, error: Any) -> str:
    """The runbook's entry: by its cause where that is known, else by what failed."""
    if error is None:
        return "task-ended"
    if isinstance(error, AirflowTaskTimeout):
        return "too-long"
    if any(words in str(error) for words in FULL):
        return "disk-full"
    if alert := getattr(error, "alert", None):
        return str(alert)
    if task_id == "sign_the_log" and isinstance(error, AirflowFailException):
        return "log-changed"
    if task_id == "tell_the_witness":
        return "witness-away"
    return next((alert for start, alert in BY_DAG.items() if dag_id.startswith(start)), "build-failed")


def _send(notice: Notice) -> list[str]:
    """What could not be sent. A declaration that is not well formed is said likewise: the alert itself stands."""
    try:
        return send(routes(read_settings()), notice)
    except WholeFamilyError as problem:
        return [f"no notice was sent: {problem}"]


def _append(at: dt.datetime, line: str) -> None:
    path = Path(os.environ["AIRFLOW_HOME"]) / ALERTS
    with path.open("a", encoding="utf-8") as stream:
        stream.write(f"{at.isoformat(timespec='seconds')}\t{line}\n")


def _kind(error: Exception) -> str:
    """The error's class, and the parts of it that are codes: SQLSTATE, errno."""
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str):
        return f"{type(error).__name__} (SQLSTATE {sqlstate})"
    if isinstance(error, OSError) and error.errno:
        return f"{type(error).__name__} ({os.strerror(error.errno)})"
    return type(error).__name__


def _place(error: Exception) -> str:
    """File, line and function where the pipeline's own code was when it happened."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/pipeline/" in frame.filename] or frames
    if not ours:
        return "a task"
    last = ours[-1]
    name = last.filename[last.filename.rfind("/pipeline/") + 1 :]
    return f"{name}, line {last.lineno}, in {last.name}"
