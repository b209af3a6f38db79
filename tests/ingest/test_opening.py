"""Opening is hostile territory: files that unpack to far more than they are, and hubs killed meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ingest import take_in
from pipeline.ingest.landing import MOST_ENTRIES, private_folder, sweep_opened, wipe
from pipeline.settings import Settings
from pipeline.store.database import Database
from tests.ingest.site import Site, draft_file, replaced, rewrite, stated_of
from tests.ingest.stocked import Hub, hub, stocked

__all__ = ["hub", "stocked"]  # fixtures


def opened(settings: Settings) -> list[str]:
    return [path.name for path in settings.work.rglob("*") if path.is_file()]


def encodings_of(draft: Path) -> pa.Table:
    return pq.read_table(draft / "encodings.parquet")


def put_encodings(draft: Path, content: pa.Table) -> None:
    pq.write_table(content, draft / "encodings.parquet", compression="zstd")
    path = draft / "encodings.parquet"
    stated_of("encodings", **draft_file("encodings", path, content.num_rows).model_dump())(draft)


# --- files that are not what they seem


def test_a_small_file_that_unpacks_to_a_large_one(hub: Hub) -> None:
    def packed(draft: Path) -> None:
        content = encodings_of(draft).slice(0, 1)
        put_encodings(draft, pa.concat_tables([content] * 40_000).combine_chunks())
        assert (draft / "encodings.parquet").stat().st_size < 100_000

    hub.deliver(packed)
    assert "unpacks" in hub.refuses("too_large").rule


def test_a_pass_whose_name_is_a_book(hub: Hub) -> None:
    def named(draft: Path) -> None:
        content = encodings_of(draft)
        name = pa.DictionaryArray.from_arrays(pa.array([0] * content.num_rows, pa.int32()), ["x" * 3_000_000])
        put_encodings(draft, content.set_column(content.schema.get_field_index("pass"), "pass", name))

    hub.deliver(named)
    hub.refuses("encoding_schema")


def test_a_table_of_documents(hub: Hub) -> None:
    hub.deliver(replaced("events", lambda content: content.replace(b'"N1"', b'"' + b"N" * 250_000 + b'"')))
    assert "a row" in hub.refuses("too_large").rule


def test_a_folder_full_of_files(hub: Hub) -> None:
    landed = hub.deliver()
    for number in range(MOST_ENTRIES):
        (landed / f"a{number}").touch()
    hub.refuses("unexpected_file")


def test_a_file_that_cannot_be_opened_whole_is_wiped(hub: Hub) -> None:
    hub.deliver(lambda draft: rewrite(draft, "events", (draft / "events.csv").read_bytes()))
    landed = next(hub.site.settings.landing("council").iterdir())
    content = (landed / "events.csv.age").read_bytes()
    (landed / "events.csv.age").write_bytes(content[:-20])
    hub.refuses("tampered")
    assert opened(hub.site.settings) == []


# --- what a killed run leaves

KILLED_AT = """
import os, signal, sys
from pathlib import Path
from pipeline.ingest import take_in
from pipeline.settings import Settings
from pipeline.store.database import open_database

left = [int(sys.argv[3])]

def kill(event, arguments):
    if event == "os.rename" and "opening" in str(arguments[0]):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

settings = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2])
with open_database(settings) as database:
    sys.addaudithook(kill)
    take_in(settings, database, "council")
"""


@pytest.mark.parametrize("step", [1, 4])
def test_what_a_killed_hub_left_open_is_wiped_by_the_next_ingest_of_anybody(
    site: Site, database: Database, step: int
) -> None:
    site.deliver("council")
    arguments = [str(site.settings.home), database.url, str(step)]
    killed = subprocess.run([sys.executable, "-c", KILLED_AT, *arguments], check=False, cwd=Path.cwd())
    assert killed.returncode == -signal.SIGKILL
    assert len(opened(site.settings)) == step  # as many whole as were renamed, less one, and one that is not yet
    assert take_in(site.settings, database, "police").outcomes == ()
    assert opened(site.settings) == []
    assert [outcome.state for outcome in take_in(site.settings, database, "council").outcomes] == ["accepted"]


def test_the_sweep_leaves_what_a_run_is_using(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with private_folder(settings, "council") as folder:
        (folder / "people.csv").write_text("row\n")
        assert sweep_opened(settings) == 0
        assert opened(settings) == ["people.csv"]
    assert opened(settings) == []


def test_wiping_overwrites_before_it_removes(tmp_path: Path) -> None:
    folder = tmp_path / "opened"
    folder.mkdir()
    (folder / "people.csv").write_text("AB123456C" * 1000)
    kept = tmp_path / "kept"
    os.link(folder / "people.csv", kept)
    wipe(folder)
    assert not folder.exists()
    assert kept.read_bytes() == bytes(9000)


def test_one_long_cell_is_a_row_in_quarantine(site: Site, database: Database) -> None:
    site.deliver("council", replaced("events", lambda content: content.replace(b'"N1"', b'"' + b"N" * 10**6 + b'"', 1)))
    (outcome,) = take_in(site.settings, database, "council").outcomes
    assert (outcome.state, outcome.rows_quarantined) == ("accepted_with_quarantine", 1)
