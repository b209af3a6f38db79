"""The figures as a table in the terminal. Red: our encodings gave away 1 % or more in an attack they must withstand."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from pipeline.attack.bench import Outcome
from pipeline.attack.figures import LIMIT, OURS, PLAIN, TARGETS, Figure

HEADER = ("attack", "method", "target", "names", "overlap", "right", "of", "share", "95 % interval", "guessing")
TEXT_COLUMNS = ("method", "target", "names")
TITLE = "Re-identified, by attack, target and overlap of the clear list (made-up people)"
RED, DIM = "bold red", "dim"
SHOWN_FROM = 15_000  # people; larger tries say how many in the method
GUESS_SHOWN = 0.0002  # below: one in the list's people


def attack_table(outcome: Outcome) -> Table:
    """One row a figure, under the name of its attack."""
    table = Table(title=TITLE, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in HEADER[1:]:
        text = name in TEXT_COLUMNS
        table.add_column(name, justify="left" if text else "right", no_wrap=name != "method", overflow="fold")
    before = ""
    for figure in in_order(outcome.figures):
        if figure.attack != before:
            table.add_section()
            table.add_row(Text(figure.attack, style="bold"))
        before = figure.attack
        table.add_row(*cells(figure)[1:], style=RED if figure.over_limit else "" if figure.target == OURS else DIM)
    return table


def in_order(figures: tuple[Figure, ...]) -> list[Figure]:
    """By attack, then target; within a target in the order they were made."""
    return sorted(figures, key=lambda figure: (figure.attack, TARGETS.index(figure.target), figure.people))


def cells(figure: Figure) -> tuple[str, ...]:
    """A figure as texts, in the order of `HEADER`."""
    low, high = figure.interval
    method = figure.method if figure.people < SHOWN_FROM else f"{figure.method} ({figure.people:,} people)"
    return (
        figure.attack,
        method,
        figure.target,
        figure.grain,
        "" if figure.overlap is None else f"{figure.overlap:.1f}",
        f"{figure.hits:,}",
        f"{figure.of:,}",
        percent(figure.share),
        f"{percent(low)} – {percent(high)}",
        percent(figure.by_guessing) if figure.by_guessing >= GUESS_SHOWN else "–",
    )


def percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def verdict(outcome: Outcome) -> Text:
    """What the figures come to, in words."""
    over = outcome.over_limit
    broken = [figure for figure in outcome.figures if figure.target == PLAIN]
    strongest = {attack: max(f.share for f in broken if f.attack == attack) for attack in {f.attack for f in broken}}
    lines = Text()
    lines.append(
        "Plain filters, to show that the attacks work: "
        + ", ".join(f"{attack} {percent(share)}" for attack, share in sorted(strongest.items()))
        + ".\n"
    )
    if over:
        methods = sorted({f"{figure.attack}: {figure.method}" for figure in over})
        lines.append(
            f"Our encodings gave away {percent(LIMIT)} or more beyond guessing in {len(over)} figures:\n", style=RED
        )
        for method in methods:
            worst = max(f.gained for f in over if f"{f.attack}: {f.method}" == method)
            lines.append(f"  {method}: up to {percent(worst)} beyond guessing\n", style=RED)
    else:
        lines.append(
            f"Our encodings stayed under {percent(LIMIT)} beyond guessing in every attack they must withstand.\n"
        )
    lines.append(
        f"{outcome.plan.people:,} people, encoding version {outcome.encoding_version}, seed {outcome.plan.seed}; "
        f"{outcome.seconds:.0f} s, {outcome.processor_seconds:.0f} s of processor time. What it means: docs/attacks.md"
    )
    return lines
