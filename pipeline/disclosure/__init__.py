"""Disclosure control: what may leave the hub, so that nobody can work out a few families from it. Pure.

One module for every table that leaves: small counts, dominance, secondary suppression, rounding, differencing against
what was released before, and anonymity of rows. Nothing here reads or writes; `pipeline.release` does.
"""

from pipeline.disclosure.declared import Control, Disclosure, RowsRule, TableRule, load_control, load_disclosure
from pipeline.disclosure.protect import UnprotectableError
from pipeline.disclosure.regions import Dimension, key_of, region_of
from pipeline.disclosure.releasing import HELD, HIDDEN, SHOWN, Earlier, Released, as_earlier
from pipeline.disclosure.tables import Table, amount_table, count_figures, count_table, dimensions_of

__all__ = [
    "HELD", "HIDDEN", "SHOWN", "Control", "Dimension", "Disclosure", "Earlier", "Released", "RowsRule", "Table",
    "TableRule", "UnprotectableError", "amount_table", "as_earlier", "count_figures", "count_table",
    "dimensions_of", "key_of", "load_control", "load_disclosure", "region_of",
]  # fmt: skip
