"""From dated evidence to criteria met, not met or unknown, and the families a pack selects. Pure: frames in and out.

No store, no clock, no forming of families belongs here; the rules themselves are data (`schemas/criteria/`).
"""

from pipeline.criteria.evaluate import evaluate
from pipeline.criteria.load import load_pack
from pipeline.criteria.packs import Criterion, Pack, Route, Rule, Selection, Window
from pipeline.criteria.terms import Term, TermCalendar, load_terms

__all__ = [
    "Criterion", "Pack", "Route", "Rule", "Selection", "Term", "TermCalendar", "Window", "evaluate", "load_pack",
    "load_terms",
]  # fmt: skip
