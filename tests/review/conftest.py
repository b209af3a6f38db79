"""A small made-up borough, delivered and built once; each test has a copy of its database and its partners' sites."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.ingest import ingest_partner
from pipeline.installation import make_all_keys, pseudonymise_extract, seal_and_deliver
from pipeline.run import build
from pipeline.settings import PROJECT, Settings
from pipeline.store.database import Database, open_database
from pipeline.store.embedded import OWNER
from pipeline.synthetic.borough import synthesise
from tests.conftest import TestServer
from tests.review.night import AS_AT, COVERED_FROM, Night, enter_twice

POPULATION, SEED = 2000, 3
BUILT = "review_night"


@pytest.fixture(scope="session")
def built_home(test_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The installation after its first build. More pairs count as possible here, so that there is enough to review."""
    home = tmp_path_factory.mktemp("review") / "home"
    declarations = home.parent / "schemas"
    shutil.copytree(PROJECT / "schemas", declarations)
    model = declarations / "linkage" / "model-v2.yaml"
    document = yaml.safe_load(model.read_text())
    document["thresholds"]["possible"] = 0.02
    model.write_text(yaml.safe_dump(document, sort_keys=False))
    owner = test_server.superuser.as_login(OWNER, test_server.passwords[OWNER]).in_database(BUILT)
    settings = Settings(home=home, declarations=declarations, database_url=owner.url())
    settings.hub_keys.mkdir(parents=True)
    (settings.hub_keys / "database.json").write_text(json.dumps({"analyst": test_server.passwords["analyst"]}))
    synthesise(POPULATION, SEED, home, declarations=declarations, until=AS_AT)
    enter_twice(home / "raw" / "council", 12)
    contracts = load_contracts(declarations, load_vocabulary(declarations))
    make_all_keys(settings, sorted(contracts))
    with test_server.superuser.in_database("postgres").connect(autocommit=True) as connection:
        connection.execute(f"create database {BUILT} template {test_server.superuser.database} owner {OWNER}".encode())
        try:
            with open_database(settings) as database:
                for partner, contract in contracts.items():
                    pseudonymise_extract(settings, contract, home / "raw" / partner, since=COVERED_FROM, until=AS_AT)
                    seal_and_deliver(settings, contract)
                    ingest_partner(settings, database, partner)
                build(settings, database)
            yield settings
        finally:
            connection.execute(f"drop database {BUILT} with (force)".encode())


@pytest.fixture
def settings(test_server: TestServer, built_home: Settings, tmp_path: Path) -> Iterator[Settings]:
    """This test's own copy of the built installation: its database, keys, partners' sites and extracts."""
    home = tmp_path / "home"
    for part in ("hub/keys", "partners", "raw", "truth"):
        shutil.copytree(built_home.home / part, home / part)
    name = f"review_{abs(hash(str(tmp_path))) % 10**9}"
    with test_server.superuser.in_database("postgres").connect(autocommit=True) as connection:
        connection.execute(f"create database {name} template {BUILT} owner {OWNER}".encode())
        try:
            owner = test_server.superuser.as_login(OWNER, test_server.passwords[OWNER]).in_database(name)
            yield replace(built_home, home=home, database_url=owner.url())
        finally:
            connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def night(settings: Settings, database: Database) -> Night:
    return Night(settings, database)


@pytest.fixture
def wholefamily(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Run `wholefamily …` in this installation, in this process; gives what it printed."""
    from pipeline.cli import main

    monkeypatch.setenv("WHOLEFAMILY_HOME", str(settings.home))
    monkeypatch.setenv("WHOLEFAMILY_DATABASE_URL", str(settings.database_url))
    monkeypatch.setenv("WHOLEFAMILY_DECLARATIONS", str(settings.declarations))

    def command(*arguments: object, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["wholefamily", *map(str, arguments)])
        capsys.readouterr()
        exit_code = 0
        try:
            main()
        except SystemExit as ended:
            exit_code = int(ended.code or 0)
        seen = capsys.readouterr()
        assert exit_code == code, seen.out + seen.err
        return seen.out + seen.err

    return command
