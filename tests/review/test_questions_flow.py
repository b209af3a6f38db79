"""A question goes to the partners and comes back as an answer that binds; nothing else gets in or out that way."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline.explain import explain_pair
from pipeline.ingest.keys import load_hub_identity
from pipeline.partner.keys import load_partner_keys
from pipeline.questions import QuestionError, SealedReplies, signed_bytes, to_text
from pipeline.review import answer_pair, export_questions, import_replies, review_queue
from pipeline.review.queue import in_order
from tests.review.night import Night, Pair, write_decisions

Run = Callable[..., str]
PARTNERS = ("council", "dwp", "police", "schools")
BY = "Q. Xylander"


def asked(path: Path) -> dict[str, dict[str, Any]]:
    return {question["question_id"]: question for question in json.loads(path.read_text())["questions"]}


def export(night: Night, partner: str, folder: Path) -> Path:
    path = folder / f"questions-{partner}.json"
    export_questions(night.database, night.settings, partner, path, by=BY)
    return path


def answered(
    night: Night, wholefamily: Run, partner: str, folder: Path, changes: dict[str, dict[str, Any]] | None = None
) -> Path:
    """Ask the partner, and have its officer confirm everything but for the changes by pseudonym; the reply file."""
    questions = export(night, partner, folder)
    replies = folder / f"replies-{partner}.json"
    decisions = write_decisions(folder / f"decisions-{partner}.json", questions, partner, changes)
    raw = night.settings.home / "raw" / partner
    wholefamily("questions", "answer", partner, questions, "--raw", raw, "--by", f"Officer of {partner}",
                "--decisions", decisions, "--out", replies)  # fmt: skip
    return replies


def outcome(night: Night, replies: Path, pair: Pair | None = None) -> list[tuple[str, str | None]]:
    """What became of the replies; with a pair, of those about it alone."""
    _, taken = import_replies(night.database, night.settings, replies)
    if pair is None:
        return [(one.outcome, one.answer) for one in taken]
    question = night.rows(
        "select encode(q.question_id, 'hex') from identity.review_question q join identity.record a on a.record_id = %s"
        " join identity.record b on b.record_id = %s where (q.person_ref_a, q.person_ref_b) in"
        " ((a.person_ref, b.person_ref), (b.person_ref, a.person_ref))",
        *pair,
    )[0][0]
    return [(one.outcome, one.answer) for one in taken if one.question_id == question]


def test_two_records_of_one_partner_are_asked_outright_and_the_answer_binds(
    night: Night, wholefamily: Run, tmp_path: Path
) -> None:
    pair = night.possible(same_partner=True)
    replies = answered(night, wholefamily, night.partner_of(pair[0]), tmp_path)
    assert outcome(night, replies, pair) == [("answered", "same")]
    night.build()
    assert night.together(pair)
    account = explain_pair(night.database, night.settings, *pair)
    assert account.decided_by == "review"
    assert account.answers[-1].source == "partner"
    assert "case file" in account.because


def test_two_partners_check_their_own_and_the_hub_compares(night: Night, wholefamily: Run, tmp_path: Path) -> None:
    """The officers correct a forename each: the same name, so one person; or names that differ, so two."""
    pair = night.possible(same_partner=False)
    left, right = (night.partner_of(record) for record in pair)
    pseudonyms = [night.pseudonym(record) for record in pair]

    def correcting(partner: str, pseudonym: str) -> dict[str, dict[str, Any]]:
        from tests.review.night import confirmed

        said = confirmed(partner)
        said["checked"] |= {"forename": "corrected", "surname": "corrected", "date_of_birth": "corrected"}
        return {pseudonym: {**said, "right": {"forename": ["Zebedee"], "surname": ["Quillfeather"],
                                              "date_of_birth": ["2003-02-08"]}}}  # fmt: skip

    first = answered(night, wholefamily, left, tmp_path, correcting(left, pseudonyms[0]))
    assert outcome(night, first, pair) == [("waits", None)]
    waiting = night.rows("select count(*) from identity.review_reply where encoded is not null")
    assert waiting[0][0] > 0
    second = answered(night, wholefamily, right, tmp_path, correcting(right, pseudonyms[1]))
    assert outcome(night, second, pair) == [("answered", "same")]
    kept = night.rows(
        "select count(*) from identity.review_reply r join identity.review_answer a using (question_id)"
        " where r.encoded is not null"
    )
    assert kept == [(0,)], "encoded details outlive their comparison"
    night.build()
    assert night.together(pair)
    account = explain_pair(night.database, night.settings, *pair)
    assert account.answers[-1].source == "partners"
    assert account.answers[-1].answered_by == ", ".join(
        sorted((f"Officer of {one} ({one})" for one in (left, right)), key=lambda text: text.split("(")[1])
    )
    shown = wholefamily("review", "show", *pair)
    assert "forename corrected" in " ".join(shown.split())
    assert "Zebedee" not in shown


def test_a_question_file_tells_a_partner_nothing_of_anybody_else(night: Night, tmp_path: Path) -> None:
    files = {partner: export(night, partner, tmp_path) for partner in PARTNERS}
    refs: dict[str, set[str]] = {partner: set() for partner in PARTNERS}
    for partner, ref in night.rows("select partner, encode(person_ref, 'hex') from identity.record"):
        refs[partner].add(ref)
    for partner, path in files.items():
        text = path.read_text()
        named = {record for question in asked(path).values() for record in question["records"]}
        assert named <= refs[partner]
        assert not any(ref in text for other in PARTNERS if other != partner for ref in refs[other])
        assert not any(other in text for other in PARTNERS if other != partner)
        assert not any(word in text for word in ("possible", "cut", "cover", "weight", BY))
        assert list(asked(path)) == sorted(asked(path))
        details = [question for question in asked(path).values() if question["kind"] == "details"]
        covers = night.rows("select encode(question_id, 'hex') from identity.review_question where kind = 'cover'"
                            " and partner_a = %s", partner)  # fmt: skip
        mine = {row[0] for row in covers} & set(asked(path))
        assert len(mine) * 5 >= len(details)
        assert all(asked(path)[one].keys() == details[0].keys() for one in mine)


def test_asking_again_asks_the_same_until_it_is_answered(night: Night, wholefamily: Run, tmp_path: Path) -> None:
    partner = night.partner_of(night.possible(same_partner=False)[0])
    before = asked(export(night, partner, tmp_path))
    assert asked(export(night, partner, tmp_path)) == before
    some = tmp_path / "some.json"
    export_questions(night.database, night.settings, partner, some, by=BY, most=2)
    assert len(asked(some)) <= 2
    outcome(night, answered(night, wholefamily, partner, tmp_path))
    with pytest.raises(QuestionError, match="nothing to ask"):
        export(night, partner, tmp_path)


def test_twice_is_once(night: Night, wholefamily: Run, tmp_path: Path) -> None:
    pair = night.possible(same_partner=True)
    replies = answered(night, wholefamily, night.partner_of(pair[0]), tmp_path)
    outcome(night, replies)
    tables = [night.rows(f"select * from identity.review_{name} order by 1, 2") for name in ("answer", "reply")]
    assert set(outcome(night, replies)) == {("known", None)}
    assert [night.rows(f"select * from identity.review_{name} order by 1, 2") for name in ("answer", "reply")] == tables


def test_only_the_partner_itself_can_reply_and_only_to_what_it_was_asked(
    night: Night, wholefamily: Run, tmp_path: Path
) -> None:
    pair = night.possible(same_partner=False)
    partner, other = (night.partner_of(record) for record in pair)
    replies = answered(night, wholefamily, partner, tmp_path)
    file = SealedReplies.model_validate_json(replies.read_text())
    sealed = base64.b64decode(file.sealed)
    content = json.loads(pyrage.decrypt(sealed, [load_hub_identity(night.settings)]))
    keys = load_partner_keys(night.settings, other)
    recipient = pyrage.x25519.Recipient.from_str(keys.hub_recipient)

    def written(body: dict[str, Any] | bytes, by: str, claims: str | None = None) -> Path:
        """A reply file with this content, signed with a partner's key, in a partner's name."""
        plain = body if isinstance(body, bytes) else json.dumps(body).encode()
        text = plain if isinstance(body, bytes) else pyrage.encrypt(plain, [recipient])
        key = Ed25519PrivateKey.from_private_bytes(load_partner_keys(night.settings, by).signing_key)
        signature = key.sign(signed_bytes(claims or by, text)).hex()
        path = tmp_path / "forged.json"
        path.write_text(
            to_text(SealedReplies(partner=claims or by, sealed=base64.b64encode(text).decode(), signature=signature))
        )
        return path

    def changed(**changes: Any) -> dict[str, Any]:
        details = next(one for one in content["replies"] if one["details"])
        return {**content, "replies": [{**details, **changes}]}

    tokens = changed()["replies"][0]["details"]
    forged: list[tuple[Path | dict[str, Any] | bytes, str, str | None, str]] = [
        (content, other, partner, f"not signed by {partner}"),
        (content, other, None, "damaged"),  # a partner passes on another's replies as its own
        ({**content, "partner": other}, other, None, "not asked of this partner"),
        (changed(question_id="0" * 32), partner, None, "not asked of this partner"),
        (changed(records=["0" * 32]), partner, None, "not asked of this partner"),
        (changed(answer="same", details=None, checked={}), partner, None, "another kind of question"),
        (
            changed(details={**tokens, "tokens": {"middle_names": ["0" * 32]}}),
            partner,
            None,
            "no agreement in force covers",
        ),
        (changed(details={**tokens, "names": {"forename": ["Clementine"]}}), partner, None, "damaged"),
        (b"not sealed at all", partner, None, "damaged"),
    ]
    for body, by, claims, rule in forged:
        with pytest.raises(QuestionError, match=rule) as refused:
            import_replies(night.database, night.settings, written(body, by, claims))  # type: ignore[arg-type]
        assert "Clementine" not in str(refused.value)
    flipped = bytearray(sealed)
    flipped[len(flipped) // 2] ^= 1
    broken = tmp_path / "broken.json"
    broken.write_text(to_text(file.model_copy(update={"sealed": base64.b64encode(bytes(flipped)).decode()})))
    with pytest.raises(QuestionError, match="not signed by"):
        import_replies(night.database, night.settings, broken)
    assert night.rows("select count(*) from identity.review_reply") == [(0,)]
    assert night.rows("select count(*) from identity.review_answer") == [(0,)]


def test_a_late_reply_counts_for_nothing_and_what_waited_is_forgotten(
    night: Night, wholefamily: Run, tmp_path: Path
) -> None:
    pair = night.possible(same_partner=False)
    left, right = (night.partner_of(record) for record in pair)
    first, second = (answered(night, wholefamily, partner, tmp_path) for partner in (left, right))
    import_replies(night.database, night.settings, first)
    later = dt.date.today() + dt.timedelta(days=61)
    _, taken = import_replies(night.database, night.settings, second, today=later)
    assert {one.outcome for one in taken} == {"expired"}
    assert night.rows("select count(*) from identity.review_reply where encoded is not null") == [(0,)]


def test_what_has_expired_without_a_reply_is_asked_anew_and_only_the_new_question_can_be_answered(
    night: Night, wholefamily: Run, tmp_path: Path
) -> None:
    pair = night.possible(same_partner=True)
    partner = night.partner_of(pair[0])
    late = answered(night, wholefamily, partner, tmp_path)
    old = asked(tmp_path / f"questions-{partner}.json")
    last = dt.date.today() + dt.timedelta(days=60)
    anew = last + dt.timedelta(days=1)
    again, expired = tmp_path / "again.json", tmp_path / "expired.json"
    export_questions(night.database, night.settings, partner, again, by=BY, today=last)
    assert asked(again).keys() == old.keys(), "a question stands until its last day"
    export_questions(night.database, night.settings, partner, expired, by=BY, today=anew)
    new = asked(expired)
    assert not new.keys() & old.keys()
    refs = sorted(night.pseudonym(record) for record in pair)
    assert refs in [sorted(question["records"]) for question in new.values()], "the same pair, under another question"
    _, taken = import_replies(night.database, night.settings, late, today=anew)
    assert {one.outcome for one in taken} == {"expired"}
    assert night.rows("select count(*) from identity.review_answer") == [(0,)]
    decisions = write_decisions(tmp_path / "decisions-anew.json", expired, partner)
    replies = tmp_path / "replies-anew.json"
    wholefamily("questions", "answer", partner, expired, "--raw", night.settings.home / "raw" / partner,
                "--by", "A. Khan", "--decisions", decisions, "--out", replies)  # fmt: skip
    _, taken = import_replies(night.database, night.settings, replies, today=anew)
    assert ("answered", "same") in {(one.outcome, one.answer) for one in taken if one.kind == "duplicate"}


def test_a_person_who_is_not_in_the_extract_any_more_is_said_to_be_gone(
    night: Night, wholefamily: Run, tmp_path: Path
) -> None:
    pair = night.possible(same_partner=True)
    partner = night.partner_of(pair[0])
    questions = export(night, partner, tmp_path)
    decisions = write_decisions(tmp_path / "decisions.json", questions, partner)
    raw = night.without(pair[0], tmp_path / "without")
    replies = tmp_path / "replies.json"
    wholefamily("questions", "answer", partner, questions, "--raw", raw, "--by", "A. Khan", "--decisions", decisions,
                "--out", replies)  # fmt: skip
    assert outcome(night, replies, pair) == [("not found", None)]


def test_what_somebody_has_said_meanwhile_is_not_taken_back_by_a_reply_that_tells_nothing(
    night: Night, wholefamily: Run, tmp_path: Path
) -> None:
    pair = night.possible(same_partner=True)
    partner = night.partner_of(pair[0])
    export(night, partner, tmp_path)
    answer_pair(night.database, night.settings, *pair, "different", by=BY, why="seen both files")
    unsure = {night.pseudonym(one): {"answer": "cannot_tell", "basis": "not_checked"} for one in pair}
    replies = answered(night, wholefamily, partner, tmp_path, unsure)
    assert outcome(night, replies, pair) == [("meanwhile answered", None)]
    night.build()
    assert not night.together(pair)


def test_clear_text_stays_at_the_partner(night: Night, wholefamily: Run, tmp_path: Path) -> None:
    """The officer sees it; no question, reply, log, table of the hub or print of the hub does."""
    printed = ""
    for partner in PARTNERS:
        try:
            replies = answered(night, wholefamily, partner, tmp_path)
        except QuestionError:
            continue
        printed += wholefamily("review", "import", replies)
        shown = wholefamily("questions", "show", partner, tmp_path / f"questions-{partner}.json",
                            "--raw", night.settings.home / "raw" / partner)  # fmt: skip
        assert any(value in shown for value in night.clear_values), "the officer sees the own person"
    logs = [path.read_text() for path in night.settings.home.glob("partners/*/asked.jsonl")]
    files = [path.read_text() for path in tmp_path.glob("*.json")]
    tables = [str(night.rows(f"select * from identity.review_{name}")) for name in ("question", "reply", "answer")]
    everywhere = [printed, *logs, *files, *tables, str(night.rows("select * from audit.log"))]
    assert len(logs) >= 2
    found = [value for value in night.clear_values if any(value in text for text in everywhere)]
    assert not found, f"{len(found)} values of people can be read"


def test_the_queue_puts_what_a_flag_hangs_on_first_and_one_pair_between_two_persons(
    night: Night,
) -> None:
    entries = review_queue(night.database, night.settings, decisions=("possible", "cut", "match"))
    order = [(one.flags == 0, -one.value) for one in entries]
    assert order == sorted(order)
    persons = [tuple(sorted((night.person(one.record_a), night.person(one.record_b)))) for one in entries[:40]
               if not one.together]  # fmt: skip
    assert len(set(persons)) == len(persons)
    last = entries[-1]
    family = night.rows("select min(family_id) from publication.family")[0][0]
    with night.database.connect() as connection:
        connection.execute(
            "insert into publication.flag_doubt values (%s, 'p', 'work', 'met', 'not_met', %s, %s, 0.5, 0.5, 0.5, 1,"
            " 'exact', false)",
            (family, last.record_a, last.record_b),
        )
    again = review_queue(night.database, night.settings, decisions=("possible", "cut", "match"))
    first = next(one for one in again if (one.record_a, one.record_b) == (last.record_a, last.record_b))
    assert first.flags == last.flags + 1
    assert again.index(first) <= sum(one.flags > 0 for one in entries), "before all that no flag hangs on"
    assert [one for one in again if not one.flags] == [one for one in entries if not one.flags and one != last]
    assert again == sorted(again, key=in_order)
    only = review_queue(night.database, night.settings, partner="police")
    assert all("police" in (one.partner_a, one.partner_b) for one in only)
