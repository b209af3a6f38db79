"""Night after night is killed at random moments, and goes on from where it was; nobody may see half of one.

In a night of the town so many kills fall, spread over its stages; whoever is killed, the next run starts at once and
is what is killed next. The last one is left alone. Victims are the run itself; the one of two runs at once that is
ahead (the other waits for its locks, and takes over); the server's first process; one that serves the run; and the
run's connections alone.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from pipeline.errors import StoreError
from pipeline.store.embedded import OWNER, SUPERUSER
from tests.kills.night import Night
from tests.kills.reading import PURPOSE, cohort_query, everything, look, reading
from tests.kills.town import Town, town

RUN, TWIN, SERVER, BACKEND, CONNECTIONS = "the run", "one of two runs", "the server", "a backend", "the connections"
VICTIMS = {RUN: 0.4, TWIN: 0.35, SERVER: 0.08, BACKEND: 0.07, CONNECTIONS: 0.1}
# How a run may end whose database was killed: well, or by one of our own errors (pipeline.errors). 70 is a fault.
OWN_ENDINGS = (0, 5, 6, 7)
LONGEST_SECONDS = 120.0


@dataclass(frozen=True)
class Undisturbed:
    """An undisturbed night: what the analyst sees and what stands in the tables before and after; its stages with their
    seconds, in order."""

    query: str
    seen: tuple[str, str]
    stands: str
    stages: dict[str, float]

    def position(self, stage: str) -> int:
        return list(self.stages).index(stage) if stage in self.stages else -1


@dataclass
class Tally:
    """What a campaign did and found; everything from `partial_reads` on must be nought."""

    by_stage: Counter[str] = field(default_factory=Counter)
    by_victim: Counter[str] = field(default_factory=Counter)
    nights: int = 0
    polls: int = 0
    away: int = 0
    seconds: float = 0.0
    partial_reads: int = 0
    mixed_reads: int = 0
    went_back: int = 0
    faults: int = 0
    not_repaired: int = 0
    different_at_the_end: int = 0
    said: list[str] = field(default_factory=list)  # by runs that were not to fail

    @property
    def kills(self) -> int:
        return sum(self.by_victim.values())

    @property
    def found(self) -> dict[str, int]:
        names = ("partial_reads", "mixed_reads", "went_back", "faults", "not_repaired", "different_at_the_end")
        return {name: getattr(self, name) for name in names}


def campaign(folder: Path, kills: int, per_night: int, seed: int, minutes: float = float("inf")) -> Tally:
    """Kill so often, or for so long, whichever ends first; see the module's text."""
    chance = random.Random(seed)  # moments, not secrets
    tally = Tally()
    with town(folder) as place:
        quiet = undisturbed(place)
        started = time.perf_counter()
        while tally.kills < kills and tally.seconds < minutes * 60:
            _one_night(place, quiet, chance, min(per_night, kills - tally.kills), tally)
            tally.seconds = time.perf_counter() - started
    return tally


def undisturbed(place: Town) -> Undisturbed:
    """Run a night that nobody disturbs."""
    place.put_back()
    with place.login("analyst").connect(autocommit=True, **PURPOSE) as analyst:
        query = cohort_query(analyst)
        before, _ = look(analyst, query)
        night, stages, last, since = Night.begin(place.settings), dict[str, float](), "", time.perf_counter()
        while not night.is_over():
            if (stage := night.stage()) != last:
                now = time.perf_counter()
                stages[last] = stages.get(last, 0.0) + now - since
                last, since = stage, now
            time.sleep(0.001)
        stages[last] = time.perf_counter() - since
        assert night.code == 0
        after, _ = look(analyst, query)
    assert before != after, "the two nights must differ"
    return Undisturbed(query, (before, after), everything(place.login(OWNER)), stages)


