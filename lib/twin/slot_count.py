"""Choose how many answers the engine writes at a time, by the computer's memory and cores."""

from __future__ import annotations

import os
from pathlib import Path

# Four at once get a fifth more tokens per second of processor time than two, and none of them waits.
MAX_SLOTS, MIN_SLOTS = 4, 2
# The contexts of all slots take at most this part of the memory: 755 MB for four of the shipped model's.
CONTEXT_SHARE = 16
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def choose_slots(cores: int, memory: int, context_bytes: int) -> int:
    """Return the number of slots. ``memory`` and one slot's ``context_bytes`` are 0 if they are unknown."""
    if cores < 2 or not memory or not context_bytes:
        return MIN_SLOTS
    return max(MIN_SLOTS, min(MAX_SLOTS, memory // CONTEXT_SHARE // context_bytes))


def read_memory(cgroup_limit: Path = _CGROUP_LIMIT) -> int:
    """Return the bytes of memory that this process may use, 0 if the system does not tell."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0
    try:
        return min(memory, int(cgroup_limit.read_text()))
    except (OSError, ValueError):
        # No container, or one without a limit ("max").
        return memory
