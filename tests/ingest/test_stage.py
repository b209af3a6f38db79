"""Which residence is the latest, which place a residence is at: small tables in, small tables out."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from pipeline.ingest.stage import Origin, place_tokens, stage_records

ORIGIN = Origin("council", "council-000001-00000000")


def token(letter: str | None) -> bytes | None:
    return letter.encode() * 16 if letter else None


def people(*letters: str) -> pa.Table:
    refs = pa.array([token(letter) for letter in letters], pa.binary(16))
    return pa.table({"row": range(2, len(letters) + 2), "person_ref": pa.chunked_array([refs])})


def residences(*rows: tuple[str, str | None, str | None, str | None, str | None]) -> pa.Table:
    """person, uprn, address, start, end"""

    def tokens(n: int) -> pa.Array:
        return pa.array([token(row[n]) for row in rows], pa.binary(16))

    def days(n: int) -> pa.Array:
        return pa.array([dt.date.fromisoformat(row[n]) if row[n] else None for row in rows], pa.date32())

    return pa.table(
        {
            "row": pa.array(range(2, len(rows) + 2), pa.int64()),
            "person_ref": tokens(0),
            "uprn_token": tokens(1),
            "address_token": tokens(2),
            "start_date": days(3),
            "end_date": days(4),
        }
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("a", "u", None, "2012-01-01", None)], "u"),
        ([("a", "u", None, "2012-01-01", None), ("a", "v", None, "2013-01-01", "2014-01-01")], "u"),  # lasts
        (
            [("a", "u", None, "2012-01-01", "2013-01-01"), ("a", "v", None, "2011-01-01", "2013-06-01")],
            "v",
        ),  # ends later
        ([("a", "u", None, "2012-01-01", None), ("a", "v", None, "2013-01-01", None)], "v"),  # starts later
        ([("a", "u", None, None, None), ("a", "v", None, "2013-01-01", None)], "v"),  # known start
        ([("a", "u", None, "2013-01-01", None), ("a", "v", None, "2013-01-01", None)], "v"),  # later line
        ([("a", "u", None, "2012-01-01", "2013-01-01"), ("a", None, None, "2013-01-02", None)], "u"),  # names a place
        ([("b", "u", None, "2012-01-01", None)], None),
        ([], None),
    ],
)
def test_the_latest_residence(rows: list[tuple], expected: str | None) -> None:
    records = stage_records(ORIGIN, people("a", "b"), residences(*rows))
    assert records["uprn_token"].to_pylist()[0] == token(expected)
    assert records["address_token"].null_count == 2


def test_columns_that_a_contract_does_not_have_are_empty() -> None:
    records = stage_records(ORIGIN, people("a"), None)
    assert records["nino_token"].null_count == records["uprn_token"].null_count == records["sex"].null_count == 1


def test_a_place_is_its_uprn_else_its_address() -> None:
    rows = residences(
        ("a", "u", "x", None, None),
        ("a", None, "x", None, None),
        ("a", None, None, None, None),
        ("a", "u", None, None, None),
    )
    places, addresses = place_tokens(rows)
    assert places.to_pylist() == [token("u"), token("x"), None, token("u")]
    assert addresses.to_pylist() == rows["address_token"].to_pylist()
