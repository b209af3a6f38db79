"""Intervals, limits and what is shown of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline.attack.bench import Outcome, Plan, full_plan, quick_plan
from pipeline.attack.figures import (
    FORENAME,
    FREQUENCY,
    GRAPH,
    OURS,
    PERSON,
    PLAIN,
    RECORD_LEVEL,
    STRUCTURE,
    Figure,
    wilson,
)
from pipeline.attack.page import page, write_outcome
from pipeline.attack.show import attack_table, verdict
from pipeline.attack.structure import Seen, match_structure
from pipeline.attack.world import OVERLAPS, World, resident_list
from pipeline.errors import DeclarationError


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(10, 100, 0.0552, 0.1744), (0, 50, 0.0, 0.0713), (50, 50, 0.9287, 1.0), (0, 0, 0.0, 1.0)],
)
def test_wilson_interval_has_its_known_values(hits: int, of: int, low: float, high: float) -> None:
    assert wilson(hits, of) == pytest.approx((low, high), abs=5e-5)


def figure(attack: str, target: str, hits: int, by_guessing: float = 0.0) -> Figure:
    return Figure(attack, "method", target, PERSON if attack != FREQUENCY else FORENAME, hits, 1000, 1000, by_guessing)


@pytest.mark.parametrize(
    ("attack", "target", "hits", "by_guessing", "over"),
    [
        (FREQUENCY, OURS, 9, 0.0, False),
        (FREQUENCY, OURS, 10, 0.0, True),
        (FREQUENCY, OURS, 30, 0.025, False),  # guessing alone names 25
        (GRAPH, PLAIN, 900, 0.0, False),
        (GRAPH, RECORD_LEVEL, 900, 0.0, False),
        (STRUCTURE, OURS, 900, 0.0, False),
    ],
)
def test_over_the_limit_is_one_percent_beyond_guessing_on_ours(
    attack: str, target: str, hits: int, by_guessing: float, over: bool
) -> None:
    assert figure(attack, target, hits, by_guessing).over_limit is over


@pytest.fixture
def outcome() -> Outcome:
    figures = (figure(FREQUENCY, PLAIN, 300), figure(FREQUENCY, OURS, 30), figure(FREQUENCY, RECORD_LEVEL, 3))
    return Outcome(figures, Plan(1000, 1000, 1), 1, 2.0, 1.0)


def test_what_is_over_the_limit_is_red(outcome: Outcome) -> None:
    styles = [str(row.style) for row in attack_table(outcome).rows]
    assert styles.count("bold red") == 1
    assert "1.00 % or more" in verdict(outcome).plain
    assert page(outcome).count("class=over") == 1


def test_the_outcome_is_written_as_json_and_as_a_page_that_fetches_nothing(outcome: Outcome, tmp_path: Path) -> None:
    write_outcome(outcome, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["over_limit"] == 1
    write_outcome(outcome, tmp_path / "a.html")
    assert not re.search(r"(src|href)=", (tmp_path / "a.html").read_text())


@pytest.mark.parametrize("plan", [quick_plan, full_plan])
@pytest.mark.parametrize("people", [1, 10_000_000])
def test_sizes_out_of_range_are_refused(plan: object, people: int) -> None:
    with pytest.raises(DeclarationError, match="--people"):
        plan(people, 1)  # type: ignore[operator]


def test_the_command_refuses_other_kinds_of_files() -> None:
    from pipeline.cli import app

    result = CliRunner().invoke(app, ["attack", "--quick", "--out", "figures.txt"])
    assert isinstance(result.exception, DeclarationError)


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_the_clear_list_shares_what_it_says_and_by_whole_addresses(world: World, overlap: float) -> None:
    listed, truth = resident_list(world, overlap, 3)
    on_list = truth >= 0
    assert on_list.mean() == pytest.approx(overlap, abs=0.02)
    assert len(listed) == pytest.approx(len(world.hub), abs=30)
    assert (listed.born[truth[on_list]] == world.hub.born[on_list]).all()
    assert not np.intersect1d(world.hub.place[on_list], world.hub.place[~on_list]).size


def test_structure_names_nobody_where_all_are_alike() -> None:
    alike = Seen(np.zeros(6, dtype=np.int64), {"home": np.array([0, 0, 1, 1, 2, 2])})
    assert (match_structure(alike, alike, ("home",)) == -1).all()


def test_structure_finds_everybody_who_is_told_apart_in_any_order() -> None:
    labels = np.array([1, 2, 3, 1, 2, 1])
    home = np.array([0, 0, 0, 1, 1, 2])
    order = np.array([3, 5, 0, 4, 2, 1])
    match = match_structure(Seen(labels, {"home": home}), Seen(labels[order], {"home": 2 - home[order]}), ("home",))
    assert (order[match] == np.arange(6)).all()


def test_people_do_not_show_in_representations(world: World) -> None:
    shown = repr(world.hub) + repr(world.hub.forename)
    assert not any(name in shown for name in world.hub.forename.values.to_pylist()[:50] if len(name) > 4)
