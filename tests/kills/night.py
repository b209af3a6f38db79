"""A night's run in a process of its own, forked from this one, which has everything imported; and where it is."""

from __future__ import annotations

import importlib
import mmap
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.settings import PROJECT, Settings

NIGHT = (("ingest",), ("build",))
LONGEST_STAGE = 256
HEAVY = (
    "adbc_driver_postgresql.dbapi", "altair", "great_expectations", "pipeline.cli", "pipeline.ingest", "pipeline.run",
    "pipeline.reports.delivery_page", "pipeline.installation", "pipeline.store.database",
)  # fmt: skip


@dataclass
class Night:
    """A running process, which says by its progress where it is: "Load council", "publish" and so on."""

    pid: int
    place: mmap.mmap = field(repr=False)
    code: int | None = None

    @classmethod
    def begin(cls, settings: Settings, commands: Sequence[tuple[str, ...]] = NIGHT) -> Night:
        place = mmap.mmap(-1, LONGEST_STAGE)
        child = os.fork()
        if child == 0:
            _run_commands(settings, commands, place)
        return cls(child, place)

    def stage(self) -> str:
        return bytes(self.place[:]).split(b"\0")[0].decode()

    def is_over(self) -> bool:
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code is not None

    def ended(self) -> int:
        """Wait for it; its exit code, -9 when it was killed."""
        while not self.is_over():
            time.sleep(0.002)
        assert self.code is not None
        return self.code

    def kill(self) -> bool:
        """Whether it was still there to be killed."""
        if not self.is_over():
            os.kill(self.pid, signal.SIGKILL)  # a process that has ended waits for us: the number is still its own
        return self.ended() == -signal.SIGKILL


def import_everything() -> None:
    """So that a run begins at once, and a kill costs little more than the work until then."""
    for name in (*HEAVY, *_own_modules()):
        importlib.import_module(name)
    declarations = PROJECT / "schemas"
    load_contracts(declarations, load_vocabulary(declarations))  # their check against the standard is made once


def _own_modules() -> list[str]:
    files = sorted((PROJECT / "pipeline").rglob("*.py"))
    names = [".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__") for path in files]
    return [name for name in names if not name.endswith("__main__")]


def _run_commands(settings: Settings, commands: Sequence[tuple[str, ...]], place: mmap.mmap) -> None:
    """In the child: the command line's own commands, whose progress bars write where they are; never returns."""
    from pipeline.cli import hub, main

    def mark(what: str, _share: float) -> None:
        words = re.sub(r"-\d{6}-[0-9a-f]+", "", what).encode()[: LONGEST_STAGE - 1]
        place[: len(words) + 1] = words + b"\0"

    @contextmanager
    def telling(title: str, _terminal: object) -> Iterator[object]:
        mark(title, 0.0)
        yield mark

    code = 1
    try:
        hub.progress_bar = telling
        os.environ["WHOLEFAMILY_HOME"] = str(settings.home)
        os.environ.pop("WHOLEFAMILY_DATABASE_URL", None)
        quiet = os.open(settings.home.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        for command in commands:
            sys.argv = ["wholefamily", *command]
            try:
                main()
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
            if code:
                break
    finally:
        os._exit(code)
