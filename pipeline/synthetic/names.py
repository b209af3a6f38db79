"""Everybody's names: by naming culture, generation and sex, handed down as each culture does.

Frequencies fall off as Zipf's law with a shift (Mandelbrot), so that common names are common and tails are long.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pipeline.synthetic import names_british as british
from pipeline.synthetic import names_world as world
from pipeline.synthetic.declared import NOBODY, Bools, Chance, Declared, Floats, Ints, Texts, draw, happens
from pipeline.synthetic.people import CHILD, FEMALE, MALE, Households, People, _parts

CULTURES = (
    "british", "south_asian_muslim", "sikh_hindu", "west_african", "east_european", "chinese", "caribbean",
    "arabic_somali",
)  # fmt: skip
ERA_STARTS = (1950, 1980, 2000)
KEEPS = "chinese", "arabic_somali", "south_asian_muslim"  # cultures whose children do not double-barrel


def _zipf(words: list[str], exponent: float, shift: float) -> Floats:
    weights: Floats = np.power(np.arange(len(words)) + 1.0 + shift, -exponent)
    return weights


def _joined(beginnings: str, endings: str) -> list[str]:
    return [begin + end for begin in beginnings.split() for end in endings.split()]


def _pool(*parts: tuple[list[str], float, float, float]) -> tuple[Texts, Floats]:
    """Names and weights from parts (names, Zipf exponent, shift, share of the whole)."""
    words = np.array([word for part in parts for word in part[0]], dtype=object)
    weights = np.concatenate([w / w.sum() * share for names, e, s, share in parts for w in [_zipf(names, e, s)]])
    return words, weights


@lru_cache(maxsize=1)
def forename_pools() -> dict[tuple[str, int, int], tuple[Texts, Floats]]:
    """By culture, sex and era."""
    pools: dict[tuple[str, int, int], tuple[Texts, Floats]] = {}
    for era in range(4):
        for sex, letter in ((FEMALE, "F"), (MALE, "M")):
            own = british.FORENAMES[letter][era].split()
            others = [name for other in british.FORENAMES[letter] for name in other.split()]
            pools["british", sex, era] = _pool((own, 0.75, 6, 0.93), (others, 0.3, 50, 0.07))
            caribbean = (british.CARIBBEAN_F, british.CARIBBEAN_M)[sex].split()
            pools["caribbean", sex, era] = _pool((caribbean, 0.6, 5, 0.6), (own, 0.6, 8, 0.4))
            yoruba = _joined(world.YORUBA_BEGINNINGS, (world.YORUBA_F_ENDINGS, world.YORUBA_M_ENDINGS)[sex])
            african = (world.WEST_AFRICAN_F, world.WEST_AFRICAN_M)[sex].split()
            pools["west_african", sex, era] = _pool((african, 0.6, 5, 0.65), (yoruba, 0.2, 20, 0.35))
            syllables = (world.CHINESE_SYLLABLES_F, world.CHINESE_SYLLABLES_M)[sex].split()
            pairs = [f"{a} {b}" for a in syllables for b in syllables if a != b]
            english = (world.CHINESE_ENGLISH_F, world.CHINESE_ENGLISH_M)[sex].split()
            share = 0.6 if era == 3 else 0.25
            pools["chinese", sex, era] = _pool((pairs, 0.1, 20, 1 - share), (english, 0.5, 3, share))
            for culture, both in {
                "south_asian_muslim": (world.SOUTH_ASIAN_MUSLIM_F, world.SOUTH_ASIAN_MUSLIM_M),
                "sikh_hindu": (world.SIKH_HINDU_F, world.SIKH_HINDU_M),
                "east_european": (world.EAST_EUROPEAN_F, world.EAST_EUROPEAN_M),
                "arabic_somali": (world.ARABIC_F, world.ARABIC_M),
            }.items():
                pools[culture, sex, era] = _pool((both[sex].split(), 0.75, 4, 1.0))
    return pools


@lru_cache(maxsize=1)
def surname_pools() -> dict[str, tuple[Texts, Floats]]:
    common = british.SURNAMES.split()
    rare = [name for name in _joined(british.RARE_BEGINNINGS, british.RARE_ENDINGS) if name not in set(common)]
    yoruba = _joined(world.YORUBA_SURNAME_BEGINNINGS, world.YORUBA_SURNAME_ENDINGS)
    return {
        "british": _pool((common, 0.72, 12, 0.66), (rare, 0.25, 60, 0.34)),
        "caribbean": _pool((british.CARIBBEAN_SURNAMES.split(), 0.6, 8, 0.8), (common, 0.6, 12, 0.2)),
        "west_african": _pool((world.WEST_AFRICAN_SURNAMES.split(), 0.6, 8, 0.7), (yoruba, 0.2, 20, 0.3)),
        "south_asian_muslim": _pool((world.SOUTH_ASIAN_MUSLIM_SURNAMES.split(), 0.9, 2, 1.0)),
        "sikh_hindu": _pool((world.SIKH_HINDU_SURNAMES.split(), 0.9, 1.5, 1.0)),
        "east_european": _pool((world.EAST_EUROPEAN_SURNAMES.split(), 0.6, 5, 1.0)),
        "chinese": _pool((world.CHINESE_SURNAMES.split(), 0.7, 3, 1.0)),
        "arabic_somali": _pool((world.ARABIC_SURNAMES.split(), 0.8, 3, 1.0)),
    }


def choose_cultures(chance: Chance, declared: Declared, people: People, households: Households) -> None:
    """A naming culture per household, another for some second adults; children of both take either."""
    rng = chance.stage("cultures")
    names, weights = declared.weights("cultures.shares")
    order = np.array([CULTURES.index(name) for name in names])
    households.culture = order[draw(rng, weights, len(households))]
    people.culture = households.culture[people.household].copy()
    sharer_or_second = people.role == 2
    second = households.adults[:, 1]
    mixed = (second != NOBODY) & happens(rng, declared.share("cultures.mixed_couples"), len(households))
    for rows in (second[mixed], np.flatnonzero(sharer_or_second)):
        people.culture[rows] = order[draw(rng, weights, len(rows))]
    for parents in (people.father, people.mother):
        take = (parents != NOBODY) & happens(rng, 0.6 if parents is people.father else 0.4, len(people))
        take &= people.role == CHILD
        people.culture[take] = people.culture[parents[take]]


def name_everybody(chance: Chance, declared: Declared, people: People, households: Households) -> None:
    """Forenames, middle names, surnames, and the surname somebody had before."""
    _surnames(chance, declared, people)
    rng = chance.stage("forenames")
    people.forename = _forenames(rng, people)
    people.middle = _forenames(rng, people)
    people.middle[happens(rng, 0.35, len(people))] = None
    twin_like = _same_as_sibling(people)
    for _ in range(3):  # nobody gives two living children the same name; a few redraws suffice
        if not twin_like.any():
            break
        people.forename[twin_like] = _forenames(rng, people, np.flatnonzero(twin_like))
        twin_like = _same_as_sibling(people)
    _named_after_father(rng, declared, people)


def _named_after_father(rng: np.random.Generator, declared: Declared, people: People) -> None:
    share = declared.share("households.families.same_named_father_and_son")
    sons = np.flatnonzero((people.sex == MALE) & (people.father != NOBODY) & happens(rng, share, len(people)))
    _, once = np.unique(people.father[sons], return_index=True)
    sons = sons[once]
    people.forename[sons] = people.forename[people.father[sons]]
    again = _same_as_sibling(people)
    again[sons] = False
    people.forename[again] = _forenames(rng, people, np.flatnonzero(again))


def _same_as_sibling(people: People) -> Bools:
    """Children whose forename a nearby sibling of the same household has (the later of the two)."""
    same = np.zeros(len(people), dtype=bool)
    child = people.role == CHILD
    for step in range(1, 5):
        near = (people.household[step:] == people.household[:-step]) & child[step:] & child[:-step]
        same[step:] |= near & (people.forename[step:] == people.forename[:-step])
    return same


def _forenames(rng: np.random.Generator, people: People, rows: Ints | None = None) -> Texts:
    rows = np.arange(len(people)) if rows is None else rows
    era = np.searchsorted(np.array(ERA_STARTS), _parts(people.born[rows])[0], side="right")
    key = (people.culture[rows] * 2 + people.sex[rows]) * 4 + era
    found = np.empty(len(rows), dtype=object)
    for code in np.unique(key):
        here = np.flatnonzero(key == code)
        words, weights = forename_pools()[CULTURES[code // 8], int(code // 4 % 2), int(code % 4)]
        found[here] = words[draw(rng, weights, len(here))]
    return found


def _drawn_surnames(rng: np.random.Generator, culture: Ints) -> Texts:
    found = np.empty(len(culture), dtype=object)
    for code, name in enumerate(CULTURES):
        here = np.flatnonzero(culture == code)
        words, weights = surname_pools()[name]
        found[here] = words[draw(rng, weights, len(here))]
    return found


def _surnames(chance: Chance, declared: Declared, people: People) -> None:
    """Surnames by generation: grandparents, adults, then those whose parents have theirs."""
    rng = chance.stage("surnames")
    own = _drawn_surnames(rng, people.culture)
    people.surname = own.copy()
    people.old_surname = np.full(len(people), None, dtype=object)
    orphan = (people.mother == NOBODY) & (people.father == NOBODY)
    _inherit(rng, declared, people, np.flatnonzero(~orphan & (people.role != CHILD)))
    takes = np.array([declared.share(f"cultures.takes_husbands_name.{name}") for name in CULTURES])
    wives = np.flatnonzero((people.sex == FEMALE) & (people.partner != NOBODY) & (people.role != CHILD))
    wives = wives[people.sex[people.partner[wives]] == MALE]
    wives = wives[happens(rng, takes[people.culture[wives]], len(wives))]
    maiden = people.surname[wives].copy()
    people.surname[wives] = people.surname[people.partner[wives]]
    lately = happens(rng, declared.share("cultures.changed_surname_lately"), len(wives))
    people.old_surname[wives[lately]] = maiden[lately]
    _inherit(rng, declared, people, np.flatnonzero(people.role == CHILD))
    kinship = np.flatnonzero((people.carer != NOBODY) & orphan)
    people.surname[kinship] = people.surname[people.carer[kinship]]
    _brothers_and_sisters_agree(people)
    _parted_women(rng, declared, people)
    _womens_forms(rng, people)


def _inherit(rng: np.random.Generator, declared: Declared, people: People, rows: Ints) -> None:
    father, mother = people.father[rows], people.mother[rows]
    named_after_father = (father != NOBODY) & ((mother == NOBODY) | happens(rng, 0.9, len(rows)))
    mothers = ~named_after_father & (mother != NOBODY)
    double = named_after_father & (mother != NOBODY) & (people.surname[father] != people.surname[mother])
    double &= happens(rng, declared.share("cultures.double_barrelled_children"), len(rows))
    double &= ~np.isin(people.culture[rows], [CULTURES.index(name) for name in KEEPS])
    people.surname[rows[named_after_father]] = people.surname[father[named_after_father]]
    people.surname[rows[mothers]] = people.surname[mother[mothers]]
    chosen = np.flatnonzero(double)
    ends = [f"{people.surname[mother[i]].split('-')[-1]}-{people.surname[father[i]].split('-')[-1]}" for i in chosen]
    people.surname[rows[chosen]] = np.array(ends, dtype=object)


def _brothers_and_sisters_agree(people: People) -> None:
    """Children of the same household and parents have the surname of the first of them."""
    child = people.role == CHILD
    for _ in range(5):
        same = (people.household[1:] == people.household[:-1]) & child[1:] & child[:-1]
        same &= (people.father[1:] == people.father[:-1]) & (people.mother[1:] == people.mother[:-1])
        rows = np.flatnonzero(same) + 1
        people.surname[rows] = people.surname[rows - 1]


def _parted_women(rng: np.random.Generator, declared: Declared, people: People) -> None:
    """Mothers apart from the children's father: some bear his name still, some gave it back lately."""
    rows = np.flatnonzero((people.role == CHILD) & (people.father != NOBODY) & (people.mother != NOBODY))
    mother, father = people.mother[rows], people.father[rows]
    apart = (people.household[father] != people.household[mother]) & (people.partner[mother] == NOBODY)
    mother, first = np.unique(mother[apart], return_index=True)
    his = people.surname[father[apart][first]]
    status = rng.random(len(mother))
    bears, gave_back = status < 0.3, status > 1 - 2 * declared.share("cultures.changed_surname_lately")
    people.surname[mother[bears]] = his[bears]
    people.old_surname[mother[gave_back]] = his[gave_back]


def _womens_forms(rng: np.random.Generator, people: People) -> None:
    """Kaur beside Singh, -ska beside -ski; names of Muslim women that are neither father's nor husband's."""
    women = people.sex == FEMALE
    sikh = women & (people.surname == "Singh")
    people.surname[sikh] = "Kaur"
    slavic = np.flatnonzero(women & (people.culture == CULTURES.index("east_european")))
    slavic = slavic[happens(rng, 0.85, len(slavic))]
    people.surname[slavic] = np.array(
        [name[:-1] + "a" if name.endswith(("ski", "cki", "dzki")) else name for name in people.surname[slavic]],
        dtype=object,
    )
    muslim = np.flatnonzero(women & (people.culture == CULTURES.index("south_asian_muslim")))
    muslim = muslim[happens(rng, 0.45, len(muslim))]
    theirs = np.array(world.SOUTH_ASIAN_MUSLIM_WOMENS.split(), dtype=object)
    people.surname[muslim] = theirs[draw(rng, _zipf(list(theirs), 0.8, 0.5), len(muslim))]
