"""Levels of agreement between two encoded records: what kit and hub share, so that both mean the same by them.

The partner's kit measures with these how often random people agree; the hub compares candidate pairs with the same
functions. Zero is *missing* in filters (no bit set) and in date parts (three zeros), -1 in codes. Only arrays go in and
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
from pipeline.levels.declared import code_level_masks, date_level_table, history_level, name_thresholds
from pipeline.levels.kernels import (
    DATE_PARTS,
    MISSING,
    Codes,
    DateParts,
    Filters,
    Index,
    Levels,
    code_levels,
    date_levels,
    dice,
    exchanged,
    name_levels,
)
from pipeline.levels.packed import unpack_date_parts, unpack_filters, unpack_words

__all__ = [
    "DATE_PARTS",
    "MISSING",
    "Codes",
    "Comparable",
    "DateParts",
    "Filters",
    "History",
    "Index",
    "Levels",
    "any_equal",
    "code_level_masks",
    "code_levels",
    "comparison_levels",
    "count_levels",
    "date_level_table",
    "date_levels",
    "dice",
    "equal",
    "exchanged",
    "history_level",
    "name_levels",
    "name_thresholds",
    "unpack_date_parts",
    "unpack_filters",
    "unpack_words",
]
