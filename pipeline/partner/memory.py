"""Memory that is given back: what a piece of an extract took is free for the next, and does not pile up.

The allocators that are there by default keep what was freed, in case it is wanted again, and a long run in pieces then
holds twice what it uses. To be called once, by a command that pseudonymises, before it imports what does the work.
"""

from __future__ import annotations

import ctypes
import os
import sys

# Of mallopt(3), GNU libc. A fixed threshold keeps the library from raising it to 32 MB as larger pieces are freed.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE = 1 << 17  # bytes: from here on an array is memory of its own, and given back when it is freed
_ARENAS = 2


def give_back_memory() -> None:
    """Have large arrays given back to the system as soon as they are freed; nothing where the work's library is loaded
    already, since then the process is not this command's alone."""
    if "pyarrow" in sys.modules:
        return
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # read when the library is first imported
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # not in every C library
        if mallopt is not None:
            for option, value in ((_MMAP_THRESHOLD, _LARGE), (_TRIM_THRESHOLD, _LARGE), (_ARENA_MAX, _ARENAS)):
                mallopt(option, value)
