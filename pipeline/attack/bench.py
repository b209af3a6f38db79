"""The attack bench in one look: make people, encode them three ways, attack, and judge. All people are made up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.attack import by_list, by_name, on_published, scale
from pipeline.attack.figures import LIMIT, Figure
from pipeline.attack.filters import plain_filters, record_filters
from pipeline.attack.names import public_knowledge
from pipeline.attack.ours import hub_rows, made_up_keys
from pipeline.attack.world import World, make_world
from pipeline.contracts import Encoding, load_encoding
from pipeline.errors import DeclarationError
from pipeline.progress import Progress, silent

FEWEST, MOST = 500, 200_000
PEOPLE, GRAPH_MOST = 8_000, 2_000  # a graph has every record beside every other: time grows with the square
SIZES = (20_000, 100_000, 400_000, 1_400_000)


@dataclass(frozen=True)
class Plan:
    """How large: people of the attacks by name and structure, of the graph attack, and of the tries at scale."""

    people: int
    graph_people: int
    seed: int
    sizes: tuple[int, ...] = ()


def quick_plan(people: int | None, seed: int) -> Plan:
    """About a minute of processor time."""
    size = _checked(people or PEOPLE)
    return Plan(size, min(size, GRAPH_MOST), seed)


def full_plan(people: int | None, seed: int) -> Plan:
    """The quick plan, and larger places up to a county of 1.4 million: some six minutes of processor time."""
    return replace(quick_plan(people, seed), sizes=SIZES)


def _checked(people: int) -> int:
    if not FEWEST <= people <= MOST:
        raise DeclarationError(
            where="attack --people",
            rule=f"the bench attacks {FEWEST:,} to {MOST:,} people.",
            remedy="choose a size in this range.",
        )
    return people


@dataclass(frozen=True)
class Outcome:
    """All figures, and what they took."""

    figures: tuple[Figure, ...]
    plan: Plan
    encoding_version: int
    seconds: float
    processor_seconds: float

    @property
    def over_limit(self) -> list[Figure]:
        return [figure for figure in self.figures if figure.over_limit]

    def as_dict(self) -> dict[str, Any]:
        return {
            "people": self.plan.people,
            "graph_people": self.plan.graph_people,
            "sizes": list(self.plan.sizes),
            "seed": self.plan.seed,
            "encoding_version": self.encoding_version,
            "limit": LIMIT,
            "over_limit": len(self.over_limit),
            "seconds": round(self.seconds, 1),
            "processor_seconds": round(self.processor_seconds, 1),
            "figures": [figure.as_dict() for figure in self.figures],
        }


def attack(plan: Plan, declarations: Path, progress: Progress = silent) -> Outcome:
    """Run all attacks. Deterministic for a plan and declarations, but for the time taken."""
    started, worked = time.perf_counter(), time.process_time()
    encoding = load_encoding(declarations)
    progress("people", 0.0)
    world = make_world(plan.people, plan.seed, declarations)
    small = make_world(plan.graph_people, plan.seed + 100, declarations, elsewhere=1_000)
    figures: list[Figure] = []
    stages = _stages(world, small, encoding, plan, declarations)
    for number, (title, stage) in enumerate(stages):
        progress(title, number / len(stages))
        figures += list(stage())
    progress("judged", 1.0)
    return Outcome(
        figures=tuple(figures),
        plan=plan,
        encoding_version=encoding.version,
        seconds=time.perf_counter() - started,
        processor_seconds=time.process_time() - worked,
    )


Stage = tuple[str, Callable[[], Iterator[Figure]]]


def _stages(world: World, small: World, encoding: Encoding, plan: Plan, declarations: Path) -> list[Stage]:
    keys, seed, hub = made_up_keys(plan.seed), plan.seed, world.hub
    ours = list(hub_rows(encoding, keys, hub))
    plain, record = plain_filters(hub, by_list.SECRET), record_filters(hub, by_list.SECRET)
    tables = public_knowledge(world.elsewhere)
    stages: list[Stage] = [
        ("a: frequencies of plain filters", lambda: on_published.frequency_on_published(world, plain, record)),
        ("a: frequencies of ours", lambda: by_name.frequency_on_ours(hub, encoding, ours, tables)),
        ("b: patterns in plain filters", lambda: on_published.patterns_on_published(world, plain, record, seed)),
        ("b: patterns in ours", lambda: by_name.patterns_on_ours(hub, encoding, ours, tables, seed, mine=True)),
        ("c: similarity graphs", lambda: by_list.graphs(small, encoding, keys, seed)),
        ("c, d: homes, blocks and tokens of ours", lambda: by_list.structures(world, encoding, keys, ours, seed)),
        ("e: dictionaries", lambda: by_list.dictionaries(world, encoding, keys, ours, seed)),
    ]
    for size in plan.sizes:
        stages.append((f"a to d: a place of {size:,}", partial(scale.at_scale, size, encoding, seed, declarations)))
    return stages
