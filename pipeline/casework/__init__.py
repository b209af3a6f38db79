"""What a council does with the flags: cases and their life, one prioritised list, costs, progress, claims.

`life`, `priority`, `follow`, `declared` and `night` are pure: what stands on file and tonight's frames in, what is new
out. `reading`, `register`, `moves` and `claiming` are the thin part that reads and writes the store.
"""

from pipeline.casework.declared import Declared, load_declared
from pipeline.casework.night import Facts, Night, Standing, work_out
from pipeline.casework.reading import read_standing
from pipeline.casework.register import numbered, record

__all__ = [
    "Declared",
    "Facts",
    "Night",
    "Standing",
    "load_declared",
    "numbered",
    "read_standing",
    "record",
    "work_out",
]
