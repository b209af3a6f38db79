"""A hub that has taken in council and police already, and what must hold when it refuses the next delivery."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import DeliveryError
from pipeline.ingest import ingest_partner
from pipeline.settings import Settings
from pipeline.store.database import Database
from tests.ingest.conftest import LIVE, digest, emptied
from tests.ingest.site import Site, values_of

ACCEPTED_BEFORE = ("council", "police")


@pytest.fixture(scope="module")
def stocked(
    shared_database: Database, pattern: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Database, Path]:
    """A live database that council and police have delivered to, and the home they did it from."""
    home = tmp_path_factory.mktemp("stocked") / "home"
    shutil.copytree(pattern, home)
    site, database = Site(Settings(home=home)), emptied(shared_database)
    for partner in ACCEPTED_BEFORE:
        site.deliver(partner)
        ingest_partner(site.settings, database, partner)
    return database, home


class Hub:
    """A site of one test, beside the stocked database that all tests of this module share."""

    def __init__(self, site: Site, database: Database, caplog: pytest.LogCaptureFixture) -> None:
        self.site, self.database, self.caplog = site, database, caplog

    def deliver(self, *changes: Callable[[Path], None]) -> Path:
        return self.site.deliver("council", *changes)

    def refuses(self, code: str, partner: str = "council") -> DeliveryError:
        before = digest(self.database)
        assert {name.split(".")[0] for name in before} == set(LIVE)
        assert before["identity.record"][0] > 0
        with pytest.raises(DeliveryError) as caught:
            ingest_partner(self.site.settings, self.database, partner, patience=0.2)
        error = caught.value
        assert (error.code, error.exit_code) == (code, 5)
        assert error.where
        assert error.rule
        assert error.remedy
        assert digest(self.database) == before
        self._is_recorded(error, partner)
        self._is_set_aside(partner)
        return error

    def _is_recorded(self, error: DeliveryError, partner: str) -> None:
        with self.database.connect() as connection:
            decided = connection.execute(
                "select state, code, delivery_id from registry.delivery order by decided_at desc limit 1"
            ).fetchone()
            assert decided is not None
            assert decided[:2] == ("rejected", error.code)
            told = connection.execute(
                "select string_agg(t, ' ') from (select d::text t from registry.delivery d union all"
                " select c::text from registry.check_result c union all select l::text from audit.log l) everything"
            ).fetchone()
            assert told is not None
            entry = connection.execute(
                "select action, detail->>'code' from audit.log where subject = %s order by entry_id desc limit 1",
                (decided[2],),
            ).fetchone()
            assert entry == ("delivery rejected", error.code)
        text = " ".join([str(error), repr(error), told[0], self.caplog.text])
        leaked = [value for value in values_of(self.site, partner) if value in text]
        assert leaked == []
        assert error.__cause__ is None

    def _is_set_aside(self, partner: str) -> None:
        settings = self.site.settings
        assert list(settings.landing(partner).iterdir()) == []
        assert len(list(settings.rejected(partner).iterdir())) == 1
        assert not list(settings.work.rglob("*.csv*"))
        assert not list(settings.work.rglob("*.parquet*"))


@pytest.fixture
def hub(stocked: tuple[Database, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Hub:
    database, home = stocked
    shutil.copytree(home, tmp_path / "home")
    return Hub(Site(Settings(home=tmp_path / "home")), database, caplog)
