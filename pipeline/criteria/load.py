"""Read a pack (`schemas/criteria/<pack>.yaml`), with its term calendar and local filter; errors name file and line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pipeline.contracts import Vocabulary
from pipeline.criteria.document import At, Document, one_of
from pipeline.criteria.packs import (
    COUNTS,
    FAMILIES_LOOKED_AT,
    Criterion,
    Pack,
    Route,
    Rule,
    Selection,
    YoungPeople,
)
from pipeline.criteria.rules import RuleReader, read_ages, read_unconfirmed
from pipeline.criteria.terms import TermCalendar, load_terms, read_terms

_KEYS = {
    "id", "version", "title", "source", "unconfirmed", "dependent_child", "minor", "adult", "parent",
    "non_resident_parent", "terms", "criteria", "selection",
}  # fmt: skip
_CRITERION_KEYS = {"id", "number", "title", "sentence", "source", "unconfirmed", "local", "any_of", "filter"}
_FILTER_KEYS = {"id", "version", "title", "sentence", "source", "unconfirmed", "any_of"}


def load_pack(
    path: Path,
    vocabulary: Vocabulary,
    *,
    produced: Collection[str] | None = None,
    local: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Pack:
    """One pack, every rule checked against the vocabulary; with `produced`, also against the contracts' kinds.

    The term calendar is `../terms/<name>.yaml` beside the packs, a local filter `local/<name>.yaml`: the pack's own
    `filter`, or `local`, which replaces the rules of the pack's local criterion. `changes` (path in ids → value) are
    tried before they are put in force. Raises DeclarationError with file and line: an unknown kind, code, role or key;
    a kind no contract produces; a measure, window, unit or threshold that does not fit; terms that overlap or are
    missing; a route over an unknown criterion.
    """
    document = Document(path)
    filters = _local_filter(document, local)
    for change, value in (changes or {}).items():
        _change(document, filters, change, value)
    content = document.content
    document.known_keys((), content, _KEYS, "a pack")
    for key in ("id", "version", "title", "source"):
        document.name((), content, key)
    for key in ("criteria", "selection"):
        document.require(bool(content.get(key)), (), f"a pack needs '{key}'.", f"add '{key}'.")
    document.require(content["id"] == path.stem, ("id",), "the file is named after its pack.", "rename it.")
    terms = _terms(document)
    reader = RuleReader(document, vocabulary, produced, terms is not None)
    criteria = tuple(
        _criterion(reader, ("criteria", place), entry, filters)
        for place, entry in enumerate(document.listed(("criteria",), content["criteria"], "'criteria'"))
    )
    names = [criterion.id for criterion in criteria]
    document.require(len(set(names)) == len(names), ("criteria",), "a criterion stands twice.", "rename one.")
    child_under = _age(document, "dependent_child", "under", ("under", "young_people"))
    elsewhere = content.get("non_resident_parent")
    return Pack(
        id=content["id"],
        version=content["version"] + (f"+{filters.content['id']}.{filters.content['version']}" if filters else ""),
        title=document.name((), content, "title"),
        source=document.name((), content, "source"),
        sha256=_sha256(content, filters.content if filters else None, terms),
        child_under=child_under,
        adult_from=_age(document, "adult", "from", ("from",)),
        terms=terms,
        criteria=criteria,
        selection=_selection(reader, content["selection"], criteria, content["source"]),
        minor_under=_age(document, "minor", "under", ("under",)) if "minor" in content else child_under,
        parent_older_by=_age(document, "parent", "older_by", ("older_by",)) if "parent" in content else 15,
        elsewhere_at_most=None if elsewhere is None else _elsewhere(document, elsewhere),
        young_people=_young_people(reader, child_under, content["dependent_child"], content["source"]),
        unconfirmed=read_unconfirmed(document, (), content),
    )


def _age(document: Document, group: str, key: str, keys: Collection[str]) -> int:
    entry = document.content.get(group)
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 130:
        document.fail((group, key), f"'{group}' needs '{key}' as an age in years.", f"write {group}: {{{key}: 18}}.")
    document.known_keys((group,), entry, keys, f"'{group}'")
    return value


def _elsewhere(document: Document, entry: Any) -> int:
    at: At = ("non_resident_parent",)
    document.known_keys(at, entry, ("at_most",), "'non_resident_parent'")
    return document.whole((*at, "at_most"), entry.get("at_most"), "'at_most'")


def _young_people(reader: RuleReader, child_under: int, entry: Mapping[str, Any], source: str) -> YoungPeople | None:
    if entry.get("young_people") is None:
        return None
    at: At = ("dependent_child", "young_people")
    young = reader.document.known_keys(at, entry["young_people"], ("ages", "any_of"), "'young_people'")
    ages = read_ages(reader.document, (*at, "ages"), young.get("ages") or {})
    reader.document.require(
        ages.start == child_under, at, "the ages of young people go on from dependent children.", "begin at that age."
    )
    rules = reader.several((*at, "any_of"), young.get("any_of"), source)
    for place, rule in enumerate(rules):
        plain = rule.who == "any" and rule.of == "person" and not rule.also and rule.ages is None
        reader.document.require(
            plain, (*at, "any_of", place), "these rules are about the young person alone.", "write who: any."
        )
    return YoungPeople(ages, rules)


# --- calendar and local filter
def _terms(document: Document) -> TermCalendar | None:
    """The pack's calendar: by name, or written out in the pack."""
    entry = document.content.get("terms")
    if entry is None:
        return None
    if isinstance(entry, str):
        path = document.path.parent.parent / "terms" / f"{entry}.yaml"
        document.require(path.exists(), ("terms",), "there is no such term calendar.", "add it to schemas/terms.")
        return load_terms(path)
    document.known_keys(("terms",), entry, ("every_year", "school_years"), "'terms'")
    return read_terms(document, ("terms",), entry)


