"""docs/what-the-pioneers-did.md is true: each command runs on small data, each table is there and explained."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from pipeline.settings import PROJECT
from pipeline.store.database import Database
from tests.impact.live_borough import fill
from tests.impact.test_evaluate import borough
from tests.whole_way.conftest import Run

PAGE = PROJECT / "docs" / "what-the-pioneers-did.md"
PLACES = (
    "Westminster, Family Recovery", "Barnet", "Lewisham", "Manchester", "Greater Manchester", "West Cheshire", "Kent",
    "Lincolnshire", "Swindon", "Birmingham", "Tri-borough", "Central government", "Family intervention projects",
)  # fmt: skip
OF_MANY_FAMILIES = ("evaluate-programme", "estimates")  # nothing can be said of a dozen people's programme
COMMAND, TABLE = re.compile(r"`wholefamily ([^`]+)`"), re.compile(r"`([a-z]+\.[a-z_]+)`")


def rows() -> dict[str, tuple[str, str]]:
    """Of each place of the page: what stands in the columns of commands and of tables."""
    lines = [line.strip("|").split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    told = {cells[0].strip(): (cells[2], cells[3]) for cells in lines if len(cells) == 4}
    del told["place"], told["---"]
    return told


def test_every_place_is_told_with_its_commands_and_tables() -> None:
    told = rows()
    assert tuple(told) == PLACES
    assert all(COMMAND.search(commands) and TABLE.search(tables) for commands, tables in told.values())


def commands() -> list[str]:
    return list(dict.fromkeys(found for told, _ in rows().values() for found in COMMAND.findall(told)))


def say(run: Run, command: str, family: int, page: Path) -> None:
    """Run a command of the page; it says something, and a page that it writes has a picture."""
    words = [{"FAMILY": str(family), "OUT.html": str(page)}.get(word, word) for word in shlex.split(command)]
    words = [str(PROJECT / word) if word.startswith("examples/") else word for word in words]
    assert len(run(*words).out.splitlines()) > 2, command
    if str(page) in words:
        assert "<svg" in page.read_text(encoding="utf-8"), command


def test_each_command_on_the_cohort_runs_on_the_dozen(dozen: Run, database: Database, tmp_path: Path) -> None:
    with database.connect() as connection:
        (family,) = connection.execute("select family_id from cohort.priority where place = 1").fetchone() or (0,)
    mine = [command for command in commands() if not command.startswith(OF_MANY_FAMILIES)]
    assert len(mine) > 15
    for number, command in enumerate(mine):
        say(dozen, command, family, tmp_path / f"{number}.html")


def test_each_command_on_many_families_runs_on_a_borough(run: Run, database: Database, tmp_path: Path) -> None:
    fill(database, borough())
    mine = [command for command in commands() if command.startswith(OF_MANY_FAMILIES)]
    assert {command.split()[0] for command in mine} == set(OF_MANY_FAMILIES)
    for number, command in enumerate(mine):
        say(run, command, 1, tmp_path / f"{number}.html")


def test_each_table_is_there_and_every_column_is_explained(database: Database) -> None:
    named = sorted({name for _, tables in rows().values() for name in TABLE.findall(tables)})
    with database.connect() as connection:
        for name in named:
            told = connection.execute(
                "select obj_description(%s::regclass), bool_and(col_description(attrelid, attnum) is not null)"
                " from pg_attribute where attrelid = %s::regclass and attnum > 0",
                (name, name),
            ).fetchone()
            assert told is not None
            assert told[0], name
            assert told[1], name
