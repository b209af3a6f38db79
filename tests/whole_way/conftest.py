"""The command line as people use it, and an installation that a dozen hand-made people have gone through."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.settings import PROJECT, Settings

DOZEN = PROJECT / "examples" / "dozen"
PARTNERS = ("council", "dwp", "police", "schools")
PERIOD = ("--from", "2011-08-01", "--to", "2014-07-31")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    exit_code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `wholefamily …` in this installation, in this process."""
    monkeypatch.setenv("WHOLEFAMILY_HOME", str(settings.home))
    monkeypatch.setenv("WHOLEFAMILY_DATABASE_URL", str(settings.database_url))

    def command(*arguments: str | Path, code: int | None = 0) -> Ended:
        monkeypatch.setattr(sys, "argv", ["wholefamily", *map(str, arguments)])
        capsys.readouterr()
        exit_code = 0
        try:
            main()
        except SystemExit as ended:
            exit_code = int(ended.code or 0)
        seen = capsys.readouterr()
        assert code is None or exit_code == code, seen.out + seen.err
        return Ended(exit_code, seen.out, seen.err)

    return command


def send(run: Run, partner: str, raw: Path) -> None:
    """Pseudonymise and deliver a partner's extract."""
    run("pseudonymise", partner, raw, *PERIOD)
    run("deliver", partner)


@pytest.fixture
def dozen(run: Run) -> Run:
    """The dozen of examples/, delivered, taken in and built."""
    run("keys", "all")
    for partner in PARTNERS:
        send(run, partner, DOZEN / "raw" / partner)
    run("ingest")
    run("build")
    return run
