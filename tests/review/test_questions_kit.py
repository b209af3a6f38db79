"""The partner's part: what is encoded for a question can be compared under that question and nowhere else."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contracts.review import ReviewRules, load_review
from pipeline.errors import DeclarationError, ExtractError
from pipeline.partner.asked import AskedLog
from pipeline.partner.coded import coded
from pipeline.partner.interview import interview, read_decisions, record_table
from pipeline.partner.own_records import OwnRecord, find_records
from pipeline.partner.questions import Said, asked_details, encode_details, read_questions, reply_to
from pipeline.partner.tokens import pseudonymise_references, token_texts
from pipeline.questions import Details, Question, QuestionError, QuestionFile, Reply, to_text
from pipeline.review.compare import Conclusion, Side, conclude
from tests.partner.kit import (
    CONTRACTS,
    DECLARATIONS,
    ENCODING,
    MODEL,
    VOCABULARY,
    council_extract,
    partner_keys,
    write_extract,
)

RULES = load_review(DECLARATIONS)
Q1, Q2 = "0" * 31 + "1", "0" * 31 + "2"
TODAY = dt.date(2014, 8, 1)
NOW = dt.datetime(2014, 8, 1, 9, tzinfo=dt.UTC)
PERSON = {
    "forename": ("CLEMENTINE",), "surname": ("OBRANNIGAN",), "date_of_birth": ("2004-03-09",), "sex": ("F",),
    "nhs_number": ("9434765919",), "uprn": ("200000000004", "200000000001"), "postcode": ("XB1 7QZ",),
}  # fmt: skip
ALL = ("forename", "surname", "date_of_birth", "sex", "nino", "nhs_number", "upn", "pnc_id", "residence")


def parameters() -> dict[str, Any]:
    """A run's parameters, from the model's starting probabilities."""
    counted = {"sex": (0.5, 0.5), "residence": (0.001, 0.01, 0.989), "partner": (0.25, 0.75)}
    u = {**MODEL.starting_u, **MODEL.fixed_u, **counted}
    given = MODEL.dependent_chance.starting_u if MODEL.dependent_chance else {}

    def entry(name: str, code: int, level: str) -> dict[str, Any]:
        m = MODEL.starting_m[name][code]
        told = {"level": level, "weight": math.log2(m / u[name][code])}
        return told | ({"weight_given": math.log2(m / given[name][code])} if name in given else {})

    return {
        "comparisons": {
            one.name: [entry(one.name, code, level.name) for code, level in enumerate(one.levels)]
            for one in MODEL.comparisons
        },
        "dependent_on": {"comparison": "residence", "level": "same"},
        "prior_bits": -15.0,
        "thresholds": {"match": MODEL.match_threshold, "possible": MODEL.possible_threshold},
    }


PARAMETERS = parameters()


def words_of(details: Details) -> set[str]:
    """Everything that left, value by value."""
    found = {details.date_parts} if details.date_parts else set()
    for values in (*details.names.values(), *details.tokens.values()):
        found |= set(values)
    return found


def encode(question: str = Q1, seed: int = 1, linkage: int = 9, partner: str = "council", **changes: Any) -> Details:
    values = {name: held for name, held in {**PERSON, **changes}.items() if held}
    return encode_details(ENCODING, partner_keys(seed, partner=partner, linkage=linkage), question, values)


def concluded(left: Details, right: Details, unchecked: Sequence[str] = (), rules: ReviewRules = RULES) -> Conclusion:
    checked = {name: "unchecked" if name in unchecked else "confirmed" for name in ALL}
    return conclude(Side("council", checked, left), Side("schools", checked, right), MODEL, PARAMETERS, rules)


def test_two_partners_encode_one_person_alike_and_it_is_found_to_be_one() -> None:
    left, right = encode(seed=1), encode(seed=2, partner="schools")
    assert left == right
    found = concluded(left, right)
    assert found.answer == "same"
    assert set(found.checked) == {"forename", "surname", "date_of_birth", "sex", "residence", "identifier"}
    assert "identifier" not in concluded(encode(nhs_number=()), right).checked
    assert found.differs == ()


TEXT = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ ", min_size=1, max_size=20).map(str.strip).filter(bool)


@given(TEXT, TEXT, st.integers(0, 2**64), st.integers(0, 2**64))
def test_two_questions_share_nothing_of_one_person(forename: str, surname: str, one: int, other: int) -> None:
    """So the hub, asking about many, can compare no two but those of one question."""
    first = encode(f"{one:032x}", forename=(forename,), surname=(surname,))
    second = encode(f"{other:032x}", forename=(forename,), surname=(surname,))
    assert (words_of(first) & words_of(second) == set()) == (one != other)


def test_another_linkage_key_and_a_delivery_share_nothing_with_it() -> None:
    assert not words_of(encode(linkage=9)) & words_of(encode(linkage=8))
    keys = partner_keys(1)
    delivered = {
        token_texts(keys.token_key(name, ENCODING.version), coded(list(held)))[0].as_py()
        for name, held in PERSON.items()
    }
    assert not words_of(encode()) & delivered


def test_twins_confirmed_at_both_are_two() -> None:
    found = concluded(encode(), encode(forename=("MARMADUKE",), sex=("M",), nhs_number=()))
    assert (found.answer, found.differs) == ("different", ("forename",))


def test_twins_with_names_alike_are_not_taken_for_one() -> None:
    """Maria and Marie, both checked: names alike are no slip then."""
    left = encode(forename=("MARIA",), nhs_number=())
    right = encode(forename=("MARIE",), nhs_number=())
    assert concluded(left, right).answer != "same"
    assert concluded(left, right).total < concluded(left, right, unchecked=("forename",)).total


def test_a_wrong_identifier_that_is_doubted_stands_in_nobodys_way() -> None:
    other = encode(nhs_number=("4010232137",))
    against = concluded(encode(), other)
    assert against.answer == "cannot_tell"
    assert against.differs == ("identifier",)
    assert concluded(encode(), encode(nhs_number=())).answer == "same"


def test_a_new_surname_alone_makes_nobody_two() -> None:
    found = concluded(encode(nhs_number=()), encode(surname=("QUILLFEATHER",), nhs_number=(), uprn=("200000000009",)))
    assert (found.answer, found.differs) == ("cannot_tell", ())


def test_a_former_surname_finds_its_bearer() -> None:
    married = encode(surname=("QUILLFEATHER",), nhs_number=(), uprn=("200000000009",))
    assert concluded(encode(nhs_number=()), married).answer != "same"
    known = encode(surname=("QUILLFEATHER", "OBRANNIGAN"), nhs_number=(), uprn=("200000000009",))
    assert concluded(encode(nhs_number=()), known).total > concluded(encode(nhs_number=()), married).total + 5


def test_an_address_of_the_past_in_common_is_seen() -> None:
    def residence(*uprns: str) -> str:
        found = concluded(encode(nhs_number=()), encode(uprn=uprns, nhs_number=(), postcode=()))
        return {term.comparison: term.level for term in found.terms}["residence"]

    assert residence("200000000008", "200000000001") == "same"
    assert residence("200000000008") == "differs"


def test_nothing_checked_concludes_nothing() -> None:
    assert concluded(encode(), encode(), unchecked=ALL).answer == "cannot_tell"
    assert concluded(encode(), encode(forename=("MARMADUKE",)), unchecked=ALL).answer == "cannot_tell"


# --- the officer's own records


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write_extract(council_extract(20), tmp_path / "raw")


def own(raw: Path, *references: str) -> dict[str, OwnRecord]:
    keys = partner_keys()
    wanted = [text for text in pseudonymise_references(keys, references) if text]
    return find_records(CONTRACTS["council"], VOCABULARY, keys, raw, wanted)


def test_an_officer_sees_the_own_person_and_only_that(raw: Path) -> None:
    found = own(raw, "CASE-00003")
    assert len(found) == 1
    record = next(iter(found.values()))
    assert record.shown["surname"] == ("Quillfeather",)
    assert record.normal["date_of_birth"] == ("1953-04-04",)
    assert record.normal["uprn"] == ("200000000001",)
    assert "Secretmiddle" not in str(record.shown)  # what never leaves is not asked about either
    assert "Quillfeather" not in repr(record)
    assert own(raw, "CASE-99999") == {}


def test_the_latest_home_stands_first(tmp_path: Path) -> None:
    tables = council_extract(4)
    tables["residences"].append(["CASE-00001", "200000000777", "9 New Row", "XB9 9ZY", "2013-01-01", ""])
    tables["residences"].append(["CASE-00001", "200000000888", "1 Old Row", "XB9 9ZY", "2001-01-01", "2002-01-01"])
    record = next(iter(own(write_extract(tables, tmp_path / "raw"), "CASE-00001").values()))
    assert record.normal["uprn"] == ("200000000777", "200000000000", "200000000888")


def asked(kind: str, *records: str, question_id: str = Q1) -> Question:
    return Question.model_validate({"question_id": question_id, "kind": kind, "records": records})


def reply(question: Question, said: Said, found: dict[str, OwnRecord]) -> Reply:
    return reply_to(question, said, found, CONTRACTS["council"], ENCODING, partner_keys(), RULES)


def test_details_leave_as_they_were_checked(raw: Path) -> None:
    found = own(raw, "CASE-00003")
    pseudonym = next(iter(found))
    question = asked("details", pseudonym)
    names = asked_details(question, found[pseudonym])
    assert names[-1] == "residence"
    said = Said(
        checked={
            **dict.fromkeys(names, "confirmed"),
            "surname": "corrected",
            "nino": "doubted",
            "residence": "doubted",
        },
        right={"surname": ("o'brannigan",)},
        also={"forename": ("Hattie",)},
    )
    told = reply(question, said, found)
    assert told.details is not None
    usual = reply(question, Said(checked=dict.fromkeys(names, "confirmed")), found).details
    assert usual is not None
    assert set(told.details.tokens) == {"sex"}
    assert set(usual.tokens) == {"sex", "nino", "uprn", "address", "postcode"}
    assert (len(told.details.names["forename"]), len(told.details.names["surname"])) == (2, 1)
    assert told.details.names["surname"] == encode(surname=("OBRANNIGAN",)).names["surname"]
    assert told.checked["upn"] == "absent"
    assert "brannigan" not in repr(said)
    assert "Hattie" not in told.model_dump_json()


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (Said(), "not every detail"),
        (Said(checked=dict.fromkeys(ALL, "corrected")), "not every detail"),
        (Said(answer="same", basis="case_file"), "not every detail"),
    ],
)
def test_a_reply_that_does_not_fit_is_refused(raw: Path, said: Said, rule: str) -> None:
    found = own(raw, "CASE-00003")
    with pytest.raises(QuestionError, match=rule):
        reply(asked("details", *found), said, found)


def test_a_right_value_that_is_none_is_refused_and_not_repeated(raw: Path) -> None:
    found = own(raw, "CASE-00003")
    question = asked("details", *found)
    names = asked_details(question, next(iter(found.values())))
    said = Said(checked={**dict.fromkeys(names, "confirmed"), "nino": "corrected"}, right={"nino": ("QQ999999Z",)})
    with pytest.raises(QuestionError, match="no valid one") as refused:
        reply(question, said, found)
    assert "QQ999999Z" not in str(refused.value)


def test_two_of_ones_own_are_answered_outright_with_a_basis(raw: Path) -> None:
    found = own(raw, "CASE-00003", "CASE-00004")
    question = asked("duplicate", *found)
    told = reply(question, Said(answer="different", basis="document_seen"), found)
    assert (told.answer, told.basis, told.details) == ("different", "document_seen", None)
    with pytest.raises(QuestionError, match="no answer with a basis"):
        reply(question, Said(answer="same", basis="Mrs Quillfeather said so"), found)
    assert not reply(
        asked(
            "duplicate",
            *found,
        ),
        Said(),
        {},
    ).found


def test_an_interview_takes_what_the_officer_says(raw: Path) -> None:
    found = own(raw, "CASE-00003", "CASE-00004")
    one, other = found
    heard: list[str] = []

    def officer(prompt: str, choices: Sequence[str]) -> str:
        heard.append(prompt)
        if prompt.startswith("The right"):
            return "Smithers"
        if prompt.startswith("Another forename"):
            return "Hattie"
        if "surname?" in prompt:
            return "corrected"
        return choices[0] if choices else ""

    said = interview(asked("details", one), found, RULES, officer)
    assert said.right == {"surname": ("Smithers",)}
    assert said.also == {"forename": ("Hattie",)}
    assert reply(asked("details", one), said, found).checked["surname"] == "corrected"
    outright = interview(asked("duplicate", one, other), found, RULES, officer)
    assert (outright.answer, outright.basis) == ("same", "document_seen")
    assert record_table(asked("duplicate", one, other), found).row_count >= 8


def test_decisions_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "decisions.json"
    path.write_text(json.dumps({Q1: {"answer": "same", "basis": "case_file"}}))
    assert read_decisions(path)[Q1].answer == "same"
    path.write_text('{"x": {"answer": "Quillfeather"}}')
    with pytest.raises(QuestionError, match="damaged") as refused:
        read_decisions(path)
    assert "Quillfeather" not in str(refused.value)


# --- files and the log


def questions_file(*questions: Question, **changes: Any) -> QuestionFile:
    content = {
        "partner": "council", "file_id": "a" * 32, "made_on": TODAY, "answer_by": TODAY + dt.timedelta(60),
        "encoding_version": ENCODING.version, "key_version": 1, "questions": questions,
    }  # fmt: skip
    return QuestionFile.model_validate({**content, **changes})


RECORD, OTHER = "b" * 32, "c" * 32


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"partner": "schools"}, "for another partner"),
        ({"answer_by": TODAY - dt.timedelta(1)}, "out of date"),
        ({"key_version": 2}, "another version"),
        ({"questions": (asked("details", RECORD), asked("details", OTHER))}, "one question id twice"),
        ({"questions": tuple(asked("details", RECORD, question_id=f"{n:032x}") for n in range(101))}, "more than 100"),
    ],
)
def test_a_file_that_asks_what_it_should_not_is_refused(tmp_path: Path, changes: dict[str, Any], rule: str) -> None:
    path = tmp_path / "questions.json"
    path.write_text(to_text(questions_file(asked("details", RECORD), **changes) if "questions" not in changes
                            else questions_file(**changes)))  # fmt: skip
    with pytest.raises(QuestionError, match=rule):
        read_questions(path, CONTRACTS["council"], ENCODING, partner_keys(), RULES, TODAY)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"questions": "Quillfeather"}'])
def test_a_damaged_file_is_refused_without_showing_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "questions.json"
    path.write_text(content)
    with pytest.raises(QuestionError, match="damaged") as refused:
        read_questions(path, CONTRACTS["council"], ENCODING, partner_keys(), RULES, TODAY)
    assert "Quillfeather" not in str(refused.value)


def told(question_id: str, *records: str) -> Reply:
    return Reply(question_id=question_id, records=records)


def test_a_question_id_serves_one_record_only_and_a_record_few_questions(tmp_path: Path) -> None:
    """Else the hub could hold one record against many, or many against each other, under one key."""
    log = AskedLog(tmp_path / "asked.jsonl", RULES)
    file = questions_file()
    log.add(file, [told(Q1, RECORD)], by="A. Khan", now=NOW)
    log.add(file, [told(Q1, RECORD)], by="A. Khan", now=NOW)
    assert len(log.entries()) == 1
    with pytest.raises(QuestionError, match="used for another record"):
        log.add(file, [told(Q1, OTHER)], by="A. Khan", now=NOW)
    log.add(file, [told(f"{n:032x}", RECORD) for n in range(10, 15)], by="A. Khan", now=NOW)
    with pytest.raises(QuestionError, match="6 times within a year"):
        log.add(file, [told(f"{99:032x}", RECORD)], by="A. Khan", now=NOW)
    log.add(file, [told(f"{99:032x}", RECORD)], by="A. Khan", now=NOW + dt.timedelta(days=400))
    assert RECORD in log.path.read_text()
    log.path.write_text(log.path.read_text().replace("A. Khan", "B. Lee", 1))
    with pytest.raises(ExtractError, match="not as it was written"):
        log.entries()


def test_figures_out_of_range_are_refused(tmp_path: Path) -> None:
    text = (DECLARATIONS / "review.yaml").read_text()
    (tmp_path / "review.yaml").write_text(text.replace("same: 0.99", "same: 0.4"))
    with pytest.raises(DeclarationError, match=r"different < 0\.5 < same"):
        load_review(tmp_path)
    (tmp_path / "review.yaml").write_text(text.replace("expires_days: 60", "expires_days: 0"))
    with pytest.raises(DeclarationError, match="at least 1"):
        load_review(tmp_path)
    assert replace(RULES, same=0.9).same == 0.9
