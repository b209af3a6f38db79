"""The account of a link adds up to what is stored, says who decided and why, and shows nothing of a person."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.contracts import load_link_model
from pipeline.errors import BuildError, DeclarationError
from pipeline.explain import explain_pair, explain_person
from pipeline.explain.account import JointTold, probability_of, terms_of
from pipeline.explain.linkable import linkable, read_linkable
from pipeline.settings import PROJECT
from tests.review.night import Night

Run = Callable[..., str]
MODEL = load_link_model(PROJECT / "schemas")


def test_the_parts_of_every_kept_link_add_up_to_its_stored_weight(night: Night) -> None:
    """For every pattern in the database: from the run's parameters alone, nothing left over."""
    parameters = night.rows("select parameters from registry.run order by run_id desc limit 1")[0][0]
    links = night.rows("select distinct on (pattern) pattern, weight, probability from identity.link order by pattern")
    assert len(links) > 20
    for pattern, weight, probability in links:
        terms = terms_of(pattern, parameters, MODEL, weight)
        assert [term.comparison for term in terms] == [one.name for one in MODEL.comparisons]
        assert math.isclose(sum(term.bits for term in terms), weight, abs_tol=1e-6)
        odds = 2.0 ** (weight + parameters["prior_bits"])
        assert math.isclose(odds / (1 + odds), probability, abs_tol=1e-6)


def test_what_the_levels_do_not_say_is_a_part_of_its_own(night: Night) -> None:
    parameters = night.rows("select parameters from registry.run order by run_id desc limit 1")[0][0]
    pattern, weight = night.rows("select pattern, weight from identity.link limit 1")[0]
    terms = terms_of(pattern, parameters, MODEL, weight + 1.5)
    assert terms[-1].level == "beyond levels"
    assert math.isclose(sum(term.bits for term in terms), weight + 1.5)


def test_a_stored_link_and_the_same_compared_again_agree(night: Night) -> None:
    """Links are forgotten, and the accounts stay the same: a pair that was not kept is compared anew."""
    pairs = night.rows("select record_a, record_b from identity.link order by weight limit 25")
    before = [explain_pair(night.database, night.settings, a, b) for a, b in pairs]
    with night.database.connect("wf_linker") as connection:
        connection.execute("delete from identity.link")
    for stored in before:
        again = explain_pair(night.database, night.settings, stored.record_b.record_id, stored.record_a.record_id)
        assert again.pattern == stored.pattern
        assert math.isclose(again.total, stored.total, abs_tol=1e-6)
        assert again.decision == "non_match"


def test_each_decision_says_who_decided_and_why(night: Night) -> None:
    match = explain_pair(night.database, night.settings, *night.match())
    assert (match.decision, match.decided_by, match.together) == ("match", "weights", True)
    possible = explain_pair(night.database, night.settings, *night.possible(same_partner=False))
    assert (possible.decision, possible.decided_by, possible.together) == ("possible", "weights", False)
    strangers = explain_pair(night.database, night.settings, *night.strangers())
    assert (strangers.decision, strangers.found_by, strangers.terms) == ("non_match", None, ())
    for a, b in night.rows("select record_a, record_b from identity.link where decision = 'cut'"):
        cut = explain_pair(night.database, night.settings, a, b)
        assert cut.decided_by in ("repair", "homes and relatives")
        assert cut.decided_by != "repair" or re.search(
            r"two different (NINOs|UPNs|NHS numbers|PNC IDs)|speak against", cut.because
        )


def test_what_homes_and_relatives_said_stands_beside_the_weights(night: Night, wholefamily: Callable[..., str]) -> None:
    told = night.rows("select record_a, record_b, context, bits, probability, decision from publication.link_context")
    assert {row[5] for row in told} >= {"match", "non_match"}
    decided = set()
    for a, b, context, bits, probability, decision in told:
        account = explain_pair(night.database, night.settings, b, a)
        assert account.joint == JointTold(context, bits, probability, decision)
        if account.joint.probability is not None:
            with_it = probability_of(account.total + account.joint.bits)
            assert with_it == pytest.approx(account.joint.probability, abs=1e-6)
        if account.decided_by == "homes and relatives":
            decided.add((decision, account.together))
    assert ("match", True) in decided
    assert ("non_match", False) in decided
    a, b, context, *_ = told[0]
    shown = " ".join(wholefamily("explain", a, b).split())
    assert f"Homes and relatives: {context.replace('_', ' ')}" in shown
    assert explain_pair(night.database, night.settings, *night.match()).joint is None


def test_a_person_is_told_by_its_links(night: Night) -> None:
    pair = night.match()
    account = explain_person(night.database, night.settings, night.person(pair[0]))
    assert {one.record_id for one in account.records} == set(pair)
    assert [(one.record_a, one.record_b, one.decision) for one in account.inside] == [(*pair, "match")]
    with pytest.raises(BuildError, match="no person of this number"):
        explain_person(night.database, night.settings, 10**9)


