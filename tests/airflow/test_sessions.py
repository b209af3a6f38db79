"""Ending a session: what ignores a polite signal, and what sits in a process group of its own, ends too."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from pipeline.airflow_home.sessions import end_session, members_of

STUBBORN = """
import os, signal, subprocess, sys, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setpgid(0, 0)
    if os.fork() == 0:
        time.sleep(60)
    time.sleep(60)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("code", [STUBBORN, "print('ready', flush=True); import time; time.sleep(60)"])
def test_nothing_is_left(code: str) -> None:
    leader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert leader.stdout
    leader.stdout.readline()
    time.sleep(0.2)
    assert leader.pid in members_of(leader.pid)
    end_session(leader, seconds=0.3)
    assert members_of(leader.pid) == []


def test_a_session_that_has_ended_is_no_error() -> None:
    leader = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    leader.wait()
    end_session(leader, seconds=0.1)
