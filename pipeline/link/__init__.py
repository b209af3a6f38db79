"""Link the records of one person across partners, on encodings alone: block, compare, weigh, decide, cluster, identify.

Pure: frames in, frames out. Nobody's name, date of birth or identifier is ever here; only tokens and filters.
"""

from pipeline.link.block import Encodings
from pipeline.link.fit import Fitted
from pipeline.link.person import link_persons
from pipeline.link.state import LinkState

__all__ = ["Encodings", "Fitted", "LinkState", "link_persons"]
