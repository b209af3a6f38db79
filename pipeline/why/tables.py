"""An answer as tables of text: the same for the terminal and for the page to print."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.why.account import Answer, Cited, Person

STANDINGS = {
    "selected": "is on the list",
    "not_selected": "is not on the list",
    "unknown": "is not on the list, and what is not known could put it there",
    "not_looked_at": "is not looked at by this pack",
    "no such family": "is not there: no family of the last run has this id",
}


@dataclass(frozen=True)
class Part:
    """One table with a heading, and a sentence under it."""

    heading: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def headline(answer: Answer) -> str:
    """The answer in one sentence."""
    return f"Family {answer.family_id} {STANDINGS[answer.standing]}."


def lead(answer: Answer) -> str:
    """What the answer goes by."""
    entry = f", entry {answer.run_entry} of the audit log" if answer.run_entry else ""
    return (
        f"{answer.pack} {answer.pack_version}, as at {answer.as_at}. Run {answer.run_id}, published "
        f"{moment(answer.published_at)} by version {answer.code_version}, link model {answer.model_version}{entry}."
        + (f" Way in: {plain(answer.routes)}." if answer.selected else "")
        + " A flag is a proposal for a person to review, never a decision."
    )


def parts(answer: Answer) -> list[Part]:
    """Every table of the answer that has rows."""
    made = [
        Part("Criteria", ["Criterion", "State", "Rules met, or why not"], _criteria(answer)),
        Part(
            "Evidence it rests on", ["Row", "Person", "Fact", "Days", "Criteria", "Without it"],
            [_cited(one) for one in answer.evidence],
            "With these rows alone the family would be on the list; with one of these fewer, these alone would not do.",
        ),
        Part(
            "Evidence that would stand in", ["Row", "Person", "Fact", "Days", "Criteria"],
            [_cited(one)[:5] for one in answer.others], "Not needed while the rows above are there.",
        ),
        Part(
            "Where each row came from", ["Row", "Partner", "Delivery", "File, line", "Accepted", "Log entry"],
            [_origin(one) for one in (*answer.evidence, *answer.others)],
        ),
        Part("Under which agreement", ["Partner", "Agreement", "Gateway", "Onward"], _gateways(answer)),
        Part("Persons", ["Person", "In the family as", "Since", "Because", "Sure", "Records"], _persons(answer)),
        Part(
            "Links that make the records one person",
            ["Person", "Records", "Agreement", "Found by", "Bits", "Probability"],
            _links(answer.persons), "Bits with the prior: each bit more halves the odds of a chance agreement.",
        ),
        Part(
            "What hangs on a doubtful link",
            ["Criterion", "Would become", "Records", "Chance that the link is otherwise"],
            [[plain(one.criterion), plain(one.would_become), f"{one.record_a} – {one.record_b}", f"{one.otherwise:.1%}"]
             for one in answer.doubts],
        ),
        Part(
            "What is missing, rule by rule", ["Criterion", "Rule", "Asks for", "Held", "Counted", "Reached", "Needed"],
            [[plain(one.criterion), plain(one.rule), one.asks, str(one.held), str(one.counted), f"{one.reached:g}",
              f"{one.needed:g}"] for one in answer.missing],
            "Held: rows of these kinds for anybody in the family, at any time. Counted: those the rule looks at.",
        ),
        Part(
            "What would put it on the list", ["Were these met besides"],
            [[", ".join(map(plain, one))] for one in answer.would_do],
        ),
        Part("What became of this id", ["Change"], [[one] for one in answer.became]),
    ]  # fmt: skip
    return [part for part in made if part.rows]


def _criteria(answer: Answer) -> list[list[str]]:
    told = []
    for one in answer.criteria:
        met = "; ".join(f"{plain(rule.id)}: {rule.words}" for rule in one.rules if rule.met)
        told.append([one.title, plain(one.state), met or one.reason])
    return told


def _cited(one: Cited) -> list[str]:
    fact = plain(one.kind) + (f" {one.code}" if one.code else "") + (f" as {one.role}" if one.role else "")
    if one.quantity is not None:
        fact += f" {one.quantity:g}" + (f" of {one.out_of:g}" if one.out_of is not None else "")
    without = f"rows {', '.join(map(str, one.instead))} would do" if one.instead else "the flag goes"
    criteria = ", ".join(map(plain, one.criteria)) or "who counts as a child"
    return [str(one.evidence_id), str(one.person_id), fact, days(one.start_date, one.end_date), criteria, without]


def _origin(one: Cited) -> list[str]:
    origin = one.origin
    accepted = moment(origin.accepted_at) if origin.accepted_at else "–"
    entry = str(origin.entry) if origin.entry else "–"
    return [str(one.evidence_id), one.partner, origin.delivery_id, f"{origin.file}, {origin.line}", accepted, entry]


def _gateways(answer: Answer) -> list[list[str]]:
    found = {
        one.partner: [one.partner, one.origin.agreement or "–", one.origin.gateway, one.origin.onward]
        for one in (*answer.evidence, *answer.others)
    }
    return [found[partner] for partner in sorted(found)]


def _persons(answer: Answer) -> list[list[str]]:
    return [
        [
            str(one.person_id), plain(one.role), str(one.since or "–"), one.reason or "–",
            f"{one.confidence:.0%}" if one.confidence is not None else "–",
            "; ".join(f"{record.record_id} ({record.partner}, line {record.line})" for record in one.records),
        ]
        for one in answer.persons
    ]  # fmt: skip


def _links(persons: Sequence[Person]) -> list[list[str]]:
    told = [
        [
            str(one.person_id), f"{link.record_a} – {link.record_b}", plain(link.pattern), plain(link.found_by),
            f"{link.bits:+.1f}", f"{link.probability:.2%}",
        ]
        for one in persons
        for link in one.links
    ]  # fmt: skip
    return told + [
        [str(one.person_id), str(record), "no link of its own is kept: joined by an answer or by home and relatives",
         "–", "–", "–"]
        for one in persons for record in one.unlinked
    ]  # fmt: skip


def plain(name: str) -> str:
    return name.replace("_", " ")


def days(start: dt.date | None, end: dt.date | None) -> str:
    return f"{start or '?'}" + (f" to {end}" if end else "")


def moment(at: dt.datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
