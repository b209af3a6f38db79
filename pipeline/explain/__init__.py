"""Why two records are one person, or two: accounts of links, and how well the records of a night can be linked at all.

Levels of agreement, weights and counts; nothing of a person.
"""

from pipeline.explain.pair import explain_pair, explain_person

__all__ = ["explain_pair", "explain_person"]
