"""Does the programme work: effects beside what would have happened anyway, money given back, and families found beside
estimates. All modules are pure (frames in and out) but `live`, which reads and writes the live database.
"""

from pipeline.impact.assignment import drawn_at_random, read_assignment
from pipeline.impact.declared import Impact, load_impact
from pipeline.impact.evaluate import Evaluation, Material, evaluate_programme
from pipeline.impact.money import ProgrammeCosts, read_programme_costs

__all__ = [
    "Evaluation", "Impact", "Material", "ProgrammeCosts", "drawn_at_random", "evaluate_programme", "load_impact",
    "read_assignment", "read_programme_costs",
]  # fmt: skip
