"""An installation of a test's own that the dozen of examples/ has gone through, with declarations to change."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from pipeline.settings import PROJECT, Settings
from pipeline.store.database import Database, open_database
from tests.conftest import TestServer, live_database

AGREEMENT = "agreements/whole-family-2012.yaml"


@dataclass
class Hub:
    """The installation, and its live database."""

    settings: Settings
    database: Database

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.database.connect() as connection:
            return connection.execute(query.encode()).fetchall()

    def one(self, query: str) -> Any:
        return self.rows(query)[0][0]


@contextmanager
def a_hub(built_dozen: Settings, test_server: TestServer, home: Path) -> Iterator[Hub]:
    """A copy of the hub that the dozen has gone through."""
    shutil.copytree(built_dozen.home, home)
    template = urlsplit(str(built_dozen.database_url)).path.lstrip("/")
    with live_database(test_server, template, home) as settings, open_database(settings) as database:
        yield Hub(settings, database)


@pytest.fixture
def hub(built_dozen: Settings, test_server: TestServer, tmp_path: Path) -> Iterator[Hub]:
    with a_hub(built_dozen, test_server, tmp_path / "home of the test") as made:
        yield made


@pytest.fixture
def changed(tmp_path: Path, hub: Hub) -> Callable[..., None]:
    """Change a declaration of the hub (the agreement, where no file is named)."""

    def change(edit: Callable[[dict[str, Any]], object], file: str = AGREEMENT) -> None:
        folder = tmp_path / "schemas"
        if not folder.exists():
            shutil.copytree(PROJECT / "schemas", folder)
        document = yaml.safe_load((folder / file).read_text())
        edit(document)
        (folder / file).write_text(yaml.safe_dump(document, sort_keys=False))
        hub.settings = replace(hub.settings, declarations=folder)

    return change


def feed(document: dict[str, Any], partner: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in document["feeds"] if one["partner"] == partner)
    return found
