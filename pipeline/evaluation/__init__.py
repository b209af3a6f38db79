"""How good the night is, measured against a truth: persons, families, criteria. For made-up data and benchmarks only.

This is the one place that may hold both the hub's pseudonyms and partners' keys, so it runs on a demo or test
installation, never on a real hub.
"""

from pipeline.evaluation.measure import evaluate

__all__ = ["evaluate"]
