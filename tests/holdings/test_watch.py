"""Notices of agreements that end: a month before, nearer and nearer, then weekly; by a real route."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest
import yaml

from pipeline.holdings.watch import EXPIRING, agreement_notices
from pipeline.notices import RUNBOOK
from pipeline.settings import PROJECT, Settings

LAST = dt.date(2026, 3, 31)


@pytest.fixture(scope="module")
def ending_in_march(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("ending")
    shutil.copytree(PROJECT / "schemas", folder / "schemas")
    path = folder / "schemas" / "agreements" / "whole-family-2012.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"expiry": LAST.isoformat()}))
    return Settings(home=folder / "home", declarations=folder / "schemas")


def at(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(6, 30), dt.UTC)


def test_told_a_month_before_and_then_nearer_and_nearer(ending_in_march: Settings) -> None:
    days = [LAST - dt.timedelta(days=left) for left in range(60, -40, -1)]
    told = [day for day in days if agreement_notices(ending_in_march, at(day))]
    assert [(LAST - day).days for day in told if day <= LAST] == [31, 14, 7, 3, 2, 1, 0]
    after = [day for day in told if day > LAST]
    assert len(after) == 5
    assert {day.weekday() for day in after} == {0}


def test_a_notice_says_what_ends_who_and_what_to_do(ending_in_march: Settings) -> None:
    (notice,) = agreement_notices(ending_in_march, at(LAST - dt.timedelta(days=14)))
    fields = notice.fields()
    assert (fields["alert"], fields["runbook"]) == (EXPIRING, f"{RUNBOOK}#{EXPIRING}")
    assert "expires on 2026-03-31, in 14 days" in notice.text
    assert "council, dwp, police, schools" in notice.text
    assert "What to do:" in notice.text
    assert agreement_notices(Settings(home=Path("/nowhere")), at(LAST)) == []
