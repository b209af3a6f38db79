"""The terminal: a console wide enough for logs, and progress bars for long steps."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """The terminal, or 120 columns where there is none, so that tables do not fold in logs."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=120)


@contextmanager
def progress_bar(title: str, terminal: Console) -> Iterator[Progress]:
    """A progress bar with what is being done; without a terminal, nothing but the title."""
    if not terminal.is_terminal:
        terminal.print(f"{title} …", highlight=False)
        yield lambda _description, _fraction: None
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    with Bars(
        TextColumn("{task.description:<44}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(),
        console=terminal,
    ) as bars:  # fmt: skip
        task = bars.add_task(title, total=1.0)

        def told(description: str, fraction: float) -> None:
            bars.update(task, description=f"{title}: {description}"[:44], completed=fraction)

        yield told
        bars.update(task, description=title, completed=1.0)
