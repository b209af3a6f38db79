"""A place keeps its number under a new key where its spells say so, and only there."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.places import carried

Spells = Sequence[tuple[int, str, int | None]]  # record, area, and the place's number or the place of a new token
TOKENS = [bytes([65 + number]) * 16 for number in range(6)]


def numbers(before: Spells, now: Spells, taken: Sequence[int] = ()) -> dict[int, int | None]:
    """The number that each new token gets: of the first place of the spells before and now."""
    tokens = sorted({place for _, _, place in now if place is not None})
    none = pa.nulls(len(now), pa.binary(16))
    rows = pa.table(
        {
            "record_id": pa.array([record for record, _, _ in now], pa.int64()),
            "start_date": pa.nulls(len(now), pa.date32()),
            "area": [area for _, area, _ in now],
            "place_id": pa.array([None if place is None else TOKENS[place] for *_, place in now], pa.binary(16)),
            "address_id": none,
        }
    )
    spells = pa.table(
        {
            "record_id": pa.array([record for record, _, _ in before], pa.int64()),
            "start_date": pa.nulls(len(before), pa.date32()),
            "area": [area for _, area, _ in before],
            "place_id": pa.array([place for *_, place in before], pa.int64()),
            "address_id": pa.nulls(len(before), pa.int64()),
        }
    )
    new = pa.array([TOKENS[token] for token in tokens], pa.binary(16))
    found = carried(rows, spells, new, pa.array(taken, pa.int64())).to_pylist()
    return dict(zip(tokens, found, strict=True))


@pytest.mark.parametrize(
    ("before", "now", "taken", "given_to"),
    [
        ([(1, "A", 7), (2, "A", 7)], [(1, "A", 0), (2, "A", 0)], [], {0: 7}),
        ([(1, "A", 7), (2, "A", 8)], [(1, "A", 0), (2, "A", 1)], [], {0: 7, 1: 8}),
        ([(1, "A", 7), (2, "A", 7), (3, "A", 7)], [(1, "A", 0), (2, "A", 0), (3, "A", 1)], [], {0: 7, 1: None}),
        ([(1, "A", 7), (2, "A", 7)], [(1, "A", 0), (2, "A", 1)], [], {0: None, 1: None}),  # nobody has most of it
        ([(1, "A", 7)], [(1, "A", 0)], [7], {0: None}),  # another token of the version has the number
        ([(1, "A", 7)], [(1, "B", 0)], [], {0: None}),  # moved to another area
        ([(1, "A", 7), (1, "A", 8)], [(1, "A", 0), (1, "A", 1)], [], {0: None, 1: None}),  # cannot be told apart
        ([(1, "A", None)], [(1, "A", 0)], [], {0: None}),
        ([], [(1, "A", 0)], [], {0: None}),
        ([(1, "A", 7)], [(1, "A", None), (2, "A", 0)], [], {0: None}),
    ],
)
def test_a_number_goes_with_most_of_its_spells(
    before: Spells, now: Spells, taken: list[int], given_to: dict[int, int | None]
) -> None:
    assert numbers(before, now, taken) == given_to


spell = st.tuples(st.integers(1, 9), st.sampled_from("AB"), st.integers(0, 5))


@given(st.lists(spell), st.lists(spell), st.sets(st.integers(0, 5)))
def test_no_number_is_given_twice_or_to_whom_nobody_carried_it(before: Spells, now: Spells, taken: set[int]) -> None:
    found = [number for number in numbers(before, now, sorted(taken)).values() if number is not None]
    assert len(found) == len(set(found))
    assert set(found) <= {place for *_, place in before} - taken


@given(st.lists(spell, unique_by=lambda one: one[:2]))
def test_where_everybody_stays_every_place_stays(spells: Spells) -> None:
    assert numbers([(record, area, place + 100) for record, area, place in spells], spells) == {
        place: place + 100 for *_, place in spells
    }