def _local_filter(document: Document, chosen: str | None) -> Document | None:
    """The local filter in force: the one asked for, else the one that the local criterion names."""
    entries = document.content.get("criteria") or []
    place = next((n for n, entry in enumerate(entries) if isinstance(entry, dict) and entry.get("local")), None)
    at: At = ("criteria",) if place is None else ("criteria", place, "filter")
    document.require(
        chosen is None or place is not None, at, "this pack has no local criterion to replace.", "leave the filter out."
    )
    name = chosen or (entries[place].get("filter") if place is not None else None)
    if not name:
        return None
    path = document.path.parent / "local" / f"{name}.yaml"
    known = sorted(found.stem for found in path.parent.glob("*.yaml"))
    document.require(path.exists(), at, "there is no such local filter.", one_of(known) if known else "add it.")
    found = Document(path)
    found.known_keys((), found.content, _FILTER_KEYS, "a local filter")
    for key in ("id", "version", "title", "sentence", "source"):
        found.name((), found.content, key)
    found.require(found.content["id"] == path.stem, ("id",), "the file is named after its filter.", "rename it.")
    return found


def _change(document: Document, filters: Document | None, change: str, value: Any) -> None:
    first, _, rest = change.partition(".")
    criteria = document.content.get("criteria") or []
    local = next((entry for entry in criteria if isinstance(entry, dict) and entry.get("local")), {})
    if filters is not None and rest and first == local.get("id"):
        filters.change(rest, value, named=change)
    else:
        document.change(change, value)


def _criterion(reader: RuleReader, at: At, entry: Any, filters: Document | None) -> Criterion:
    document = reader.document
    document.known_keys(at, entry, _CRITERION_KEYS, "a criterion")
    local = entry.get("local", False)
    document.require(isinstance(local, bool), (*at, "local"), "'local' is true or false.", "write true or false.")
    for key in ("id", "title", "sentence", "source"):
        document.name(at, entry, key)
    number = document.whole((*at, "number"), entry.get("number"), "'number'")
    document.require(
        "filter" not in entry or local, (*at, "filter"), "only a local criterion has a filter.", "remove it."
    )
    texts, rules_of = (filters.content, filters) if local and filters else (entry, document)
    if rules_of is document:
        rules = reader.several((*at, "any_of"), entry.get("any_of"), texts["source"])
    else:
        own = RuleReader(rules_of, reader.vocabulary, reader.produced, reader.has_terms)
        rules = own.several(("any_of",), texts.get("any_of"), texts["source"])
    return Criterion(
        id=entry["id"],
        number=number,
        title=document.name(at, entry, "title"),
        sentence=rules_of.name(at, texts, "sentence"),
        source=rules_of.name(at, texts, "source"),
        local=local,
        any_of=rules,
        unconfirmed=read_unconfirmed(rules_of, at if rules_of is document else (), texts),
        filter=texts["id"] if rules_of is not document else "",
    )


# --- selection
def _selection(reader: RuleReader, entry: Any, criteria: tuple[Criterion, ...], source: str) -> Selection:
    at: At = ("selection",)
    document = reader.document
    document.known_keys(at, entry, ("families", "also", "any_of"), "a selection")
    looked_at = entry.get("families", "with_children")
    document.require(
        looked_at in FAMILIES_LOOKED_AT, (*at, "families"), "'families' is not known.", one_of(FAMILIES_LOOKED_AT)
    )
    also: tuple[Rule, ...] = ()
    if entry.get("also") is not None:
        also = reader.several((*at, "also"), entry["also"], source, "'also'")
    document.require(bool(entry.get("any_of")), at, "a selection needs 'any_of'.", "add a route.")
    routes = tuple(
        _route(document, (*at, "any_of", place), route, criteria) for place, route in enumerate(entry["any_of"])
    )
    return Selection(families=str(looked_at), any_of=routes, also=also)


def _route(document: Document, at: At, entry: Any, criteria: tuple[Criterion, ...]) -> Route:
    document.known_keys(at, entry, ("id", "all", "at_least", "of", "counts"), "a route")
    every, some = (tuple(str(name) for name in entry.get(key) or ()) for key in ("all", "of"))
    document.require(
        bool(entry.get("id")) and bool(every or some), at, "a route needs an id and criteria.", "add them."
    )
    names = [criterion.id for criterion in criteria]
    for name in (*every, *some):
        document.require(name in names, at, f"there is no criterion '{name}'.", one_of(names))
    counts = entry.get("counts", "criteria")
    document.require(counts in COUNTS, (*at, "counts"), "a route counts nothing known.", one_of(COUNTS))
    at_least = document.whole((*at, "at_least"), entry.get("at_least", 0), "'at_least'", 0)
    most = sum(len(c.any_of) for c in criteria if c.id in some) if counts == "rules" else len(some)
    document.require(
        (at_least > 0) == bool(some) and at_least <= most,
        (*at, "at_least"),
        "'at_least' and 'of' belong together, and at_least is at most the number of what is counted.",
        "write {at_least: 2, of: [a, b, c]}.",
    )
    return Route(id=str(entry["id"]), all=every, at_least=at_least, of=some, counts=counts)


def _sha256(content: Any, local: Any, terms: TermCalendar | None) -> str:
    whole = {"pack": content, "local": local, "terms": repr(terms)}
    return hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()
