"""Names for processes, so that a process that was killed is recognised by another one on the same machine."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")
_ENDED_STATES = "ZX"  # a zombie has ended, but its parent has not asked for its exit status yet


def name_this_process() -> str:
    """Return “machine, PID and start”: boot id and PID namespace, PID, clock ticks from boot to start.

    Only Linux has all of these; elsewhere the name is empty. Containers share the boot id, not the namespace. The
    start tells the process from a later one with the same PID.
    """
    try:
        machine = _machine()
        state_and_start = _read_state_and_start(os.getpid())
    except OSError:
        return ""
    return "" if state_and_start is None else f"{machine} {os.getpid()} {state_and_start[1]}"


def has_ended(name: str) -> bool:
    """Return True if the process of that name certainly runs no more; False if that cannot be seen from here."""
    machine, _, process = name.rpartition(" ")[0].rpartition(" ")
    start = name.rpartition(" ")[2]
    try:
        if not name or machine != _machine():
            return False
        os.kill(int(process), 0)  # sends nothing; only looks for the process
        state_and_start = _read_state_and_start(int(process))
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        return False
    return state_and_start is not None and (
        state_and_start[0] in _ENDED_STATES or state_and_start[1] != start
    )


def _machine() -> str:
    boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{os.readlink(_PROC / 'self/ns/pid')}"


def _read_state_and_start(process: int) -> tuple[str, str] | None:
    """Return a letter and a number of ticks, None if this user may not see that process."""
    try:
        # The command's name in parentheses may contain blanks and parentheses.
        fields = (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, PermissionError):
        return None
    return fields[0], fields[19]
