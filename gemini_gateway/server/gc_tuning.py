"""Settings of the garbage collector and the allocator for a server that runs for weeks.

The objects of the start (modules, settings, models: some 400,000) never become garbage. `gc.freeze` excludes them from
full collections, which would stop all streams for a tenth of a second. An exchange leaves nearly no cycles, so young
objects are collected every 10,000 allocations instead of every 700: reference counts have freed nearly all of them by
then. The default setting costs about 6 % of a small request.

glibc returns a block to the system at once if the block was mapped separately. Its threshold for mapping starts at 128
KiB and grows with each large block that is freed, up to 32 MiB: after a few images all bodies come from the heap, and
the holes in the heap stay. A fixed threshold avoids that (48 requests of 10 MB left 700 MB, now 10).
"""

import ctypes
import gc
from contextlib import suppress
from typing import Final

THRESHOLDS: Final = (10_000, 20, 20)
MAPPED_FROM: Final = 256 * 1024  # bytes of one block
_M_MMAP_THRESHOLD: Final = -3  # malloc.h


def tune() -> None:
    """Collect once, freeze the remaining objects, collect more rarely, and fix the mapping threshold of glibc.

    Call it when everything is loaded.
    """
    with suppress(AttributeError, OSError):  # other C libraries have no such setting
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
