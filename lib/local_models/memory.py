"""The memory of this computer."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


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
