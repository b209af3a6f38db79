"""Rules, windows and facts in words, for people to read. Nothing here decides anything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from pipeline.criteria.cases import Case, CaseFact, CasePerson
from pipeline.criteria.packs import Ages, Pack, Route, Rule, Window

_WHO = {
    "any": "any member",
    "child": "a dependent child",
    "adult": "an adult",
    "parent": "a parent",
    "child_at_event": "a child on the day",
    "every_adult": "every adult",
    "every_parent": "every parent",
}
_STATES = {
    "met": "**met**", "not_met": "not met", "unknown": "*unknown*", "selected": "**selected**",
    "not_selected": "not selected", "not_looked_at": "not looked at",
}  # fmt: skip


def plain(name: str) -> str:
    return name.replace("_", " ")


def whose(rule: Rule) -> str:
    """Whom a rule is about."""
    parts = [_WHO[rule.who]]
    if rule.sex is not None:
        parts.append({"F": "female", "M": "male"}[rule.sex])
    if rule.ages is not None:
        parts.append(ages(rule.ages))
    if rule.since_joining:
        parts.append("since joining the family")
    return ", ".join(parts)


def ages(span: Ages) -> str:
    when = " on the day" if span.at_event else ""
    if span.start and span.under < 200:
        return f"{span.start} to {span.under - 1}{when}"
    return f"{span.start} or over{when}" if span.start else f"under {span.under}{when}"


def evidence(rule: Rule) -> str:
    """Which kinds, codes and roles."""
    text = ", ".join(plain(kind) for kind in rule.kinds)
    if rule.codes is not None:
        text += f" ({', '.join(rule.codes)})"
    for code, days in rule.code_dates.items():
        limits = [f"from {days.start}" if days.start else "", f"until {days.end}" if days.end else ""]
        text += f"; {code} {' '.join(part for part in limits if part)}"
    return text + (f"; as {', '.join(rule.roles)}" if rule.roles is not None else "")


def window(of: Window) -> str:
    if of.kind == "current":
        return "on the as-at date"
    span = f"last {of.length} {of.kind if of.length > 1 else of.kind.removesuffix('s')}"
    return span + {"running": "", "started": ", begun in them", "ended": ", ended in them"}[of.moment]


def threshold(rule: Rule) -> str:
    """How much of it, measured how."""
    share = rule.measure == "rate"

    def number(value: float) -> str:
        return f"{value * 100:g} %" if share else f"{value:g}"

    unit = {"count": "", "days": " different days", "sum": f" {rule.unit}", "rate": " of what is possible"}
    text = f"{number(rule.at_least)} or more{unit[rule.measure]}"
    if rule.below is not None:
        text += f", under {number(rule.below)}"
    return text + (", the family's together" if rule.of == "family" else "")


def senders(rule: Rule, producers: Mapping[str, Sequence[str]]) -> str:
    """Which partners send the evidence; the kinds that nobody sends yet."""
    names = sorted({name for kind in rule.kinds for name in producers.get(kind, ())})
    missing = [plain(kind) for kind in rule.kinds if not producers.get(kind)]
    parts = [", ".join(names)] if names else []
    return "; ".join([*parts, *([f"nobody yet: {', '.join(missing)}"] if missing else [])])


def route(of: Route) -> str:
    every = f"all of {', '.join(plain(name) for name in of.all)}" if of.all else ""
    what = "needs (rules met) of" if of.counts == "rules" else "of"
    some = f"at least {of.at_least} {what} {', '.join(plain(name) for name in of.of)}" if of.of else ""
    return " and ".join(part for part in (some, every) if part)


def families(pack: Pack) -> str:
    """Which families a pack looks at."""
    looked_at = {
        "with_children": f"families with a child under {pack.child_under}",
        "with_dependent_child": f"families with a dependent child: under {pack.child_under}",
        "all": "all families and households",
    }[pack.selection.families]
    if pack.young_people is not None:
        kinds = ", ".join(rule.sentence.rstrip(".").lower() for rule in pack.young_people.any_of)
        looked_at += f", or {ages(pack.young_people.ages)}, living with parents and {kinds}"
    for rule in pack.selection.also:
        looked_at += f"; also where {rule.sentence[0].lower()}{rule.sentence[1:].rstrip('.')}"
    return looked_at


def date(day: dt.date) -> str:
    return f"{day.day} {day:%b %Y}"


def fact(of: CaseFact) -> str:
    """One row of evidence."""
    text = f"{of.who}: {plain(of.kind)}"
    if of.code:
        text += f" {of.code}"
    if of.role:
        text += f" as {of.role}"
    if of.quantity is not None:
        text += f" {of.quantity:g}" + (f" of {of.out_of:g}" if of.out_of is not None else "")
    text += f", {date(of.start)}" + (f" to {date(of.end)}" if of.end is not None else "")
    return text + ("" if of.partner == "a partner" else " (another partner)")


def facts(case: Case) -> str:
    """What goes in: the facts, and how the case differs from the usual."""
    parts = [fact(one) for one in case.facts] or ["no facts"]
    here = {person.name: person for person in case.people}
    others = [here[name] for name in case.differs if name in here]
    if others:
        parts.append(f"with {people(others)}")
    if gone := [name for name in case.differs if name not in here]:
        parts.append(f"without {', '.join(gone)}")
    if case.no_feed:
        parts.append(f"no feed of {', '.join(plain(kind) for kind in sorted(case.no_feed))}")
    if case.stale:
        parts.append(f"stale feed of {', '.join(plain(kind) for kind in sorted(case.stale))}")
    if case.since is not None:
        parts.append(f"data from {date(case.since)}")
    return "; ".join(parts)


def people(members: Sequence[CasePerson]) -> str:
    """Members with what matters of them."""
    told = []
    for one in members:
        parts = [plain(one.role), f"born {one.born}" if one.born else "birth not known"]
        parts += [f"joined {date(one.joined)}"] if one.joined else []
        parts += [f"left {date(one.left)}"] if one.left else []
        told.append(f"{one.name} ({', '.join(parts)})")
    return ", ".join(told)


def state(name: str) -> str:
    return _STATES[name]
