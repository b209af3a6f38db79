"""The schema: made once, left alone after that, and explained to whoever reads it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from pipeline.errors import StoreError
from pipeline.settings import PROJECT, Settings
from pipeline.store.address import Address
from pipeline.store.credentials import Credentials
from pipeline.store.database import Database, open_database
from pipeline.store.migrate import current_version, head_version, migrate

MIGRATIONS = PROJECT / "schemas" / "database"
HEAD = head_version(MIGRATIONS)
NEXT = "9001"

COHORT_VIEWS = {
    "attrition": ["run_id", "step", "description", "count"],
    "case_step": ["case_id", "step_id", "from_state", "to_state", "on_date", "role", "by_whom", "recorded_at"],
    "claim": [
        "case_id", "family_id", "pack", "claim", "title", "state", "tariff_year", "pounds", "reason", "claimed_on",
        "holds_now", "contains_dwp", "as_at",
    ],
    "chronology": [
        "family_id", "person_id", "start_date", "end_date", "partner", "agency", "kind", "role", "evidence_id",
    ],
    "cohort": ["pack", "family_id", "cohort_start_date", "cohort_end_date"],
    "criterion_evidence": [
        "family_id", "pack", "criterion", "evidence_id", "partner", "kind", "start_date", "end_date",
    ],
    "criterion_result": [
        "family_id", "pack", "pack_version", "criterion", "title", "state", "reason", "contains_dwp", "as_at", "run_id",
        "in_doubt", "probability",
    ],
    "contested": ["family_id", "pack", "criterion", "partner", "contested_rows", "since"],
    "duplicated_service": [
        "family_id", "need", "agency", "service", "title", "first_day", "last_day", "facts", "contains_dwp", "as_at",
        "run_id",
    ],
    "escalation": [
        "family_id", "agency", "state", "reason", "window_from", "window_to", "contacts", "contacts_before", "expected",
        "times_expected", "p_value", "q_value", "contains_dwp", "as_at", "run_id",
    ],
    "escalation_model": [
        "agency", "title", "state", "peer_group", "peers", "mean_per_month", "months_worth", "discount",
        "windows_fitted", "families_tested", "alerts", "as_at", "run_id",
    ],
    "estimate": [
        "source", "place", "district", "area", "low", "high", "found", "share_of_low", "share_of_high", "beside",
        "pack", "as_at", "run_id",
    ],
    "evidence_origin": [
        "evidence_id", "partner", "kind", "delivery_id", "file", "row_number", "accepted_at", "agreement_id",
    ],
    "family": ["family_id", "kind", "area", "adults", "children", "to_review", "as_at", "run_id", "review_reason"],
    "flag_doubt": [
        "family_id", "pack", "criterion", "state", "would_become", "deciding_links", "likeliest", "probability",
        "links", "method", "contains_dwp",
    ],
    "family_case": [
        "case_id", "pack", "family_id", "state", "since", "identified_on", "attached_on", "district", "team",
        "contains_dwp", "split_from", "merged_into",
    ],
    "family_cost": [
        "family_id", "cost", "title", "need", "code", "agency", "quantity", "unit", "facts", "fiscal", "economic",
        "cashable", "prices", "confidence", "contains_dwp", "as_at", "run_id",
    ],
    "family_history": ["family_id", "pack", "selected", "criteria_met", "valid_from", "valid_to"],
    "family_ledger": ["run_id", "old_id", "new_id", "change"],
    "family_member": [
        "family_id", "person_id", "role", "start_date", "end_date", "reason", "confidence", "birth_month", "sex",
    ],
    "priority": [
        "pack", "place", "family_id", "score", "selected", "nominating_partners", "contains_dwp", "as_at", "run_id",
    ],
    "priority_part": [
        "pack", "family_id", "part", "title", "value", "unit", "full_marks", "weight", "points", "contains_dwp",
    ],
    "programme_balance": ["name", "covariate", "difference_before", "difference_after"],
    "programme_effect": [
        "name", "place", "measure", "title", "unit", "is_primary", "families_new_model", "families_usual",
        "new_before", "new_after", "new_change", "new_change_low", "new_change_high", "usual_before", "usual_after",
        "usual_change", "usual_change_low", "usual_change_high", "effect", "effect_low", "effect_high", "relative",
        "relative_low", "relative_high", "p_value", "p_adjusted", "smallest_to_be_seen", "already_parting",
        "verdict",
    ],
    "programme_evaluation": [
        "name", "groups_from", "made_up", "planted", "design", "method", "families_new_model", "families_usual",
        "first_start", "last_start", "months", "level", "largest_difference", "balanced_below", "verdict", "as_at",
        "run_id", "made_at",
    ],
    "programme_issue": [
        "name", "place", "issue", "title", "arm", "families", "share_on_entry", "share_on_exit", "published_entry",
        "published_exit",
    ],
    "programme_left_out": ["name", "arm", "reason", "families"],
    "programme_return": [
        "name", "money", "arm", "families", "before", "after", "avoided", "avoided_low", "avoided_high",
        "programme", "per_pound", "per_pound_low", "per_pound_high", "prices",
    ],
    "programme_share": [
        "name", "arm", "agency", "avoided_fiscal", "avoided_cashable", "pays_now", "by_headcount", "by_benefit",
        "hybrid", "left_by_headcount", "left_by_benefit", "left_hybrid",
    ],
    "progress": [
        "case_id", "family_id", "pack", "test", "title", "state", "reason", "before", "now", "contains_dwp", "as_at",
        "run_id",
    ],
    "progress_evidence": ["case_id", "test", "evidence_id"],
    "published_run": [
        "run_id", "pack", "pack_version", "model_version", "code_version", "as_at", "published_at",
    ],
    "release": [
        "release_id", "name", "form", "made_at", "run_id", "as_at", "actor", "purpose", "agreement_id",
        "agreement_version", "rule_id", "rule_version", "row_count", "column_names", "hidden", "held", "file", "sha256",
    ],
    "review_outcome": ["pack", "month", "reviewed", "overridden", "override_rate"],
    "service_contact": ["family_id", "agency", "month_end", "contacts", "contains_dwp", "as_at", "run_id"],
    "statement": [
        "pack", "family_id", "from_run", "until_run", "selected", "standing", "criteria_met", "criteria",
    ],
    "summary": ["as_at", "area", "pack", "criterion", "families", "counted_on"],
    "unit_cost": [
        "code", "label", "unit", "agency", "fiscal", "fiscal_priced_in", "economic", "economic_priced_in", "source",
        "confidence",
    ],
}  # fmt: skip


def schema_text(database: Database) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute(
            "select n.nspname, c.relname, c.relkind, c.relacl::text, a.attname, a.atttypid::regtype::text"
            " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0"
            " where n.nspname in ('registry', 'identity', 'evidence', 'publication', 'cohort', 'audit')"
            " order by 1, 2, 5"
        ).fetchall()


def test_migrating_twice_is_migrating_once(database: Database, settings: Settings) -> None:
    before = schema_text(database)
    with open_database(settings) as again:
        assert schema_text(again) == before
    assert len(before) > 200


def test_head_by_file_name_is_alembics_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    assert ScriptDirectory.from_config(config).get_current_head() == head_version(MIGRATIONS)


def test_a_database_newer_than_the_program_is_refused(database: Database, settings: Settings) -> None:
    with database.connect() as connection:
        connection.execute("update registry.schema_version set version_num = '9999'")
    with pytest.raises(StoreError, match="newer version"), open_database(settings):
        pass


def test_a_migration_that_fails_leaves_nothing(test_server, settings: Settings, tmp_path: Path) -> None:
    broken = tmp_path / "declarations with spaces" / "database"
    shutil.copytree(MIGRATIONS, broken)
    (broken / "versions" / f"{NEXT}_breaks_half_way.py").write_text(
        f"from alembic import op\nrevision = '{NEXT}'\ndown_revision = '{HEAD}'\n"
        "def upgrade():\n    op.execute('create table cohort.half (a int)')\n    op.execute('select 1 / 0')\n"
    )
    with open_database(settings) as database, database.connect(autocommit=True) as connection:
        with pytest.raises(StoreError, match=r"a migration failed .*22012"):
            migrate(connection, broken, Credentials(settings.hub_keys))
        assert current_version(connection) == HEAD
        assert connection.execute("select to_regclass('cohort.half')").fetchone() == (None,)


def test_one_more_migration_is_applied_on_the_last(database: Database, settings: Settings, tmp_path: Path) -> None:
    later = tmp_path / "database"
    shutil.copytree(MIGRATIONS, later)
    (later / "versions" / f"{NEXT}_one_more.py").write_text(
        f"from alembic import op\nrevision = '{NEXT}'\ndown_revision = '{HEAD}'\n"
        "def upgrade():\n    op.execute('create table registry.more (a int)')\n"
    )
    with database.connect(autocommit=True) as connection:
        assert migrate(connection, later, Credentials(settings.hub_keys)) == HEAD
        assert current_version(connection) == NEXT


def test_a_server_by_url_needs_no_superuser(test_server, settings: Settings) -> None:
    """The fixture's owner may create roles and owns its database, and is not a superuser: an empty one is migrated."""
    owner = Address(
        "127.0.0.1", test_server.superuser.port, "empty", "wholefamily", test_server.passwords["wholefamily"]
    )
    with test_server.superuser.in_database("postgres").connect(autocommit=True) as connection:
        connection.execute("create database empty owner wholefamily")
        try:
            rights = "select rolsuper, rolcreaterole from pg_roles where rolname = 'wholefamily'"
            assert connection.execute(rights).fetchone() == (False, True)
            with open_database(Settings(home=settings.home, database_url=owner.url())) as fresh:
                assert len(schema_text(fresh)) > 200
        finally:
            connection.execute("drop database empty with (force)")


def test_every_cohort_view_has_its_columns_and_explains_each(database: Database) -> None:
    with database.connect() as connection:
        rows = connection.execute(
            "select c.relname, a.attname, col_description(c.oid, a.attnum), obj_description(c.oid), c.reloptions"
            " from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0"
            " where c.relnamespace = 'cohort'::regnamespace order by c.relname, a.attnum"
        ).fetchall()
    found: dict[str, list[str]] = {}
    for view, column, comment, about, options in rows:
        found.setdefault(view, []).append(column)
        assert comment, f"cohort.{view}.{column} has no comment"
        assert comment.endswith((".", ")"))
        assert about
        assert "security_barrier=true" in options
    assert found == COHORT_VIEWS


def test_every_registry_column_is_explained(database: Database) -> None:
    with database.connect() as connection:
        silent = connection.execute(
            "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0"
            " where c.relnamespace = 'registry'::regnamespace and c.relkind in ('r', 'v')"
            " and c.relname <> 'schema_version' and col_description(c.oid, a.attnum) is null"
        ).fetchall()
    assert silent == []
