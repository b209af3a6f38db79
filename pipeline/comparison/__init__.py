"""Definitions compared on the live database: read under the evaluating role, nothing published.

How results are compared is in `pipeline.criteria.compare`; here they are read, evaluated and drawn.
"""

from pipeline.comparison.live import Live, read_live
from pipeline.comparison.packs import compare_packs, what_if

__all__ = ["Live", "compare_packs", "read_live", "what_if"]
