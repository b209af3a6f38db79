"""Commands that measure: our linkage beside the open tools, on public and on anybody's data."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import Home, Json, settings_of
from pipeline.errors import BuildError
from pipeline.terminal import console, progress_bar

if TYPE_CHECKING:
    from pipeline.bench.datasets import Sources

PANEL = "To measure"
bench_app = typer.Typer(help="Measure linkage beside the open tools, and speed.", no_args_is_help=True)

Historical = Annotated[
    Path | None,
    typer.Option(
        "--historical", help="Where historical_50k.parquet lies (default: benchmarks/datasets/historical_50k)."
    ),
]
PeerPython = Annotated[
    Path | None,
    typer.Option("--peer-python", help="The Python that peers' environments are made with (default: ours)."),
]
Markdown = Annotated[Path | None, typer.Option("--markdown", help="Also write the tables to this file.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(bench_app, name="bench", rich_help_panel=PANEL)


@bench_app.command("link")
def link(
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", help="febrl1 … febrl4, historical_50k, borough_20k, _100k, _1m; again for more."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="FEBRL 4, historical_50k and borough_20k: minutes.")] = False,
    table: Annotated[Path | None, typer.Option("--table", help="A table of your own (CSV or Parquet).")] = None,
    mapping: Annotated[Path | None, typer.Option("--mapping", help="Which of its columns is what (YAML).")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="With --table: where clusters.csv and pairs.csv go.")
    ] = None,
    peer: Annotated[
        list[str] | None, typer.Option("--peer", help="splink, recordlinkage, anonlink or none (default: all three).")
    ] = None,
    errors: Annotated[
        bool, typer.Option("--errors", help="Also what is missed and wrong, by pass and pattern.")
    ] = False,
    historical: Historical = None,
    peer_python: PeerPython = None,
    markdown: Markdown = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Fail where a target is missed or a group falls a point below the whole."),
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Link datasets with known truth: ours on encodings, Splink, recordlinkage and anonlink, same people, one run.

    With --strict it stops a change of the encoding or the link model that leaves a group of people behind.

    Example: `wholefamily bench link --quick --home var/bench`, `wholefamily bench link --dataset borough_20k --strict`
    """
    from pipeline.bench import report, run
    from pipeline.bench.datasets import prepare_table
    from pipeline.bench.tools import PEERS

    sources = _sources(home, historical)
    peers = [name for name in (peer or PEERS) if name != "none"]
    _known(peers, PEERS, "--peer")
    if (table is None) != (mapping is None):
        raise typer.BadParameter("--table and --mapping go together")
    terminal = console()
    with progress_bar("Bench", terminal) as progress:
        if table is not None and mapping is not None:
            case = prepare_table(table, mapping, sources)
            found = run.bench_case(case, sources.folder, peers if peer else [], peer_python, progress=progress)
            results = {"machine": run.machine(), "datasets": [found]}
            if out is not None:
                from pipeline.bench.linked import write_csv

                write_csv(case, out)
        else:
            names = tuple(dataset or (run.QUICK if quick else run.FULL))
            if not dataset and not sources.historical.exists():
                names = tuple(name for name in names if name != "historical_50k")
                terminal.print("historical_50k is left out: it is not there. Give its path with --historical.")
            results = run.bench_link(names, sources, peers, peer_python, progress=progress)
    if markdown is not None:
        markdown.write_text(report.markdown(results, _command()), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(results, indent=1, default=float))
    else:
        terminal.print(report.link_tables(results, errors=errors))
    short = report.shortfalls(results)
    if strict and short:
        raise BuildError(
            where="linkage beside what it must reach",
            rule=f"it falls short: {'; '.join(short)}.",
            remedy="mend the encoding or the link model before a build uses it; docs/linkage.md says what was tried.",
        )


@bench_app.command("speed")
def speed(
    dataset: Annotated[str, typer.Option("--dataset", help="The made-up borough to measure on.")] = "borough_100k",
    peer_python: PeerPython = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Comparisons a second and records pseudonymised a second, beside recordlinkage and clkhash in the same run.

    Example: `wholefamily bench speed --dataset borough_20k --home var/bench`
    """
    from pipeline.bench import report
    from pipeline.bench.datasets import BOROUGHS, SEED, prepare
    from pipeline.bench.encoded import encode_case
    from pipeline.bench.speed import measure_speed

    _known([dataset], tuple(BOROUGHS), "--dataset")
    sources = _sources(home, None)
    terminal = console()
    with progress_bar("Speed", terminal) as progress:
        case = prepare(dataset, sources, progress)
        encode_case(case)
        borough = sources.folder / "boroughs" / f"{BOROUGHS[dataset]}-{SEED}"
        found = measure_speed(case, borough, sources.declarations, sources.folder, peer_python)
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    else:
        terminal.print(report.speed_table(found))


@bench_app.callback()
def _bench() -> None:
    """Benchmarks hold clear text, keys and encodings side by side: only public or made-up data belongs here."""


def _sources(home: Path | None, historical: Path | None) -> Sources:
    from pipeline.bench.datasets import HISTORICAL, Sources

    settings = settings_of(home)
    return Sources(settings.home / "bench", settings.declarations, historical or HISTORICAL)


def _known(names: list[str], known: tuple[str, ...], option: str) -> None:
    if not set(names) <= set(known):
        raise typer.BadParameter(f"there are: {', '.join(known)}", param_hint=option)


def _command() -> str:
    return shlex.join(["wholefamily", *sys.argv[1:]])
