"""Marked people go through every path, errors included; afterwards nothing of them is anywhere at the hub.

Their names, identifiers, homes, days of birth and references are looked for in every file of the hub (logs, lineage,
reports, quarantine, pages, packs, what was rejected), in every table of the live database, in the server's log, and in
all that the commands print. Airflow's own files and database are looked through in tests/airflow.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.settings import Settings
from tests.conftest import TestServer
from tests.ingest.site import rewrite
from tests.whole_way.conftest import DOZEN, PARTNERS, PERIOD, Ended, run_in, settings

__all__ = ["settings"]  # fixture
NAMES = ("forename", "middle_names", "surname")
HOMES = ("address", "postcode")
IDENTIFIERS = ("nino", "nhs_number", "upn", "pnc_id", "uprn", "date_of_birth")
Rows = list[list[str]]


def marked(cell: str, column: str) -> str:
    if not cell or column in IDENTIFIERS:
        return cell
    if column.endswith("_ref"):
        return f"Kanarienref{cell}"
    if column == "postcode":
        return cell  # a form that the kit checks; looked for as it is
    return f"{cell} Kanarienweg" if column == "address" else f"Kanarien{cell.lower()}" if column in NAMES else cell


def read(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle))


def write(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(rows)


def mark(folder: Path, into: Path) -> set[bytes]:
    """Write the extract with marked people; returns what is to be nowhere, in lower case."""
    into.mkdir(parents=True)
    canaries: set[bytes] = set()
    for path in folder.glob("*.csv"):
        header, *rows = read(path)
        made = [[marked(cell, column) for cell, column in zip(row, header, strict=True)] for row in rows]
        write(into / path.name, [header, *made])
        for row in made:
            for cell, column in zip(row, header, strict=True):
                if cell and (column in (*NAMES, *HOMES, *IDENTIFIERS) or column.endswith("_ref")):
                    canaries.add(cell.lower().encode())
    return canaries


def cells(path: Path, change: Callable[[list[str], Rows], None]) -> None:
    """Change a table's rows."""
    header, *rows = read(path)
    change(header, rows)
    write(path, [header, *rows])


def contents(path: Path) -> Iterator[bytes]:
    """A file as it lies there, and what is packed in it."""
    raw = path.read_bytes()
    yield raw
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        for column in table.columns:
            kind = column.type
            if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind) or pa.types.is_string(kind):
                yield b"\n".join(
                    value.encode() if isinstance(value, str) else value for value in column.to_pylist() if value
                )
    if zipfile.is_zipfile(io.BytesIO(raw)):
        with zipfile.ZipFile(path) as packed:
            yield from (packed.read(name) for name in packed.namelist())


def hits(text: bytes, canaries: set[bytes]) -> list[int]:
    """Which canaries a text holds: their numbers, for a test's output must not tell them either."""
    low = text.lower()
    return [place for place, one in enumerate(sorted(canaries)) if one in low]


def in_files(folder: Path, canaries: set[bytes]) -> dict[str, list[int]]:
    found = {
        str(path.relative_to(folder)): [place for content in contents(path) for place in hits(content, canaries)]
        for path in folder.rglob("*") if path.is_file()
    }  # fmt: skip
    return {name: places for name, places in found.items() if places}


def in_tables(connection: psycopg.Connection[Any], canaries: set[bytes]) -> dict[str, list[int]]:
    """Every table and view of ours as text; bytes also as the text they may spell."""
    relations = connection.execute(
        "select format('%I.%I', table_schema, table_name) from information_schema.tables"
        " where table_schema not in ('pg_catalog', 'information_schema')"
    ).fetchall()
    found = {}
    hexed = {one.hex().encode() for one in canaries}
    for (name,) in relations:
        rows = connection.execute(f"select t::text from {name} t".encode()).fetchall()
        text = "\n".join(row[0] for row in rows).encode()
        found[name] = [*hits(text, canaries), *hits(text, hexed)]
    return {name: places for name, places in found.items() if places}


@pytest.fixture
def said() -> list[Ended]:
    """Everything that the commands have printed."""
    return []


@pytest.fixture
def run(settings: Settings, said: list[Ended]) -> Callable[..., Ended]:
    """Run a command; which exit code it ends with is asked for only where it matters."""

    def command(*arguments: str | Path, code: int | None = 0) -> Ended:
        ended = run_in(settings, *arguments)
        said.append(ended)
        if code is not None:
            assert ended.exit_code == code, arguments
        return ended

    return command


