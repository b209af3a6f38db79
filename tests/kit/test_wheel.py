"""The kit's wheel, really built: what is in it, and the officer's whole way with nothing else importable."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pipeline.ingest import ingest_partner
from pipeline.ingest.keys import create_hub_keys, register_partner
from pipeline.partner.keys import load_partner_keys
from pipeline.partner.tokens import pseudonymise_references
from pipeline.settings import PROJECT, Settings
from pipeline.store.database import open_database
from tests.conftest import TestServer, live_database
from tests.kit.only_locked import locked

RAW = PROJECT / "examples/dozen/raw/schools"
ONLY_LOCKED = Path(__file__).with_name("only_locked.py")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network and without a trace in the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    steps = ["egg_info", "-e", str(folder), "build", "-b", str(folder / "build")]
    command = [sys.executable, "setup.py", "-q", *steps, "bdist_wheel", "-d", str(folder), "-b", str(folder / "bdist")]
    subprocess.run(command, cwd=PROJECT / "kit", check=True, capture_output=True)
    (made,) = folder.glob("wholefamily_partner-*-py3-none-any.whl")
    return made


@pytest.fixture(scope="session")
def unpacked(wheel: Path) -> Path:
    folder = wheel.parent / "unpacked"
    with zipfile.ZipFile(wheel) as content:
        content.extractall(folder)
    for path in folder.glob("pipeline/**/*.py"):  # what was compiled of the very same files need not be compiled again
        own = PROJECT / path.relative_to(folder)
        if path.read_bytes() == own.read_bytes():
            shutil.copystat(own, path)
            compiled = path.parent / "__pycache__"
            compiled.mkdir(exist_ok=True)
            for kept in (own.parent / "__pycache__").glob(f"{path.stem}.*.nb[ci]"):
                shutil.copy(kept, compiled)
    return folder


def kit(unpacked: Path, home: Path, *arguments: str) -> str:
    """What a command of the kit prints."""
    command = [sys.executable, str(ONLY_LOCKED), str(unpacked), *arguments]
    environment = {"WHOLEFAMILY_HOME": str(home), "PATH": ""}
    done = subprocess.run(command, env=environment, cwd=home.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_the_kit_and_nothing_of_the_hub(wheel: Path, unpacked: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        names = [Path(name) for name in content.namelist()]
    assert {name.parts[1] for name in names if len(name.parts) > 2} == {
        "cli", "contracts", "declared", "kit", "levels", "partner",
    }  # fmt: skip
    assert {name.stem for name in names if name.parts[:2] == ("pipeline", "cli")} == {
        "__init__", "ending", "linkage_keys", "options", "partner", "questions",
    }  # fmt: skip
    for path in unpacked.glob("pipeline/**/*.py"):
        own = PROJECT / path.relative_to(unpacked)
        assert path.read_bytes() == own.read_bytes() or path == unpacked / "pipeline/cli/__init__.py", path
    with zipfile.ZipFile(wheel) as content:
        (metadata,) = [name for name in content.namelist() if name.endswith("/METADATA")]
        required = [line for line in content.read(metadata).decode().splitlines() if line.startswith("Requires-Dist")]
    for line in required:
        assert line.split()[1].partition(">")[0].lower().replace("_", "-") in locked()
    heavy = {"apache-airflow", "pandas", "scipy", "sqlalchemy", "psycopg", "great-expectations", "recordlinkage"}
    assert not heavy & locked()


def test_from_keys_to_an_accepted_delivery_and_back(unpacked: Path, test_server: TestServer, tmp_path: Path) -> None:
    """Keys, send, sent and reveal in the unpacked wheel; the hub takes the delivery in."""
    site, landing = tmp_path / "site", tmp_path / "hub" / "hub" / "landing" / "schools"
    with live_database(test_server, test_server.superuser.database, tmp_path / "hub") as settings:
        recipient = create_hub_keys(settings)
        linkage = tmp_path / "linkage-v1.key"
        kit(unpacked, site, "keys", "linkage", "--out", str(linkage))
        exchange = ["--linkage-key", str(linkage), "--hub-recipient", recipient]
        public = kit(unpacked, site, "keys", "partner", "schools", *exchange).strip()
        period = ["--from", "2011-08-01", "--to", "2014-07-31"]
        shown = kit(unpacked, site, "send", "schools", str(RAW), *period, "--landing", str(landing), "--yes")
        assert "What leaves schools" in shown
        (sent,) = json.loads(kit(unpacked, site, "sent", "schools", "--json"))
        register_partner(settings, "schools", public)
        with open_database(settings) as database:
            (outcome,) = ingest_partner(settings, database, "schools")
    assert (outcome.delivery_id, outcome.state) == (sent["delivery_id"], "accepted")
    keys = load_partner_keys(Settings(home=site), "schools", 1)
    (pseudonym,) = pseudonymise_references(keys, ["S4002"])
    asked = ["--raw", str(RAW), "--reason", "visit", "--approver", "J. Smith"]
    assert kit(unpacked, site, "reveal", "schools", str(pseudonym), *asked).strip() == "S4002"
