"""The command line as people use it, and an installation that a dozen hand-made people have gone through."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipeline.cli import main
from pipeline.settings import PROJECT, Settings
from tests.conftest import TestServer, live_database

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


def run_in(settings: Settings, *arguments: str | Path) -> Ended:
    """Run `wholefamily …` in an installation, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("WHOLEFAMILY_HOME", str(settings.home))
        patch.setenv("WHOLEFAMILY_DATABASE_URL", str(settings.database_url))
        patch.setattr(sys, "argv", ["wholefamily", *map(str, arguments)])
        try:
            main()
            exit_code = 0
        except SystemExit as ended:
            exit_code = int(ended.code or 0)
    return Ended(exit_code, out.getvalue(), err.getvalue())


def runner(settings: Settings) -> Run:
    """Commands in one installation, each of which must end with the exit code given (0 when none is)."""

    def run(*arguments: str | Path, code: int = 0) -> Ended:
        ended = run_in(settings, *arguments)
        assert ended.exit_code == code, ended.out + ended.err
        return ended

    return run


def send(run: Run, partner: str, raw: Path) -> None:
    """Pseudonymise and deliver a partner's extract."""
    run("pseudonymise", partner, raw, *PERIOD)
    run("deliver", partner)


@contextmanager
def an_installation_of_the_dozen(test_server: TestServer, home: Path) -> Iterator[Settings]:
    """The dozen of examples/, delivered, taken in and built."""
    with live_database(test_server, test_server.superuser.database, home) as settings:
        run = runner(settings)
        run("keys", "all")
        for partner in PARTNERS:
            send(run, partner, DOZEN / "raw" / partner)
        run("ingest")
        run("build")
        yield settings


@pytest.fixture
def settings(request: pytest.FixtureRequest, test_server: TestServer, tmp_path: Path) -> Iterator[Settings]:
    """An empty installation; for a test that asks for `dozen`, a copy of the one the dozen went through."""
    home, template = tmp_path / "home of the test", test_server.superuser.database
    if "dozen" in request.fixturenames:
        built: Settings = request.getfixturevalue("built_dozen")
        shutil.copytree(built.home, home)
        template = urlsplit(str(built.database_url)).path.lstrip("/")
    with live_database(test_server, template, home) as made:
        yield made


@pytest.fixture
def run(settings: Settings) -> Run:
    """Run `wholefamily …` in this test's installation."""
    return runner(settings)


@pytest.fixture
def dozen(run: Run) -> Run:
    """The same, in an installation that the dozen of examples/ has gone through."""
    return run
