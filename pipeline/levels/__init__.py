"""Levels of agreement between two encoded records: what kit and hub share, so that both mean the same by them.

The partner's kit measures with these how often random people agree; the hub compares candidate pairs with the same
functions. Zero is *missing* in names (no bit set) and in date parts (three zeros), -1 in codes. Only arrays go in and
out: no frames, no probabilities, no decisions here.
"""

from pipeline.levels.compared import (
    Comparable,
    History,
    any_equal,
    comparison_levels,
    count_levels,
    equal,
)
from pipeline.levels.declared import code_level_masks, date_level_table, history_level, most_bits, name_level_table
from pipeline.levels.kernels import (
    DATE_PARTS,
    MISSING,
    Codes,
    DateParts,
    Index,
    Levels,
    Names,
    code_levels,
    date_levels,
    differing,
    held_names,
)
from pipeline.levels.packed import unpack_date_parts, unpack_names, unpack_words

__all__ = [
    "DATE_PARTS",
    "MISSING",
    "Codes",
    "Comparable",
    "DateParts",
    "History",
    "Index",
    "Levels",
    "Names",
    "any_equal",
    "code_level_masks",
    "code_levels",
    "comparison_levels",
    "count_levels",
    "date_level_table",
    "date_levels",
    "differing",
    "equal",
    "held_names",
    "history_level",
    "most_bits",
    "name_level_table",
    "unpack_date_parts",
    "unpack_names",
    "unpack_words",
]
