"""Every role on every table, view, function and column, tried for real, against schemas/access.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg import sql

from pipeline.access.check import Walls, check_walls
from pipeline.access.declared import load_matrix
from pipeline.errors import DeclarationError
from pipeline.settings import PROJECT
from pipeline.store.database import Database
from tests.walls.conftest import World
from tests.walls.mutants import Mutant, chosen, killed


@pytest.fixture(scope="module")
def walls(world: World) -> Walls:
    with world.database.connect(autocommit=True) as connection:
        return check_walls(connection, PROJECT / "schemas")


def test_every_cell_is_as_declared(walls: Walls) -> None:
    assert (walls.unexpected, walls.missing) == ((), ())
    assert walls.cells > 30_000
    assert 1_000 < walls.open < walls.cells / 4


def test_policies_views_functions_and_roles_are_as_declared(walls: Walls) -> None:
    assert walls.other == ()


def test_trying_leaves_nothing(world: World, walls: Walls) -> None:
    with world.database.connect() as connection:
        left = connection.execute("select rolname from pg_roles where rolname = 'wf_probe'").fetchall()
        left += connection.execute("select relname from pg_class where relname like 'wf\\_try%'").fetchall()
    assert left == []


def test_every_table_of_rows_about_families_or_cases_has_a_wall(database: Database) -> None:
    """Also one that somebody adds tomorrow: by its columns, whatever its name."""
    with database.connect() as connection:
        open_tables = connection.execute(
            "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " join pg_attribute a on a.attrelid = c.oid and a.attname in ('family_id', 'case_id')"
            " where n.nspname in ('publication', 'casework') and c.relkind in ('r', 'p') and not c.relforcerowsecurity"
        ).fetchall()
    assert open_tables == []


def test_a_declaration_that_cannot_be_is_refused(tmp_path: Path) -> None:
    text = (PROJECT / "schemas" / "access.yaml").read_text()
    for old, new, says in (
        ("  wf_auditor: [select]", "  wf_stranger: [select]", "wf_stranger is none of the groups"),
        ("  wf_auditor: [select]", "  wf_auditor: [look]", "there is no verb look"),
        ("- of: [audit.log]", "- of: [audit.log, casework.move]", "casework.move stands twice"),
    ):
        (tmp_path / "access.yaml").write_text(text.replace(old, new, 1))
        with pytest.raises(DeclarationError, match=says):
            load_matrix(tmp_path)


@pytest.mark.parametrize("mutant", chosen(every=61), ids=str)
def test_what_opens_or_shuts_a_wall_is_found(world: World, mutant: Mutant) -> None:
    """A sample; benchmarks/walls.py does all of them."""
    assert killed(world.superuser, mutant, world.logins)


def test_a_right_given_by_hand_is_found_and_named(world: World) -> None:
    with world.database.connect(autocommit=True) as connection, connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("grant select (score) on publication.priority to wf_partner"))
        connection.execute(sql.SQL("grant usage on schema publication to wf_partner"))
        found = check_walls(connection, PROJECT / "schemas")
    assert ("wf_partner", "column", "publication.priority.score", "select") in found.unexpected
    assert ("wf_partner", "column", "publication.priority.place", "select") not in found.unexpected
