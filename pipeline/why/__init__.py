"""Why a family is on the list, or is not: rules, evidence, links, delivered lines, agreements, the run and the log."""

from pipeline.why.account import Answer
from pipeline.why.explain import Explainer, explainer
from pipeline.why.minimal import Support, support_of

__all__ = ["Answer", "Explainer", "Support", "explainer", "support_of"]