def test_nothing_of_marked_people_is_anywhere(
    run: Callable[..., Ended], settings: Settings, said: list[Ended], superuser: Any, test_server: TestServer,
    tmp_path: Path,
) -> None:  # fmt: skip
    canaries: set[bytes] = set()
    raw = {partner: tmp_path / "raw" / partner for partner in PARTNERS}
    for partner in PARTNERS:
        canaries |= mark(DOZEN / "raw" / partner, raw[partner])
    assert len(canaries) > 100
    assert len(in_files(tmp_path / "raw", canaries)) == sum(1 for _ in (tmp_path / "raw").rglob("*.csv"))  # it can find
    run("keys", "all")

    # Extracts that the kit refuses, or sends with problem codes: people where dates and codes belong.
    broken = tmp_path / "broken"
    for name, change in {
        "headless": lambda header, rows: header.__setitem__(slice(None), rows[0]),
        "dates": lambda header, rows: [row.__setitem__(header.index("start_date"), row[1]) for row in rows],
        "codes": lambda header, rows: [row.__setitem__(header.index("kind"), row[0]) for row in rows],
    }.items():
        folder = broken / name
        mark(DOZEN / "raw" / "police", folder)
        cells(folder / "events.csv", change)
        run("pseudonymise", "police", folder, *PERIOD, code=None)
    (broken / "latin").mkdir()
    for path in raw["police"].glob("*.csv"):
        (broken / "latin" / path.name).write_bytes(path.read_bytes().replace(b"Kanarien", b"Kanari\xe9n"))
    run("pseudonymise", "police", broken / "latin", *PERIOD, code=None)

    # A good night.
    for partner in PARTNERS:
        run("pseudonymise", partner, raw[partner], *PERIOD)
        run("deliver", partner)
    run("ingest")
    run("build")

    # Deliveries that a faulty tool has put clear text into, validly sealed and signed.
    for place, change in enumerate((
        lambda header, rows: header.append("Kanarienprobe"),
        lambda header, rows: [row.__setitem__(header.index("start_date"), "Kanarienprobe") for row in rows],
        lambda header, rows: [row.__setitem__(header.index("code"), "Kanarienprobe") for row in rows],
        lambda header, rows: rows[0].__setitem__(header.index("person_ref"), "Kanarienprobe"),
        lambda header, rows: rows.append(["Kanarienprobe", '"', "\r"]),
    )):  # fmt: skip
        run("pseudonymise", "police", raw["police"], *PERIOD)
        events = settings.outbox("police") / "draft" / "events.csv"
        cells(events, change)
        rewrite(events.parent, "events", events.read_bytes())  # the draft says that this is what was made
        run("deliver", "police")
        run("ingest", "police", code=None)
        run("deliveries", *(["--trend"] if place else []), code=None)
    canaries.add(b"kanarienprobe")
    states = [one["state"] for one in json.loads(run("deliveries", "--json").out) if one["partner"] == "police"]
    assert states.count("rejected") >= 3

    # What is read, written and handed over afterwards.
    shared = tmp_path / "shared"
    shared.mkdir()
    run("report")
    run("build", "--pack", "no-such-pack", code=None)
    families = superuser.execute("select family_id from publication.cohort order by 1 limit 1").fetchone()
    family = str(families[0])
    run("why", family, "--page", shared / "why.html", "--prov", shared / "why.json", "--purpose", "spot check")
    run("chronology", family, "--as", "council", "--why", "test", "--page", shared / "journey.html")
    for command in (
        ("costs", "--family", family), ("priority",), ("history", family), ("escalation",), ("links",), ("metrics",),
        ("holdings",), ("documents", "--out", shared / "documents"), ("checkpoint",), ("verify",), ("agreements",),
        ("evidence-pack", "--out", shared / "pack.zip"), ("summary",), ("review", "list"), ("claims", "list"),
    ):  # fmt: skip
        run(*command, code=None)

    assert in_files(settings.hub, canaries) == {}
    assert in_files(shared, canaries) == {}
    assert in_tables(superuser, canaries) == {}
    assert in_files(test_server.settings.postgres, {one for one in canaries if one.startswith(b"kanarien")}) == {}
    printed = "\n".join(ended.out + ended.err for ended in said)
    assert hits(printed.encode(), canaries) == []
    assert "Traceback" not in printed
