"""Gateway × feed × purpose: refused by default, allowed where the agreement and the gateway both say so."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contracts import Agreement, Feed, Gateway, agreement_for, load_agreements, load_gateways, refusal
from pipeline.contracts.agreement import WARNING_DAYS, ending, in_words
from pipeline.settings import PROJECT

ON = dt.date(2026, 1, 15)
DAY = dt.timedelta(days=1)
PARTNERS = ("council", "dwp", "police", "schools", "health", "nobody")
PURPOSES = ("identify", "evaluate", "marketing")


def gateway(**changes: object) -> Gateway:
    plain = Gateway("g", "Act", frozenset({"identify"}), frozenset({"council"}), dt.date(2000, 1, 1), None, "source")
    return replace(plain, **changes)  # type: ignore[arg-type]


def agreement(named: dict[str, dict[str, tuple[Gateway, ...]]], start: dt.date, expiry: dt.date) -> Agreement:
    feeds = {
        partner: Feed(partner, by_purpose, "", False, {"people": ("sex",)}) for partner, by_purpose in named.items()
    }
    return Agreement("a", "1", "A", start, expiry, feeds)


def test_the_whole_matrix_as_declared() -> None:
    """Every gateway × partner × purpose, each alone in an agreement of its own."""
    gateways = load_gateways(PROJECT / "schemas")
    allowed = set()
    for one, partner, purpose in product(gateways.values(), PARTNERS, PURPOSES):
        alone = agreement({partner: {purpose: (one,)}}, ON - DAY, ON + DAY)
        refused = refusal([alone], partner, purpose, ON)
        assert (refused is None) == (purpose in one.purposes and partner in one.partners)
        assert refused is None or refused.code == "no_gateway"
        allowed |= {(one.id, partner)} if refused is None else set()
        # What is declared for one partner and purpose opens no other.
        for other, another in product(PARTNERS, PURPOSES):
            if (other, another) != (partner, purpose):
                assert refusal([alone], other, another, ON) is not None
    assert {partner for one, partner in allowed if one.startswith(("welfare", "si-"))} == {"dwp"}
    assert ("crime-and-disorder-act-1998-s115", "schools") not in allowed
    assert not {partner for _, partner in allowed} & {"nobody"}


@pytest.mark.parametrize("partner", PARTNERS)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_default_agreement_allows_what_it_names(partner: str, purpose: str) -> None:
    agreements = load_agreements(PROJECT / "schemas")
    expected = partner in ("council", "dwp", "police", "schools") and purpose in ("identify", "evaluate")
    assert (refusal(agreements, partner, purpose, ON) is None) == expected
    assert (agreement_for(agreements, partner, ON, purpose) is not None) == expected


@given(
    gate=st.builds(
        gateway,
        purposes=st.frozensets(st.sampled_from(PURPOSES)),
        partners=st.frozensets(st.sampled_from((*PARTNERS, "any"))),
        start=st.dates(dt.date(2025, 12, 1), dt.date(2026, 3, 1)),
        end=st.none() | st.dates(dt.date(2025, 12, 1), dt.date(2026, 3, 1)),
    ),
    named=st.dictionaries(st.sampled_from(PARTNERS), st.frozensets(st.sampled_from(PURPOSES)), max_size=3),
    start=st.dates(dt.date(2025, 12, 1), dt.date(2026, 3, 1)),
    length=st.integers(0, 60),
    partner=st.sampled_from(PARTNERS),
    purpose=st.sampled_from(PURPOSES),
)
def test_nothing_is_allowed_unless_everything_is_declared(
    gate: Gateway, named: dict[str, frozenset[str]], start: dt.date, length: int, partner: str, purpose: str
) -> None:
    one = agreement({p: dict.fromkeys(qs, (gate,)) for p, qs in named.items()}, start, start + length * DAY)
    declared = (
        start <= ON <= start + length * DAY
        and purpose in named.get(partner, ())
        and purpose in gate.purposes
        and bool({partner, "any"} & gate.partners)
        and gate.start <= ON
        and (gate.end is None or gate.end >= ON)
    )
    assert (refusal([one], partner, purpose, ON) is None) == declared


def test_an_agreement_that_ends_is_told_of_a_month_before_and_after() -> None:
    gates = {"council": {"identify": (gateway(),)}}
    for days, told in ((WARNING_DAYS + 1, False), (WARNING_DAYS, True), (0, True), (-1, True)):
        one = agreement(gates, ON - 100 * DAY, ON + days * DAY)
        assert (ending([one], ON) == [one]) == told
    assert "in 31 days" in in_words(agreement(gates, ON, ON + 31 * DAY), ON)
    assert "expired on 2026-01-14" in in_words(agreement(gates, ON - 9 * DAY, ON - DAY), ON)


def test_one_that_is_renewed_is_not_told_of() -> None:
    gates = {"council": {"identify": (gateway(),)}}
    old = agreement(gates, ON - 100 * DAY, ON + 5 * DAY)
    renewed = replace(agreement(gates, ON + 6 * DAY, ON + 300 * DAY), id="b")
    late = replace(renewed, start=ON + 20 * DAY)
    assert ending([old, renewed], ON) == []
    assert ending([old, late], ON) == [old]
    assert ending([old, replace(renewed, feeds={})], ON) == [old]
