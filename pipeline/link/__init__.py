"""Link the records of one person across partners, on encodings alone: block, compare, weigh, decide, cluster, identify.

Pure: frames in, frames out. Nobody's name, date of birth or identifier is ever here; only tokens and filters.
"""

from pipeline.link.block import Encodings
from pipeline.link.person import link_persons

__all__ = ["Encodings", "link_persons"]
