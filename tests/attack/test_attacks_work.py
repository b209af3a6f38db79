"""An attack that breaks nothing is no test: each must break what it can break, far above guessing."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.attack import by_list, by_name, on_published
from pipeline.attack.decode import read_values
from pipeline.attack.figures import (
    FORENAME,
    FREQUENCY,
    FULL_NAME,
    GRAPH,
    KNOWN,
    LIMIT,
    PATTERNS,
    PLAIN,
    STRUCTURE,
    Figure,
)
from pipeline.attack.filters import plain_filters, record_filters
from pipeline.attack.graph import match_graphs
from pipeline.attack.initials import Crowd, joined, kinds_of, likeliest_names, names_by_initials
from pipeline.attack.names import NameTable, public_knowledge
from pipeline.attack.ours import INITIAL, SOUND, PassRows, block_classes, gram_sets, made_up_keys
from pipeline.attack.own_names import match_homes
from pipeline.attack.patterns import contained, mine_patterns
from pipeline.attack.roles import BOTH, EVALUATOR, LINKER_ADDRESSES
from pipeline.attack.world import NOBODY, World, resident_list
from pipeline.contracts import Encoding


def pick(figures: list[Figure], **wanted: object) -> Figure:
    found = [figure for figure in figures if all(getattr(figure, name) == value for name, value in wanted.items())]
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="module")
def tables(world: World) -> dict[str, NameTable]:
    return public_knowledge(world.elsewhere)


@pytest.fixture(scope="module")
def counted(world: World, encoding: Encoding, passes: list[PassRows], tables: dict[str, NameTable]) -> list[Figure]:
    return list(by_name.frequency_on_ours(world.hub, encoding, passes, tables))


@pytest.fixture(scope="module")
def structures(world: World, encoding: Encoding, passes: list[PassRows]) -> list[Figure]:
    return list(by_list.structures(world, encoding, made_up_keys(7), passes, 7, overlaps=(1.0,)))


def test_counting_plain_filters_names_far_more_than_guessing(world: World) -> None:
    plain, record = plain_filters(world.hub, b"secret"), record_filters(world.hub, b"secret")
    figures = list(on_published.frequency_on_published(world, plain, record))
    figure = pick(figures, target=PLAIN, grain=FORENAME, method="counts by sex and decade, length")
    assert figure.interval[0] > 0.08
    assert figure.gained > 0.05


def test_counting_ours_gives_guessing(counted: list[Figure]) -> None:
    assert len({figure.method for figure in counted}) == 5
    for figure in counted:
        assert figure.attack == FREQUENCY
        low, _ = figure.interval
        assert low - figure.by_guessing < LIMIT
        if figure.grain == FULL_NAME:
            assert figure.gained < LIMIT


def test_groups_of_one_initial_are_told_where_blocks_are_large(
    world: World, encoding: Encoding, tables: dict[str, NameTable]
) -> None:
    """What blocks by an initial would give away in a large place: here everybody of one initial stands together."""
    table = tables[FORENAME]
    kinds, sounds = (
        kinds_of(table, block_classes(encoding, FORENAME, rule, table.values)) for rule in (INITIAL, SOUND)
    )
    truth = table.truth(world.hub.forename)
    known = truth >= 0
    groups = np.where(known, kinds.of_name[truth], -1)
    crowd = Crowd.of(world.hub, np.full(len(truth), NOBODY))
    classes = joined([np.arange(len(truth)), groups], len(truth))
    read = names_by_initials(classes, [], crowd, kinds, sounds, table)
    assert (kinds.of_name[read] == groups)[known].mean() > 0.5
    by_sound = joined([np.arange(len(truth)), np.where(known, sounds.of_name[truth], -1)], len(truth))
    read = likeliest_names(by_sound, crowd, sounds, table)
    assert (read == truth)[known].mean() > (table.guess(world.hub.generation) == truth)[known].mean() + 0.03


def test_pattern_mining_reads_plain_filters(world: World, tables: dict[str, NameTable]) -> None:
    """One field, which is enough: whole-record filters need thousands of people (`wholefamily attack --quick`)."""
    table = tables[FORENAME]
    filters = plain_filters(world.hub, b"secret")[FORENAME]
    has = contained(filters.bits, mine_patterns(filters.bits, pairs=6_000))
    read = read_values(has, filters.weight, filters.counts, on_published.published_field(table))
    assert (read[filters.codes, 0] == table.truth(world.hub.forename)).mean() > 0.21


def test_blocks_are_read_where_the_others_are_known_and_not_otherwise(
    world: World, encoding: Encoding, passes: list[PassRows], tables: dict[str, NameTable]
) -> None:
    figures = list(by_name.patterns_on_ours(world.hub, encoding, passes, tables, 7, mine=False))
    for figure in figures:
        if figure.attack == PATTERNS:
            assert figure.interval[0] - figure.by_guessing < LIMIT
    known = pick(figures, attack=KNOWN, method="all others of the block known, of records not alone", grain=FORENAME)
    assert known.share > 0.3  # the attack works: in a home of equal names one opens the other


@pytest.mark.parametrize("overlap", [1.0, 0.5])
def test_the_similarity_graph_gives_plain_filters_away_and_not_ours(
    world: World, encoding: Encoding, overlap: float
) -> None:
    listed, truth = resident_list(world, overlap, 7)
    on_list = truth != NOBODY
    plain = match_graphs(by_list._plain(world.hub, b"secret"), by_list._plain(listed, b"any"))
    assert (plain == truth)[on_list].mean() > 0.9
    ours = match_graphs(
        by_list._ours(encoding, made_up_keys(7), world.hub), by_list._ours(encoding, made_up_keys(8), listed)
    )
    assert (ours == truth)[on_list].mean() < LIMIT


def test_belonging_together_gives_most_away_to_both_roles_and_least_to_addresses(structures: list[Figure]) -> None:
    share = {figure.method: figure.share for figure in structures if figure.attack == STRUCTURE}
    assert share[BOTH] > 0.9
    assert share[EVALUATOR] > 0.8
    assert share[LINKER_ADDRESSES] < share[EVALUATOR] <= share[BOTH]


def test_equal_names_and_dates_inside_blocks_add_little_to_tokens(structures: list[Figure]) -> None:
    figure = pick(structures, attack=GRAPH, method=by_list.BESIDE_TOKENS)
    low, _ = figure.interval
    assert low - figure.by_guessing < LIMIT


def test_a_records_own_two_names_tell_nothing_beyond_tokens(structures: list[Figure]) -> None:
    """Forename and surname stand under unrelated vectors; the attack itself works (see below)."""
    figure = pick(structures, attack=GRAPH, method=by_list.OWN_NAMES)
    assert not figure.over_limit


def test_homes_are_found_by_a_number_that_each_of_their_people_has() -> None:
    home = np.repeat(np.arange(200), 3)
    label = np.tile([0, 1, 1], 200)
    likeness = np.random.default_rng(5).random(600)
    order = np.random.default_rng(6).permutation(600)
    noisy = likeness + np.random.default_rng(7).normal(0, 0.01, 600)
    match = match_homes((home, label, noisy), (home[order], label[order], likeness[order]))
    assert (order[match] == np.arange(600)).mean() > 0.9


def test_a_dictionary_needs_the_key(world: World, encoding: Encoding, passes: list[PassRows]) -> None:
    figures = list(by_list.dictionaries(world, encoding, made_up_keys(7), passes, 7))
    without = pick(figures, method="no key: bare hashes, guessed keys")
    assert (without.hits, without.named) == (0, 0)
    assert pick(figures, method="leaked linkage key").share > 0.99
    assert pick(figures, method="leaked linkage key, no list: public names", grain=FULL_NAME).share > 0.8


def test_one_encoding_alone_shows_no_length(world: World, encoding: Encoding, passes: list[PassRows]) -> None:
    """As many ones at each of the 512 places, for names of few and of many grams, odd or even."""
    length = np.array([len(own) for own in gram_sets(encoding, FORENAME, world.hub.forename.values)])
    for chosen in (length % 2 == 0, length % 2 == 1, length <= 6, length > 8):
        seen = [
            np.unpackbits(rows.names[FORENAME], axis=1)[chosen[world.hub.forename.codes[rows.person]]]
            for rows in passes
        ]
        bits = np.concatenate(seen)
        error = np.sqrt(0.25 / len(bits))
        assert np.abs(bits.mean(axis=0) - 0.5).max() < 6 * error
