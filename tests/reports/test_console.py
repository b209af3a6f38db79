"""What the terminal shows: the right numbers, in plain tables, whatever the partners are called."""

from __future__ import annotations

from rich.console import Console, RenderableType

from pipeline.ingest import DeliveryOutcome
from pipeline.reports import console_summary
from pipeline.reports.console import summary_of
from pipeline.reports.tables import (
    build_table,
    deliveries_register,
    deliveries_table,
    quality_table,
    read_deliveries,
)
from pipeline.store.database import Database
from tests.reports.live import write_partners, write_run
from tests.reports.sample import delivery, sample_facts, sample_quality


def printed(renderable: RenderableType, width: int = 160) -> str:
    console = Console(width=width, color_system=None, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def line(text: str, start: str) -> list[str]:
    """The words of the first line that holds `start`."""
    return next(found for found in text.splitlines() if start in found).split()


def test_the_summary_of_a_run(database: Database) -> None:
    write_partners(database)
    run_id = write_run(database)

    text = printed(console_summary(database, run_id, sample_quality(), {"synthesise": 2.5, "Airflow": 61.0}))

    assert line(text, "police")[:5] == ["police", "1", "20,102", "20,077", "25"]
    assert "date form" in text
    assert "rejected: known answers differ" in text
    assert line(text, "all ")[:5] == ["all", "4", "80,406", "80,306", "100"]
    for number in ("31,204", "19,871", "8,412", "2,903", "402", "41 (1.4 %)", "98.21 %", "86.1 %", "63.5"):
        assert number in text, number


def test_a_narrow_terminal_loses_nothing() -> None:
    text = printed(summary_of(sample_facts(), sample_quality(), {"synthesise": 2.5}), width=80)

    assert max(map(len, text.splitlines())) <= 80
    for number in ("31,204", "41 (1.4 %)", "98.21 %"):
        assert number in text


def test_names_are_not_markup() -> None:
    facts = sample_facts(deliveries=[delivery("council", partner="[red]x", state="rejected", code="[/bold] y")])

    assert "[red]x" in printed(summary_of(facts, None, None))


def test_the_register_tells_what_to_do(database: Database) -> None:
    write_partners(database)

    rows = read_deliveries(database)
    text = printed(deliveries_register(rows))

    assert len(rows) == 5
    assert line(text, "council-000001")[-3:] == ["20,100", "20,075", "25"]
    assert "rejected" in text
    assert "What to do: Call the police's data officer" in text


def test_what_an_ingest_and_a_build_did() -> None:
    outcome = DeliveryOutcome("dwp-000001-00000000", "dwp", "accepted", 100, 98, 2)

    assert line(printed(deliveries_table([outcome])), "dwp-000001") == [
        "dwp-000001-00000000", "accepted", "100", "98", "2",
    ]  # fmt: skip
    text = printed(build_table(sample_facts().counts, sample_facts().timings))
    assert line(text, "persons") == ["persons", "19,871"]
    assert line(text, "flagged")[-1] == "41"
    assert line(text, "link persons") == ["link", "persons", "6.4", "s"]


def test_quality_without_some_of_its_parts() -> None:
    assert "98.21 %" in printed(quality_table({"persons": sample_quality()["persons"]}))
    assert "–" in printed(quality_table({}))
