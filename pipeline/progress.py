"""How a long step tells how far it is: a callable, so that no stage knows about terminals."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with what is being done and how much of it is done, 0 to 1. Never with a value of a person."""

    def __call__(self, description: str, fraction: float, /) -> None: ...


def silent(description: str, fraction: float, /) -> None:
    """Tell nobody."""
