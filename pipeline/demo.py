"""The demo: a made-up borough goes the whole way, in the order of the real thing.

The partners' part runs as the kit would run it; the hub's part runs under the real Airflow DAGs.
"""

from __future__ import annotations

import datetime as dt
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.settings import Settings
from pipeline.terminal import progress_bar

if TYPE_CHECKING:
    from rich.console import Console

AS_AT = dt.date(2014, 7, 31)
COVERED_FROM = dt.date(2011, 8, 1)

QUERIES = (
    "select area, criterion, families from cohort.summary where criterion = 'selected' order by area",
    "select state, count(*) from cohort.criterion_result where criterion = 'education' group by state",
    "select f.family_id, f.adults, f.children, string_agg(r.criterion, ', ') as met from cohort.family f"
    " join cohort.cohort c using (family_id) join cohort.criterion_result r using (family_id)"
    " where r.state = 'met' group by 1, 2, 3 order by 1 limit 5",
)


@dataclass
class Clock:
    """Seconds per stage, in order."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 1)


def run_demo(settings: Settings, population: int, seed: int, terminal: Console) -> dict[str, Any]:
    """Synthesise, pseudonymise, deliver, ingest and build under Airflow, evaluate, report; prints what a user sees.

    Returns the quality against the truth. Every error is one of pipeline.errors.
    """
    from pipeline.airflow_home import run_dags
    from pipeline.evaluation import evaluate
    from pipeline.holdings.shown import governance_lines
    from pipeline.installation import make_all_keys, pseudonymise_extract, seal_and_deliver
    from pipeline.publish import latest_run
    from pipeline.reports import console_summary, write_run_report
    from pipeline.reports.desk import desk_lines
    from pipeline.store.database import open_database
    from pipeline.synthetic.borough import synthesise

    clock = Clock()
    contracts = load_contracts(settings.declarations, load_vocabulary(settings.declarations))
    terminal.rule("[bold]Whole Family[/bold]: a made-up borough, end to end")

    with clock.stage("synthesise"), progress_bar(f"Make up a borough of {population:,} people", terminal) as progress:
        synthesise(population, seed, settings.home, declarations=settings.declarations, until=AS_AT, progress=progress)

    make_all_keys(settings, sorted(contracts))
    with clock.stage("pseudonymise and deliver"):
        for partner, contract in contracts.items():
            with progress_bar(f"At {partner}: pseudonymise, seal, deliver", terminal) as progress:
                preview, _draft = pseudonymise_extract(
                    settings,
                    contract,
                    settings.home / "raw" / partner,
                    since=COVERED_FROM,
                    until=AS_AT,
                    progress=progress,
                )
                seal_and_deliver(settings, contract)
            if partner == "dwp":
                terminal.print(preview.table(only="people"))

    with open_database(settings) as database:
        with clock.stage("Airflow: four ingests and the build"):
            run_dags(settings, AS_AT, terminal)
        with clock.stage("evaluate against the truth"):
            quality = evaluate(database, settings, settings.home / "truth")
        run_id = latest_run(database)
        with clock.stage("report"):
            page = write_run_report(database, settings, run_id, quality)
        home = shlex.quote(str(settings.home))
        with clock.stage("governance: why, the log, the evidence pack"):
            governed = governance_lines(settings, database, home)
        terminal.print(console_summary(database, run_id, quality, clock.seconds))
        for line in [*desk_lines(database, run_id, home), "", *governed]:
            terminal.print(line, highlight=False, soft_wrap=True, markup=False)

    say_where(settings, terminal, str(page))
    return quality


def say_where(settings: Settings, terminal: Console, page: str) -> None:
    """Where the report and the database are, with three queries to paste."""
    home = shlex.quote(str(settings.home))
    terminal.print(f"\nReport (works offline): {page}", highlight=False, soft_wrap=True)
    terminal.print("The live database is stopped now; each of these starts it, asks as the analyst, and stops it:\n")
    for query in QUERIES:
        terminal.print(
            f'  .venv/bin/wholefamily sql --home {home} --purpose identify "{query}"\n', highlight=False, soft_wrap=True
        )
    terminal.print(
        f"A psql prompt: .venv/bin/wholefamily sql --home {home} --purpose identify", highlight=False, soft_wrap=True
    )
