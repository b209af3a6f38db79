"""Doubt: what homes and relatives say of links, and which flags would be otherwise if a doubtful link were. Pure.

Frames in, frames out; no store, no clock belongs here.
"""

from pipeline.doubt.flags import FlagDoubt, flag_doubt
from pipeline.doubt.together import reason_together

__all__ = ["FlagDoubt", "flag_doubt", "reason_together"]
