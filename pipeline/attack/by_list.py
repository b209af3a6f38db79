"""Attacks with a clear resident list: similarity graphs (c), structure (d), and dictionaries (e)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.attack.dictionary import UNREAD, hub_found_with, initials_pass, read_with_key, without_key
from pipeline.attack.figures import (
    BIRTH_DATE,
    DICTIONARY,
    FORENAME,
    FULL_NAME,
    GRAPH,
    OURS,
    PLAIN,
    RECORD_LEVEL,
    STRUCTURE,
    SURNAME,
    Figure,
)
from pipeline.attack.filters import plain_filters, record_filters, unpacked
from pipeline.attack.graph import match_graphs
from pipeline.attack.judge import judged
from pipeline.attack.names import public_knowledge
from pipeline.attack.ours import NAMES, PassRows, hub_rows, hub_tokens, made_up_keys
from pipeline.attack.own_names import likeness_in_clear, likeness_seen, match_homes
from pipeline.attack.roles import HOME, LINKER_ALL, LINKER_BLOCKS, ROLES, home_labels, hub_side, listed_side, seen_by
from pipeline.attack.structure import match_structure
from pipeline.attack.world import OVERLAPS, Bools, Residents, World, resident_list
from pipeline.contracts import Encoding
from pipeline.partner.keys import PartnerKeys

SECRET, ANY = b"the partners' secret", b"whatever the attacker likes"
ATTACKERS_KEYS = 4242
SAMPLE_WITH_KEY = 100
OWN_NAMES = "homes by the likeness of their people's own names"
BESIDE_TOKENS = "blocks, equal names and dates in them, beside tokens"


def graphs(world: World, encoding: Encoding, keys: PartnerKeys, seed: int) -> Iterator[Figure]:
    """The graph of the whole population, on all three targets, at every overlap."""
    hub = {
        PLAIN: _plain(world.hub, SECRET),
        RECORD_LEVEL: _record(world.hub, SECRET),
        OURS: _ours(encoding, keys, world.hub),
    }
    for overlap in OVERLAPS:
        listed, truth = resident_list(world, overlap, seed)
        mine = {
            PLAIN: _plain(listed, ANY),
            RECORD_LEVEL: _record(listed, ANY),
            OURS: _ours(encoding, made_up_keys(ATTACKERS_KEYS), listed),
        }
        for target, filters in hub.items():
            match = match_graphs(filters, mine[target])
            yield judged(GRAPH, "graph of the population", target, match, truth, overlap)


def _plain(people: Residents, key: bytes) -> list[Bools]:
    return [filters.bits[filters.codes] for filters in plain_filters(people, key).values()]


def _record(people: Residents, key: bytes) -> list[Bools]:
    filters = record_filters(people, key)
    return [filters.bits[filters.codes]]


def _ours(encoding: Encoding, keys: PartnerKeys, people: Residents) -> list[Bools]:
    """Encodings of the first pass in which everybody stands once, in the order of the people."""
    rows = next(rows for rows in hub_rows(encoding, keys, people) if len(rows.person) == len(people))
    order = np.argsort(rows.person, kind="stable")
    return [unpacked(rows.names[name][order]) for name in NAMES]


def structures(
    world: World,
    encoding: Encoding,
    keys: PartnerKeys,
    passes: list[PassRows],
    seed: int,
    overlaps: tuple[float, ...] = OVERLAPS,
) -> Iterator[Figure]:
    """What tokens and blocks alone tell, by role (d); and what encodings tell beyond them (c), for which the same
    attack without encodings counts as guessing."""
    hub = hub_side(encoding, passes, hub_tokens(encoding, keys, world.hub), world.hub)
    labels, likeness = home_labels(hub), likeness_seen(passes, len(world.hub))
    for overlap in overlaps:
        people, truth = resident_list(world, overlap, seed)
        listed = listed_side(encoding, people)
        by_tokens = 0.0
        for role in (*ROLES, LINKER_ALL):
            whole = tuple(name for name in seen_by(role, hub).groups if name == HOME)
            match = match_structure(seen_by(role, hub), seen_by(role, listed), whole)
            figure = judged(STRUCTURE, role, OURS, match, truth, overlap)
            if role == LINKER_BLOCKS:
                by_tokens = figure.share
            if role == LINKER_ALL:
                figure = judged(GRAPH, BESIDE_TOKENS, OURS, match, truth, overlap, by_tokens)
            yield figure
        theirs = home_labels(listed), likeness_in_clear(encoding, people)
        matches = [
            match_homes((hub.groups[HOME], labels, mine), (listed.groups[HOME], theirs[0], other))
            for mine, other in ((np.zeros(len(labels)), np.zeros(len(people))), (likeness, theirs[1]))
        ]
        without = judged(STRUCTURE, "linker: homes by sex and blocks shared", OURS, matches[0], truth, overlap)
        yield without
        yield judged(GRAPH, OWN_NAMES, OURS, matches[1], truth, overlap, without.share)


def dictionaries(
    world: World, encoding: Encoding, keys: PartnerKeys, passes: list[PassRows], seed: int
) -> Iterator[Figure]:
    """Looking everybody up: without the key, with the leaked key, and with the key but no list."""
    listed, truth = resident_list(world, 1.0, seed)
    bare = without_key(encoding, passes, listed)
    yield judged(DICTIONARY, "no key: bare hashes, guessed keys", OURS, bare, truth, 1.0)
    found = hub_found_with(encoding, keys, passes, listed)
    yield judged(DICTIONARY, "leaked linkage key", OURS, found, truth, 1.0)
    tried = initials_pass(encoding)
    if tried is None:
        return
    rows = next(rows for rows in passes if rows.name == tried.name)
    sample = np.random.default_rng(seed).permutation(len(rows.person))[:SAMPLE_WITH_KEY]
    tables = public_knowledge(world.elsewhere)
    months = world.hub.month[rows.person[sample]]
    read = read_with_key(encoding, keys, rows, sample, months, {field: tables[field].values for field in NAMES})
    person = rows.person[sample]
    right = {
        BIRTH_DATE: read.born == world.hub.born[person],
        FULL_NAME: (read.names[FORENAME] == tables[FORENAME].truth(world.hub.forename)[person])
        & (read.names[SURNAME] == tables[SURNAME].truth(world.hub.surname)[person]),
    }
    for grain, hits in right.items():
        yield Figure(
            attack=DICTIONARY,
            method="leaked linkage key, no list: public names",
            target=OURS,
            grain=grain,
            hits=int(hits.sum()),
            of=len(sample),
            named=int((read.born != UNREAD).sum()),
            people=len(world.hub),
        )
