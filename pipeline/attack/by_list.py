"""Attacks with a clear resident list: similarity graphs (c), structure (d), and dictionaries (e)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.attack.dictionary import BIRTH_DATES, hub_found_with, read_with_key, without_key
from pipeline.attack.figures import (
    BIRTH_DATE,
    DICTIONARY,
    FORENAME,
    FULL_NAME,
    GRAPH,
    OURS,
    PERSON,
    PLAIN,
    RECORD_LEVEL,
    STRUCTURE,
    SURNAME,
    Figure,
)
from pipeline.attack.filters import plain_filters, record_filters, unpacked
from pipeline.attack.graph import match_graphs
from pipeline.attack.names import public_knowledge
from pipeline.attack.ours import NAMES, PassRows, Scheme, hub_rows, made_up_keys
from pipeline.attack.roles import HOME, IN_HOMES, LINKER_ALL, ROLES, hub_side, listed_side, seen_by
from pipeline.attack.structure import match_structure
from pipeline.attack.world import NOBODY, OVERLAPS, Bools, Ints, Residents, World, resident_list
from pipeline.contracts import Encoding
from pipeline.partner.keys import PartnerKeys

SECRET, ANY = b"the partners' secret", b"whatever the attacker likes"
ATTACKERS_KEYS = 4242
SAMPLE_WITH_KEY = 200


def graphs(world: World, encoding: Encoding, keys: PartnerKeys, seed: int) -> Iterator[Figure]:
    """The graph of the whole population, on all three targets, at every overlap."""
    scheme = Scheme(encoding)
    hub = {
        PLAIN: _plain(encoding, world.hub, SECRET),
        RECORD_LEVEL: _record(encoding, world.hub, SECRET),
        OURS: _ours(scheme, keys, world.hub),
    }
    for overlap in OVERLAPS:
        listed, truth = resident_list(world, overlap, seed)
        mine = {
            PLAIN: _plain(encoding, listed, ANY),
            RECORD_LEVEL: _record(encoding, listed, ANY),
            OURS: _ours(scheme, made_up_keys(ATTACKERS_KEYS), listed),
        }
        for target, filters in hub.items():
            match = match_graphs(filters, mine[target])
            yield judged(GRAPH, "graph of the population", target, match, truth, overlap)


def _plain(encoding: Encoding, people: Residents, key: bytes) -> list[Bools]:
    return [filters.bits[filters.codes] for filters in plain_filters(encoding, people, key).values()]


def _record(encoding: Encoding, people: Residents, key: bytes) -> list[Bools]:
    filters = record_filters(encoding, people, key)
    return [filters.bits[filters.codes]]


def _ours(scheme: Scheme, keys: PartnerKeys, people: Residents) -> list[Bools]:
    """Filters of the date pass, where everybody stands once, in the order of the people."""
    rows = next(rows for rows in hub_rows(scheme, keys, people) if rows.name == BIRTH_DATES)
    order = np.argsort(rows.person, kind="stable")
    return [unpacked(rows.filters[name][order]) for name in NAMES]


def structures(world: World, scheme: Scheme, passes: list[PassRows], target: str, seed: int) -> Iterator[Figure]:
    """What homes and blocks alone tell, by role; and (c) what the encodings inside homes tell."""
    hub = hub_side(scheme, passes, world.hub)
    roles = (IN_HOMES, *ROLES) if target == OURS else (IN_HOMES, LINKER_ALL)
    for overlap in OVERLAPS:
        people, truth = resident_list(world, overlap, seed)
        listed = listed_side(scheme, people)
        for role in roles:
            whole = tuple(name for name in seen_by(role, hub).groups if name == HOME or name.startswith("home "))
            match = match_structure(seen_by(role, hub), seen_by(role, listed), whole)
            yield judged(GRAPH if role == IN_HOMES else STRUCTURE, role, target, match, truth, overlap)


def judged(attack: str, method: str, target: str, match: Ints, truth: Ints, overlap: float | None) -> Figure:
    """Of the records whose person is on the list, how many were taken for the right one."""
    on_list = truth != NOBODY
    return Figure(
        attack=attack,
        method=method,
        target=target,
        grain=PERSON,
        hits=int((match[on_list] == truth[on_list]).sum()),
        of=int(on_list.sum()),
        named=int((match != NOBODY).sum()),
        by_guessing=1 / max(1, len(truth)),
        overlap=overlap,
        people=len(truth),
    )


def dictionaries(
    world: World, scheme: Scheme, keys: PartnerKeys, passes: list[PassRows], seed: int
) -> Iterator[Figure]:
    """Looking everybody up: without the key, with the leaked key, and with the key but no list."""
    listed, truth = resident_list(world, 1.0, seed)
    yield judged(DICTIONARY, "no key: bare hashes, guessed keys", OURS, without_key(scheme, passes, listed), truth, 1.0)
    found = hub_found_with(scheme, keys, passes, listed)
    yield judged(DICTIONARY, "leaked linkage key", OURS, found, truth, 1.0)
    rows = next(rows for rows in passes if rows.name == BIRTH_DATES)
    sample = np.random.default_rng(seed).permutation(len(rows.person))[:SAMPLE_WITH_KEY]
    tables = public_knowledge(world.elsewhere, scheme)
    read = read_with_key(scheme, keys, rows, sample, {field: tables[field].values for field in (FORENAME, SURNAME)})
    person = rows.person[sample]
    right = {
        BIRTH_DATE: read.born == world.hub.born[person],
        FULL_NAME: (read.forename == tables[FORENAME].truth(world.hub.forename)[person])
        & (read.surname == tables[SURNAME].truth(world.hub.surname)[person]),
    }
    for grain, hits in right.items():
        yield Figure(
            attack=DICTIONARY,
            method="leaked linkage key, no list: public names",
            target=OURS,
            grain=grain,
            hits=int(hits.sum()),
            of=len(sample),
            named=int((read.born != np.iinfo(np.int64).min).sum()),
            people=len(world.hub),
        )