def _one_night(place: Town, quiet: Undisturbed, chance: random.Random, kills: int, tally: Tally) -> None:
    place.put_back()
    targets = sorted(chance.choices(list(quiet.stages), k=kills), key=quiet.position)
    victims = chance.choices(list(VICTIMS), weights=list(VICTIMS.values()), k=kills)
    running: list[Night] = []
    with reading(lambda: place.login("analyst"), quiet.query) as seen:
        for target, victim in zip(targets, victims, strict=True):
            while len(running) < (2 if victim == TWIN else 1):
                running.append(Night.begin(place.settings))
            moment = chance.uniform(0, quiet.stages[target])
            ahead = _until(running, quiet, target, moment)
            stage = ahead.stage()
            if _kill(place, ahead, victim, chance):
                tally.by_victim[victim] += 1
                tally.by_stage[_named(stage)] += 1
            running = _left(place, running, wait=victim not in (RUN, TWIN), tally=tally)
        for night in running or [Night.begin(place.settings)]:
            if night.ended() != 0:
                tally.not_repaired += 1
                tally.said.append(_end_of(place.settings.home.with_suffix(".log")))
    tally.nights += 1
    tally.polls += seen.polls
    tally.away += seen.away
    tally.mixed_reads += seen.mixed
    tally.went_back += seen.went_back
    tally.partial_reads += len(set(seen.states) - set(quiet.seen))
    place.server.start(keep_running=True)
    place.server.stop()
    with place.login("analyst").connect(**PURPOSE) as analyst:
        tally.different_at_the_end += look(analyst, quiet.query)[0] != quiet.seen[1]
    tally.different_at_the_end += everything(place.login(OWNER)) != quiet.stands


def _until(running: list[Night], quiet: Undisturbed, target: str, moment: float) -> Night:
    """Wait until one is at its stage or has passed it, and for the moment in it; the one that is ahead then."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        ahead = max(running, key=lambda night: quiet.position(night.stage()))
        if quiet.position(ahead.stage()) >= quiet.position(target) or any(night.is_over() for night in running):
            break
        time.sleep(0.001)
    else:
        raise AssertionError(f"no run came to “{target}”")
    time.sleep(moment if quiet.position(ahead.stage()) == quiet.position(target) else 0)
    return max(running, key=lambda night: (not night.is_over(), quiet.position(night.stage())))


def _kill(place: Town, night: Night, victim: str, chance: random.Random) -> bool:
    """Kill it; false when there was nothing left to kill."""
    if victim in (RUN, TWIN):
        return night.kill()
    if night.is_over():
        return False
    if victim == SERVER:
        os.kill(place.postmaster(), signal.SIGKILL)
        return True
    try:
        serving = place.backends()
        if not serving:
            return False
        if victim == BACKEND:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(serving), signal.SIGKILL)
        else:
            with place.login(SUPERUSER).connect(autocommit=True) as connection:
                connection.execute("select pg_terminate_backend(pid) from unnest(%s::int[]) as pid", (serving,))
    except (StoreError, psycopg.OperationalError):  # still away after the kill before
        return False
    return True


def _left(place: Town, running: list[Night], wait: bool, tally: Tally) -> list[Night]:
    """Those that go on. With `wait` all are hit, and end by themselves: well, or with an error of ours."""
    left = []
    for night in running:
        if not wait and not night.is_over():
            left.append(night)
        elif night.ended() not in (*OWN_ENDINGS, -signal.SIGKILL):
            tally.faults += 1
            tally.said.append(_end_of(place.settings.home.with_suffix(".log")))
    return left


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-600:]


def _named(stage: str) -> str:
    """A stage without its partner."""
    first = stage.split(" ")[0]
    return {"": "opening", "Build": "reading declarations"}.get(stage, first if first in _INGEST else stage)


_INGEST = ("Ingest", "Check", "Load")


def told(tally: Tally) -> dict[str, Any]:
    """The tally as plain values, for printing."""
    return {
        "kills": tally.kills, "nights": tally.nights, "polls": tally.polls, "polls_in_vain": tally.away,
        **tally.found, "by_victim": dict(tally.by_victim.most_common()),
        "by_stage": dict(tally.by_stage.most_common()), "seconds": round(tally.seconds),
        "said": tally.said,
    }  # fmt: skip
