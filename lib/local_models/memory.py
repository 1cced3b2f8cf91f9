"""The memory of this computer: all of it, and what is free now."""

from __future__ import annotations

import os
import re
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_CGROUP_LIMIT = _CGROUP / "memory.max"
_MEMINFO = Path("/proc/meminfo")
# Where the system does not tell what is free, this part of the memory counts as free.
_USABLE_SHARE = 0.6


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


def read_free_memory(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int | None:
    """Return the bytes of memory that are free now, None if the system does not tell.

    Files that are cached, or mapped like a model's weights, count as free: the system takes their memory back.
    """
    available = re.search(r"^MemAvailable:\s+(\d+) kB$", _read(meminfo), re.MULTILINE)
    if available is None:
        return None
    free = int(available[1]) * 1024
    limit, used = _read(cgroup / "memory.max").strip(), _read(cgroup / "memory.current").strip()
    if not limit.isdigit() or not used.isdigit():
        return free
    cached = re.search(r"^inactive_file (\d+)$", _read(cgroup / "memory.stat"), re.MULTILINE)
    return min(free, max(0, int(limit) - int(used) + (int(cached[1]) if cached else 0)))


def estimate_free_memory(used: int = 0) -> int | None:
    """Return the bytes that are free now; without the system's word, a share of the memory less what is ``used``.

    None if the system tells nothing at all.
    """
    if (free := read_free_memory()) is not None:
        return free
    return max(0, int(memory * _USABLE_SHARE) - used) if (memory := read_memory()) else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
