"""Persons to families, dated: who lives together, who belongs to whom, with reasons and stable ids. Pure.

Also what families say of doubtful links between records. No evidence of events, no rules of programmes, no store
belongs here.
"""

from pipeline.families.form import form_families
from pipeline.families.household import Communal
from pipeline.families.joint import Context, contradicted, joint
from pipeline.families.periods import with_periods
from pipeline.families.persons import by_person, persons_frame
from pipeline.families.rejoin import rejoin

__all__ = [
    "Communal", "Context", "by_person", "contradicted", "form_families", "joint", "persons_frame", "rejoin",
    "with_periods",
]  # fmt: skip
