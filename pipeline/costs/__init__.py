"""What families cost whom in a year: unit costs × evidence, and services that work on the same need. Pure.

Frames in and out. The unit costs, their prices and what costs what are data (`schemas/costs/`); the reading of the
store belongs in `pipeline.casework`.
"""

from pipeline.costs.declared import CostModel, CostRule, Service, load_cost_model
from pipeline.costs.family_costs import COST_COLUMNS, family_costs, in_prices
from pipeline.costs.services import DUPLICATED_COLUMNS, duplicated_services
from pipeline.costs.unit_costs import UnitCost

__all__ = [
    "COST_COLUMNS",
    "DUPLICATED_COLUMNS",
    "CostModel",
    "CostRule",
    "Service",
    "UnitCost",
    "duplicated_services",
    "family_costs",
    "in_prices",
    "load_cost_model",
]
