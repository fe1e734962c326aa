"""What keeps the process of a sync small and quick. As before once it ended, but for the arenas."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pyarrow as pa

_ALLOCATIONS = 50_000
"""So many objects are made between two searches for cycles. A page of records has as many."""
_ARENA_MAX = -8  # mallopt(3)
_ARENAS = 2


@contextmanager
def frugal() -> Iterator[None]:
    """Fewer searches for cycles, and memory that is free goes back to where others can have it.

    Records are many objects and never a cycle: looking for some cost a fifth of a sync. Arrow's
    own pool and an arena for each thread each kept about 30 MB that nobody used.
    """
    before, pool = gc.get_threshold(), pa.default_memory_pool()
    gc.set_threshold(max(before[0], _ALLOCATIONS) if before[0] else 0, *before[1:])
    pa.set_memory_pool(pa.system_memory_pool())
    with suppress(OSError, AttributeError, TypeError):  # only glibc has it
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)
    try:
        yield
    finally:
        pa.set_memory_pool(pool)
        gc.set_threshold(*before)
