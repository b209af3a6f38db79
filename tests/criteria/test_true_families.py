"""A made-up borough with its true families given: every pack says exactly what plain code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from pipeline.contracts import Vocabulary
from pipeline.criteria import evaluate, load_pack

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
POPULATION, SEED = 6_000, 7
PACKS = ("fmp-2010", "troubled-families-2012", "troubled-families-2015", "supporting-families-2022")
CRITERIA_2012 = ("crime_asb", "education", "work", "local")
Borough = tuple[dict[str, pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """benchmarks/criteria.py, which makes the frames."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        spec = importlib.util.spec_from_file_location("benchmark_of_criteria", BENCHMARKS / "criteria.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def borough(benchmark: ModuleType) -> Borough:
    made: Borough = benchmark.make_frames(POPULATION, SEED)
    return made


@pytest.mark.parametrize("name", PACKS)
def test_precision_and_recall_are_one(
    benchmark: ModuleType, borough: Borough, vocabulary: Vocabulary, name: str
) -> None:
    frames, truth = borough
    pack = load_pack(benchmark.SCHEMAS / "criteria" / f"{name}.yaml", vocabulary)
    result = evaluate(*(frames[frame] for frame in benchmark.FRAMES), pack, pd.Timestamp(benchmark.AS_AT))
    states, selection = benchmark.plain_truth(name, frames)
    rows = result.results[["family_id", "criterion", "state"]].itertuples(index=False)
    assert {(family, criterion): state for family, criterion, state in rows} == states
    assert dict(result.selection[["family_id", "state"]].itertuples(index=False)) == selection
    assert sum(state == "met" for state in states.values()) > 50
    if name == "troubled-families-2012":
        true = {(int(row.family), c) for row in truth.itertuples() for c in CRITERIA_2012 if getattr(row, c)}
        assert {key for key, state in states.items() if state == "met"} == true
        assert benchmark.selected(result) == set(truth.loc[truth["selected"], "family"])