def test_the_commands_show_levels_and_nothing_of_a_person(night: Night, wholefamily: Run, tmp_path: Path) -> None:
    a, b = night.match()
    page, picture, links = tmp_path / "link.html", tmp_path / "link.svg", tmp_path / "links.html"
    printed = wholefamily("explain", a, b, "--out", page)
    printed += wholefamily("explain", a, b, "--out", picture)
    printed += wholefamily("explain", "--person", night.person(a))
    printed += wholefamily("links", "--out", links)
    printed += wholefamily("review", "list", "--decision", "possible,cut,match")
    told = json.loads(wholefamily("explain", a, b, "--json"))
    printed += json.dumps(told) + wholefamily("review", "list", "--json") + wholefamily("links", "--json")
    assert "Match, decided by weights" in printed
    assert "threshold: match" in printed
    assert math.isclose(sum(term["bits"] for term in told["terms"]), told["weight"], abs_tol=1e-6)
    written = [path.read_text() for path in (page, picture, links)]
    found = [value for value in night.clear_values if any(value in text for text in (printed, *written))]
    assert len(night.clear_values) > 500
    assert not found, f"{len(found)} values of people are in the output"
    tokens = night.rows("select encode(person_ref, 'hex') from identity.record")
    assert not any(token in text for (token,) in tokens for text in (printed, *written))


def test_pages_stand_alone_and_pictures_speak(night: Night, wholefamily: Run, tmp_path: Path) -> None:
    a, b = night.match()
    page, picture, links = tmp_path / "deep" / "link.html", tmp_path / "link.svg", tmp_path / "links.html"
    wholefamily("explain", a, b, "--out", page)
    wholefamily("explain", a, b, "--out", picture)
    wholefamily("links", "--out", links)
    for path in (page, links):
        text = path.read_text()
        assert text.count("<title") >= 2
        assert text.count("<desc") >= 1
        assert "http" not in text
        assert "<script" not in text
    assert "Candidate pairs" in links.read_text()
    svg = picture.read_text()
    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert "prior" in re.search(r"<desc[^>]*>(.*?)</desc>", svg).group(1)  # type: ignore[union-attr]
    assert "is written as .html or .svg" in wholefamily("explain", a, b, "--out", "link.png", code=2)


def test_a_record_without_block_or_with_little_cannot_be_linked() -> None:
    """Two partners; one bit a field, less one for two partners, prior -2, match from +1: what both know decides."""
    comparisons = {
        one.name: [
            {"level": level.name, "weight": 1.0 if place == 0 else -1.0} for place, level in enumerate(one.levels)
        ]
        for one in MODEL.comparisons
    }
    parameters = {"comparisons": comparisons, "prior_bits": -2.0, "thresholds": {"match": 2 / 3, "possible": 0.5}}
    nothing = dict.fromkeys(
        ("forename", "surname", "date_parts", "sex", "nino", "nhs_number", "upn", "pnc_id", "uprn", "address"), False
    )
    base = {**nothing, "postcode": False, "encoded": True}

    def row(partner: str, records: int, **held: bool) -> dict[str, object]:
        return {**base, **held, "partner": partner, "records": records}

    full = dict.fromkeys(("forename", "surname", "date_parts", "sex", "nino", "uprn"), True)
    found = linkable(
        [
            row("dwp", 5, **full),
            row("police", 4, **full, pnc_id=True),
            row("police", 3, forename=True, pnc_id=True),  # nobody else holds PNC ids: they can reach nothing
            row("police", 2, forename=True, surname=True),
            row("police", 1, encoded=False, **full),
        ],
        parameters,
        MODEL,
    )
    dwp, police = found
    assert (dwp.partner, dwp.records, dwp.unlinkable) == ("dwp", 5, 0)
    assert (police.records, police.in_no_block, police.never_possible, police.never_match) == (10, 1, 5, 0)
    assert police.missing["date_of_birth"] == 5
    assert police.unlinkable == 6


def test_every_record_of_the_borough_is_counted_once(night: Night) -> None:
    found = read_linkable(night.database, night.settings)
    assert {one.partner: one.records for one in found} == dict(
        night.rows("select partner, count(*) from identity.record group by 1")
    )


def test_before_a_build_it_says_what_to_do(night: Night) -> None:
    with night.database.connect() as connection:
        connection.execute("update registry.run set state = 'failed'")
    with pytest.raises(BuildError, match="nothing has been published"):
        explain_pair(night.database, night.settings, 1, 2)


def test_an_unknown_picture_is_refused(tmp_path: Path, night: Night) -> None:
    from pipeline.explain.page import write_account

    with pytest.raises(DeclarationError, match=r"html or \.svg"):
        write_account(explain_pair(night.database, night.settings, *night.match()), tmp_path / "x.pdf")
