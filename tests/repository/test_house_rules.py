"""What must hold of the repository itself: a quick start, no secrets, no registry, no telemetry, small files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.settings import PROJECT

HEAVY = ("pandas", "numpy", "pyarrow", "numba", "airflow", "great_expectations", "sqlalchemy", "psycopg", "altair")
COMMANDS = ("demo", "up", "synthesise", "keys", "pseudonymise", "deliver", "ingest", "build", "evaluate", "sql")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=False).stdout
    paths = [PROJECT / name for name in listed.decode().split("\0") if name]
    return [path for path in paths if path.is_file()] or [
        path for path in PROJECT.rglob("*.py") if ".venv" not in str(path)
    ]


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['wholefamily', '--help']\n"
        "from pipeline.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "import json; sys.stderr.write(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(HEAVY) & set(json.loads(ended.stderr))
    assert all(command in ended.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_with_an_example(command: str) -> None:
    from typer.testing import CliRunner

    from pipeline.cli import app

    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output
    assert command == "keys" or "Example" in shown


def test_the_lock_pins_by_hash_and_names_no_address() -> None:
    lock = (PROJECT / "requirements.lock").read_text()
    pinned = re.findall(r"^[a-z0-9][a-z0-9._-]*==\S+", lock, flags=re.MULTILINE)
    assert len(pinned) > 100
    assert lock.count("--hash=sha256:") >= len(pinned)
    assert "://" not in lock


def test_every_dependency_of_the_project_is_locked() -> None:
    import tomllib

    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = {re.split(r"[\[<>=~! ]", requirement)[0].lower() for requirement in wanted}
    locked = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", (PROJECT / "requirements.lock").read_text(), re.MULTILINE))
    assert not names - locked


def test_no_file_holds_a_secret_a_registry_or_an_address_to_load() -> None:
    registries = re.compile("|".join(["py" + "pi.org", "python" + "hosted", "npm" + "js", "debian" + ".org"]))
    private_key = re.compile("AGE-SECRET" + "-KEY-1|BEGIN [A-Z ]*PRIVATE" + " KEY")
    for path in tracked():
        if path.suffix in {".parquet", ".png"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not registries.search(text), path
        assert not private_key.search(text), path
    for page in (PROJECT / "pipeline").rglob("*.j2"):
        assert not re.search(r"(src|href)\s*=\s*[\"']https?:", page.read_text()), page


def test_telemetry_is_off_wherever_we_start_something() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    compose = (PROJECT / "docker-compose.yml").read_text()
    image = (PROJECT / "docker" / "Dockerfile").read_text()
    for text in (makefile, compose + image):
        assert re.search(r"GX_ANALYTICS_ENABLED\W+false", text, re.IGNORECASE)
        assert re.search(r"USAGE_DATA_COLLECTION__ENABLED\W+false", text, re.IGNORECASE)


def test_files_fit_in_one_screen_of_thought() -> None:
    long = {
        path.name: n for path in tracked() if path.suffix == ".py" and (n := len(path.read_text().splitlines())) > 400
    }
    assert not long
