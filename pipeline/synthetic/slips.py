"""How names and dates go wrong when people write them down: small functions on one value, and where they strike.

Kinds of error after Christen's and Damerau's classifications: keyboard neighbours, transpositions, sounds, optical
recognition, nicknames, initials, exchanged fields, truncation.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pipeline.synthetic.declared import Bools, Declared, Ints, Texts, draw, happens
from pipeline.synthetic.names_british import NICKNAMES

KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
SOUNDS = (
    ("ph", "f"), ("ck", "k"), ("ee", "ea"), ("ie", "y"), ("ou", "u"), ("th", "t"), ("ll", "l"), ("ss", "s"),
    ("tt", "t"), ("nn", "n"), ("y", "i"), ("c", "k"), ("z", "s"), ("ey", "y"), ("ai", "ay"), ("oo", "u"),
    ("kh", "k"), ("sh", "s"), ("aa", "a"), ("ei", "ie"), ("e", "a"), ("o", "u"),
)  # fmt: skip
OCR = (("rn", "m"), ("m", "rn"), ("l", "1"), ("cl", "d"), ("d", "cl"), ("w", "vv"), ("o", "0"), ("i", "l"), ("h", "b"))


@lru_cache(maxsize=1)
def _neighbours() -> dict[str, str]:
    near: dict[str, str] = {}
    for row, keys in enumerate(KEYBOARD):
        for place, key in enumerate(keys):
            around = keys[max(place - 1, 0) : place] + keys[place + 1 : place + 2]
            around += "".join(
                other[place : place + 1] for other in KEYBOARD[max(row - 1, 0) : row + 2] if other != keys
            )
            near[key] = around
    return near


@lru_cache(maxsize=1)
def nicknames() -> dict[str, list[str]]:
    known: dict[str, list[str]] = {}
    for pair in NICKNAMES.split():
        full, short = pair.split(":")
        known.setdefault(full, []).append(short)
        known.setdefault(short, []).append(full)
    return known


def keyboard(name: str, dice: float) -> str:
    """A key beside the right one, two letters exchanged, one left out or doubled."""
    if len(name) < 3:
        return name + name[-1:]
    place = 1 + int(dice * 7919) % (len(name) - 1)
    letter, how = name[place], int(dice * 104729) % 4
    if how == 0 and letter.lower() in _neighbours():
        near = _neighbours()[letter.lower()]
        return name[:place] + near[int(dice * 1299709) % len(near)] + name[place + 1 :]
    if how == 1 and place + 1 < len(name) and name[place] != name[place + 1]:
        return name[:place] + name[place + 1] + letter + name[place + 2 :]
    if how == 2:
        return name[:place] + letter + name[place:]
    return name[:place] + name[place + 1 :]


def _replaced(name: str, dice: float, table: tuple[tuple[str, str], ...]) -> str:
    lower = name.lower()
    fitting = [(old, new) for old, new in table if old in lower[1:]]
    if not fitting:
        return keyboard(name, dice)
    old, new = fitting[int(dice * 7919) % len(fitting)]
    place = lower.index(old, 1)
    return name[:place] + new + name[place + len(old) :]


def phonetic(name: str, dice: float) -> str:
    return _replaced(name, dice, SOUNDS)


def ocr(name: str, dice: float) -> str:
    return _replaced(name, dice, OCR)


def nickname(name: str, dice: float) -> str:
    """What the person is called; a spelling by sound where there is no other name for them."""
    found = nicknames().get(name)
    return found[int(dice * 7919) % len(found)] if found else phonetic(name, dice)


def initial(name: str, dice: float) -> str:
    return name[0]


def truncated(name: str, dice: float) -> str:
    """One half of a double name; else the name cut short, as by a narrow field."""
    for mark in ("-", " "):
        if mark in name:
            return name.split(mark)[0 if dice < 0.5 else -1]
    return name[: max(4, len(name) - 3)] if len(name) > 5 else keyboard(name, dice)


SLIPS = {f.__name__: f for f in (keyboard, phonetic, ocr, nickname, initial, truncated)}


def slip_names(
    rng: np.random.Generator, declared: Declared, partner: str, forename: Texts, surname: Texts
) -> tuple[Texts, Texts]:
    """Both names with the partner's share of errors in them."""
    forename, surname = forename.copy(), surname.copy()
    swapped = np.zeros(len(forename), dtype=bool)
    for field, values in (("forename", forename), ("surname", surname)):
        rows = np.flatnonzero(happens(rng, declared.share(f"partners.{partner}.errors.{field}"), len(values)))
        kinds, weights = declared.weights(f"recording.{field}_errors")
        chosen = draw(rng, weights, len(rows))
        dice = rng.random(len(rows))
        for row, kind, throw in zip(rows.tolist(), chosen.tolist(), dice.tolist(), strict=True):
            if kinds[kind] == "swapped_with_surname":
                swapped[row] = True
            else:
                values[row] = SLIPS[kinds[kind]](values[row], throw)
    forename[swapped], surname[swapped] = surname[swapped], forename[swapped].copy()
    return forename, surname


def slip_dates(rng: np.random.Generator, declared: Declared, partner: str, born: Ints) -> Ints:
    """Birth days with the partner's share of errors: day and month exchanged, wrong day, month or year."""
    born = born.copy()
    rows = np.flatnonzero(happens(rng, declared.share(f"partners.{partner}.errors.date_of_birth"), len(born)))
    kinds, weights = declared.weights("recording.date_errors")
    chosen = np.array(kinds, dtype=object)[draw(rng, weights, len(rows))]
    dates = born[rows].astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    number = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    month = months.astype(np.int64) % 12 + 1
    january = months.astype(np.int64) // 12 * 12
    wrong_year = born[rows] + np.where(happens(rng, 0.5, len(rows)), 365, -365)
    wrong_day = months.astype("datetime64[D]").astype(np.int64) + rng.integers(0, 28, len(rows))
    wrong_month = born[rows] + np.where(happens(rng, 0.5, len(rows)), 30, -31)
    exchange = number <= 12
    exchanged = (
        (january + np.minimum(number, 12) - 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        + month
        - 1
    )
    exchanged = np.where(exchange & (number != month), exchanged, wrong_day)
    for kind, wrong in (
        ("day_month", exchanged), ("wrong_year", wrong_year), ("wrong_day", wrong_day), ("wrong_month", wrong_month),
    ):  # fmt: skip
        here = chosen == kind
        born[rows[here]] = wrong[here]
    return born


def blemish(rng: np.random.Generator, declared: Declared, partner: str, values: Texts, upper: Bools) -> Texts:
    """Case, stray spaces and respelt double names: harmless to who normalises, and in every real file."""
    share = declared.share
    values = values.copy()
    loud = upper & (values != None)  # noqa: E711 - element by element
    values[loud] = [value.upper() for value in values[loud]]
    quiet = ~upper & (values != None) & happens(rng, share(f"partners.{partner}.blemishes.lower"), len(values))  # noqa: E711
    values[quiet] = [value.lower() for value in values[quiet]]
    for row in np.flatnonzero(happens(rng, share(f"partners.{partner}.blemishes.spaces"), len(values))):
        value = values[row]
        if value:
            way = int(row) % 3
            values[row] = (f" {value}", f"{value} ", value.replace(" ", "  ").replace("-", " - "))[way]
    return values
