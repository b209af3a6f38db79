"""Persons to families, dated: who lives together, who belongs to whom, with reasons and stable ids. Pure.

No evidence of events, no rules of programmes, no store belongs here.
"""

from pipeline.families.form import form_families
from pipeline.families.household import Communal

__all__ = ["Communal", "form_families"]
